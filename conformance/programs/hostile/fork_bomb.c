/* expect: status 0
 * limit: tasks 64
 * Forks until it may not; then everything can be killed and a fork works again. */
#include "../conform.h"
int main(void) {
    setpgid(0, 0);
    signal(SIGTERM, SIG_IGN);
    int refused = 0, made = 0;
    for (int i = 0; i < 5000 && refused < 100; i++) {
        pid_t p = fork();
        if (p == 0) {
            signal(SIGTERM, SIG_DFL);
            for (;;) {
                if (fork() < 0) {
                    struct timespec ms = {0, 5000000};
                    nanosleep(&ms, NULL);
                }
            }
        }
        if (p < 0) {
            if (errno != EAGAIN) return 2;
            refused++;
            struct timespec ms = {0, 1000000};
            nanosleep(&ms, NULL);
        } else made++;
    }
    printf("refused %d\n", refused >= 100);
    fflush(stdout);
    int st;
    /* Children of children are reparented to init, which may be this very process. */
    for (int round = 0; round < 2000; round++) {
        kill(0, SIGTERM);
        while (waitpid(-1, &st, WNOHANG) > 0) {}
        if (kill(-1, 0) < 0 && errno == ESRCH) break;
        struct timespec ms = {0, 2000000};
        nanosleep(&ms, NULL);
    }
    pid_t p = -1;
    for (int i = 0; i < 1000 && p < 0; i++) {
        p = fork();
        if (p == 0) _exit(0);
        struct timespec ms = {0, 2000000};
        nanosleep(&ms, NULL);
    }
    printf("forks again %d\n", p > 0);
    return made > 0 && p > 0 ? 0 : 1;
}
