/* expect: status 0
 * limit: memory 128M
 * A child that eats memory past the limit is killed by SIGKILL; its parent lives and has memory again. */
#include "../conform.h"
static void eat(void) {
    for (;;) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) _exit(3);
        memset(p, 1, 1 << 20);
    }
}
static void eat_file(void) {
    int fd = open("/tmp/eat", O_CREAT | O_WRONLY, 0600);
    static char buf[1 << 20];
    memset(buf, 1, sizeof buf);
    for (int i = 0; i < 4096; i++)
        if (write(fd, buf, sizeof buf) < (ssize_t)sizeof buf) {
            unlink("/tmp/eat");
            _exit(errno == ENOSPC || errno == ENOMEM ? 4 : 4);
        }
    _exit(5);
}
int main(void) {
    for (int i = 0; i < 2; i++) {
        int s = child_status(eat);
        printf("eater ended with %d\n", s);
        if (s != 128 + SIGKILL) return 1;
    }
    int s = child_status(eat_file);
    printf("file eater was stopped: %d\n", s == 4 || s == 128 + SIGKILL);
    if (s == 5) return 2;
    unlink("/tmp/eat");
    char *p = mmap(NULL, 32 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 1, 32 << 20);
    printf("memory again\n");
    return 0;
}
