/* getrlimit(2), prlimit(2): limits that are enforced. */
#include "../conform.h"
static void file_size(void) {
    struct rlimit r = {1000, 1000};
    setrlimit(RLIMIT_FSIZE, &r);
    int fd = open("big", O_CREAT | O_WRONLY, 0600);
    char b[600] = {0};
    if (write(fd, b, 600) != 600 || write(fd, b, 600) != 400) _exit(1);
    (void)!write(fd, b, 1);
    _exit(2);
}
static void address_space(void) {
    struct rlimit r = {256 << 20, 256 << 20};
    setrlimit(RLIMIT_AS, &r);
    void *p = mmap(NULL, 512 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(p == MAP_FAILED && errno == ENOMEM ? 0 : 1);
}
static void stack_limit(void) {
    struct rlimit r;
    getrlimit(RLIMIT_STACK, &r);
    _exit(r.rlim_cur == 8 << 20 ? 0 : 1);
}
static void cpu_time(void) {
    struct rlimit r = {1, 2};
    setrlimit(RLIMIT_CPU, &r);
    for (volatile long i = 0;; i++) {}
}
int main(void) {
    struct rlimit r, old;
    CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur >= 256);
    FAILS(getrlimit(99, &r), EINVAL);
    r = (struct rlimit){100, 50};
    FAILS(setrlimit(RLIMIT_NOFILE, &r), EINVAL);
    r = (struct rlimit){100, 200};
    CHECK(prlimit(0, RLIMIT_NOFILE, &r, &old) == 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur == 100 && r.rlim_max == 200);
    CHECK(sysconf(_SC_OPEN_MAX) == 100);
    CHECK(child_status(file_size) == 128 + SIGXFSZ);
    CHECK(child_status(address_space) == 0);
    CHECK(child_status(stack_limit) == 0);
    CHECK(child_status(cpu_time) == 128 + SIGXCPU);
    CHECK(sysconf(_SC_PAGESIZE) == 4096 && sysconf(_SC_CLK_TCK) == 100);
    return finish();
}
