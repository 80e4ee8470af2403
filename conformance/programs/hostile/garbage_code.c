/* expect: status 0
 * Children that execute random bytes end by a signal or otherwise, and end soon. */
#include "../conform.h"
int main(void) {
    int ended = 0;
    uint64_t state = 88172645463325252ull;
    for (int i = 0; i < 200; i++) {
        fflush(stdout);
        pid_t p = fork();
        if (p == 0) {
            alarm(1);
            unsigned char *code = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            for (int k = 0; k < 65536; k++) {
                state ^= state << 13, state ^= state >> 7, state ^= state << 17;
                code[k] = (unsigned char)(state >> 20);
                if (i) state += i;
            }
            ((void (*)(void))code)();
            _exit(0);
        }
        int st, tries = 0;
        while (waitpid(p, &st, WNOHANG) == 0) {
            struct timespec ms = {0, 1000000};
            nanosleep(&ms, NULL);
            if (++tries > 3000) kill(p, SIGKILL);
        }
        ended++;
    }
    printf("ended %d\n", ended);
    return ended == 200 ? 0 : 1;
}
