/* signal(7), sigaction(2), sigprocmask(2), sigaltstack(2), sigsuspend(2), sigtimedwait(2), sigqueue(3). */
#include "../conform.h"
#include <setjmp.h>
#include <ucontext.h>
static volatile int count, order[64], norder, last_code, last_value, nested, on_stack;
static volatile pid_t last_pid;
static void on(int s) { count++; (void)s; }
static void info(int s, siginfo_t *si, void *uc) {
    (void)uc;
    last_code = si->si_code;
    last_pid = si->si_pid;
    last_value = si->si_value.sival_int;
    order[norder++ & 63] = s;
}
static void nest(int s) {
    int before = nested++;
    if (before == 0) raise(s);
    if (before == 0) order[norder++ & 63] = nested;
}
static char stack[65536];
static void altstack(int s) {
    char here;
    (void)s;
    on_stack = &here >= stack && &here < stack + sizeof stack;
}
static void change_rip(int s, siginfo_t *si, void *ucv) {
    ucontext_t *uc = ucv;
    (void)s, (void)si;
    uc->uc_mcontext.gregs[REG_RAX] = 1234;
    uc->uc_mcontext.gregs[REG_RIP] += 2;
}
static void set_handler(int s, void (*h)(int), int flags) {
    struct sigaction sa = {.sa_flags = flags};
    sa.sa_handler = h;
    sigaction(s, &sa, NULL);
}
static sigjmp_buf jb;
static void jump(int s) { (void)s; siglongjmp(jb, 1); }
static void default_term(void) { raise(SIGTERM); }
static void ignore_then_kill(void) { signal(SIGTERM, SIG_IGN); raise(SIGTERM); }
static void rt_default(void) { raise(SIGRTMIN + 3); }
static void winch_default(void) { raise(SIGWINCH); raise(SIGURG); raise(SIGCONT); raise(SIGCHLD); }
int main(void) {
    sigset_t set, old;
    struct sigaction sa = {0};
    section("default actions");
    CHECK(child_status(default_term) == 128 + SIGTERM);
    CHECK(child_status(ignore_then_kill) == 0);
    CHECK(child_status(rt_default) == 128 + SIGRTMIN + 3);
    CHECK(child_status(winch_default) == 0);
    section("handlers");
    set_handler(SIGUSR1, on, 0);
    raise(SIGUSR1);
    kill(getpid(), SIGUSR1);
    CHECK(count == 2);
    FAILS(sigaction(SIGKILL, &sa, NULL), EINVAL);
    FAILS(sigaction(65, &sa, NULL), EINVAL);
    FAILS(kill(getpid(), 65), EINVAL);
    FAILS(kill(0x3ffffff, 0), ESRCH);
    CHECK(kill(getpid(), 0) == 0);
    section("masks and pending");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGKILL);
    CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0);
    count = 0;
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK(count == 0);
    sigpending(&set);
    CHECK(sigismember(&set, SIGUSR1) == 1 && sigismember(&set, SIGUSR2) == 0);
    CHECK(sigprocmask(SIG_SETMASK, &old, &set) == 0);
    CHECK(count == 1);
    CHECK(sigismember(&set, SIGKILL) == 0);
    FAILS(sigprocmask(77, &set, NULL), EINVAL);
    section("real-time signals queue in order");
    struct sigaction ri = {.sa_flags = SA_SIGINFO};
    ri.sa_sigaction = info;
    sigfillset(&ri.sa_mask);
    for (int s = SIGRTMIN; s < SIGRTMIN + 3; s++) sigaction(s, &ri, NULL);
    sigfillset(&set);
    sigprocmask(SIG_BLOCK, &set, &old);
    for (int i = 0; i < 3; i++) {
        union sigval v = {.sival_int = 10 + i};
        sigqueue(getpid(), SIGRTMIN + 2 - i, v);
        sigqueue(getpid(), SIGRTMIN, v);
    }
    norder = 0;
    sigprocmask(SIG_SETMASK, &old, NULL);
    CHECK(norder == 6);
    CHECK(last_code == SI_QUEUE && last_pid == getpid());
    int sorted = 1;
    for (int i = 1; i < 6; i++) sorted &= order[i - 1] <= order[i];
    printf("order");
    for (int i = 0; i < 6; i++) printf(" +%d", order[i] - SIGRTMIN);
    printf(" value %d sorted %d\n", last_value, sorted);
    section("flags");
    nested = norder = 0;
    set_handler(SIGUSR2, nest, 0);
    raise(SIGUSR2);
    CHECK(nested == 2 && order[0] == 1);
    nested = norder = 0;
    set_handler(SIGUSR2, nest, SA_NODEFER);
    raise(SIGUSR2);
    CHECK(nested == 2 && order[0] == 2);
    set_handler(SIGUSR2, on, SA_RESETHAND);
    count = 0;
    raise(SIGUSR2);
    sigaction(SIGUSR2, NULL, &sa);
    CHECK(count == 1 && sa.sa_handler == SIG_DFL);
    section("alternate stack");
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack}, oss;
    CHECK(sigaltstack(&ss, NULL) == 0);
    set_handler(SIGUSR2, altstack, SA_ONSTACK);
    raise(SIGUSR2);
    CHECK(on_stack == 1);
    set_handler(SIGUSR2, altstack, 0);
    raise(SIGUSR2);
    CHECK(on_stack == 0);
    CHECK(sigaltstack(NULL, &oss) == 0 && oss.ss_sp == stack && oss.ss_flags == 0);
    ss.ss_size = 100;
    FAILS(sigaltstack(&ss, NULL), ENOMEM);
    ss.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&ss, NULL) == 0);
    section("interrupted calls");
    int p[2];
    char c;
    CHECK(pipe(p) == 0);
    set_handler(SIGALRM, on, 0);
    struct itimerval it = {{0, 0}, {0, 20000}}, zero = {0};
    count = 0;
    setitimer(ITIMER_REAL, &it, NULL);
    FAILS(read(p[0], &c, 1), EINTR);
    CHECK(count == 1);
    set_handler(SIGALRM, on, SA_RESTART);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct timespec ts = {0, 100000000};
        nanosleep(&ts, NULL);
        (void)!write(p[1], "r", 1);
        _exit(0);
    }
    count = 0;
    setitimer(ITIMER_REAL, &it, NULL);
    CHECK(read(p[0], &c, 1) == 1 && c == 'r');
    CHECK(count == 1);
    waitpid(child, NULL, 0);
    set_handler(SIGALRM, on, SA_RESTART);
    setitimer(ITIMER_REAL, &it, NULL);
    struct timespec req = {5, 0}, rem = {0, 0};
    FAILS(nanosleep(&req, &rem), EINTR);
    CHECK(rem.tv_sec == 4 && rem.tv_nsec > 0);
    setitimer(ITIMER_REAL, &it, NULL);
    struct pollfd pf = {p[0], POLLIN, 0};
    FAILS(poll(&pf, 1, 5000), EINTR);
    setitimer(ITIMER_REAL, &zero, NULL);
    section("sigsuspend, pause, sigtimedwait");
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, &old);
    count = 0;
    raise(SIGUSR1);
    sigset_t none;
    sigemptyset(&none);
    FAILS(sigsuspend(&none), EINTR);
    CHECK(count == 1);
    sigprocmask(SIG_BLOCK, NULL, &none);
    CHECK(sigismember(&none, SIGUSR1) == 1);
    siginfo_t si;
    struct timespec shortly = {0, 10000000};
    FAILS(sigtimedwait(&set, &si, &shortly), EAGAIN);
    raise(SIGUSR1);
    CHECK(sigtimedwait(&set, &si, &shortly) == SIGUSR1 && si.si_code == SI_USER && si.si_pid == getpid());
    CHECK(count == 1);
    sigprocmask(SIG_SETMASK, &old, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    FAILS(pause(), EINTR);
    section("leaving a handler by siglongjmp");
    set_handler(SIGUSR1, jump, 0);
    volatile int jumps = 0;
    for (int i = 0; i < 3; i++)
        if (sigsetjmp(jb, 1) == 0) raise(SIGUSR1);
        else jumps++;
    CHECK(jumps == 3);
    section("a handler changes registers");
    struct sigaction ill = {.sa_flags = SA_SIGINFO};
    ill.sa_sigaction = change_rip;
    sigaction(SIGILL, &ill, NULL);
    long rax;
    __asm__ volatile("mov $1, %%rax; ud2" : "=a"(rax)::"memory");
    CHECK(rax == 1234);
    section("signals between processes");
    signal(SIGUSR1, SIG_DFL);
    sigaction(SIGUSR1, &ri, NULL);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        kill(getppid(), SIGUSR1);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    CHECK(last_code == SI_USER && last_pid == child);
    section("storm");
    signal(SIGUSR1, SIG_DFL);
    set_handler(SIGUSR1, on, SA_RESTART);
    count = 0;
    fflush(stdout);
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 2000; i++) kill(getppid(), SIGUSR1);
        _exit(0);
    }
    int st;
    CHECK(waitpid(child, &st, 0) == child && st == 0);
    CHECK(count > 0 && count <= 2000);
    return finish();
}
