/* Races: rounds of fork, exec, exit, wait, threads and signals at once. */
#include "../conform.h"
static volatile int signals;
static void on(int s) { signals++; (void)s; }
static void *short_lived(void *arg) { return arg; }
static void *forker(void *arg) {
    long bad = 0;
    for (int i = 0; i < 50; i++) {
        pid_t p = fork();
        if (p == 0) _exit(i & 127);
        int st;
        if (waitpid(p, &st, 0) != p || WEXITSTATUS(st) != (i & 127)) bad++;
    }
    (void)arg;
    return (void *)bad;
}
static volatile int go;
static char *shared_page;
static void *toggler(void *arg) {
    (void)arg;
    while (go) {
        mprotect(shared_page, 4096, PROT_READ);
        mprotect(shared_page, 4096, PROT_READ | PROT_WRITE);
    }
    return NULL;
}
static volatile int caught;
static void on_segv(int s) { caught++; (void)s; sched_yield(); }
int main(int argc, char **argv) {
    if (argc > 1) return atoi(argv[1]);
    int rounds = 300, ok = 0, st;
    section("fork, exit, wait");
    for (int i = 0; i < rounds; i++) {
        pid_t p = fork();
        if (p == 0) _exit(i & 63);
        if (waitpid(p, &st, 0) == p && WIFEXITED(st) && WEXITSTATUS(st) == (i & 63)) ok++;
    }
    CHECK(ok == rounds);
    section("fork, exec, wait");
    ok = 0;
    for (int i = 0; i < 60; i++) {
        pid_t p = vfork();
        if (p == 0) {
            execl("/proc/self/exe", "x", "17", NULL);
            _exit(99);
        }
        if (waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 17) ok++;
    }
    CHECK(ok == 60);
    section("threads come and go");
    ok = 0;
    for (int i = 0; i < 200; i++) {
        pthread_t t;
        void *r = NULL;
        if (pthread_create(&t, NULL, short_lived, &ok) == 0 && pthread_join(t, &r) == 0 && r == &ok) ok++;
    }
    CHECK(ok == 200);
    section("forks from four threads");
    pthread_t t[4];
    long bad = 0;
    for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, forker, NULL);
    for (int i = 0; i < 4; i++) {
        void *r;
        pthread_join(t[i], &r);
        bad += (long)r;
    }
    CHECK(bad == 0);
    section("kill while starting");
    ok = 0;
    for (int i = 0; i < 100; i++) {
        pid_t p = fork();
        if (p == 0)
            for (;;) {}
        kill(p, SIGKILL);
        if (waitpid(p, &st, 0) == p && WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL) ok++;
    }
    CHECK(ok == 100);
    section("signals against system calls");
    signal(SIGUSR1, on);
    pid_t p = fork();
    if (p == 0) {
        for (int i = 0; i < 1000; i++) kill(getppid(), SIGUSR1);
        _exit(0);
    }
    int calls = 0;
    pid_t me = getpid();
    ok = 1;
    while (waitpid(p, &st, WNOHANG) == 0) {
        ok &= getpid() == me;
        calls++;
    }
    CHECK(ok && calls > 0);
    section("writers against changing protection");
    shared_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    signal(SIGSEGV, on_segv);
    go = 1;
    pthread_create(&t[0], NULL, toggler, NULL);
    for (int i = 0; i < 3000; i++) {
        ((volatile int *)shared_page)[i & 1023] = i;
        if (((volatile int *)shared_page)[i & 1023] != i) ok = 0;
    }
    go = 0;
    pthread_join(t[0], NULL);
    CHECK(ok);
    section("stop and continue under load");
    p = fork();
    if (p == 0)
        for (;;) getppid();
    ok = 0;
    for (int i = 0; i < 50; i++) {
        kill(p, SIGSTOP);
        ok += waitpid(p, &st, WUNTRACED) == p && WIFSTOPPED(st);
        kill(p, SIGCONT);
        ok += waitpid(p, &st, WCONTINUED) == p && WIFCONTINUED(st);
    }
    kill(p, SIGKILL);
    waitpid(p, &st, 0);
    CHECK(ok == 100);
    return finish();
}
