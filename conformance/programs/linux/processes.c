/* fork(2), vfork(2), wait4(2), waitid(2), _exit(2), prctl(2) PR_SET_CHILD_SUBREAPER and PR_SET_PDEATHSIG. */
#include "../conform.h"
#include <sys/prctl.h>
static pid_t spawn(int code) {
    fflush(stdout);
    pid_t p = fork();
    if (p == 0) _exit(code);
    return p;
}
static void abort_child(void) { signal(SIGABRT, SIG_DFL); abort(); }
static void kill_child(void) { kill(getpid(), SIGKILL); }
int main(void) {
    int st, p[2];
    siginfo_t si;
    section("exit status");
    pid_t a = spawn(7);
    CHECK(waitpid(a, &st, 0) == a && WIFEXITED(st) && WEXITSTATUS(st) == 7);
    FAILS(waitpid(a, &st, 0), ECHILD);
    FAILS(wait(&st), ECHILD);
    FAILS(waitpid(-1, &st, 0x80), EINVAL);
    a = spawn(300);
    CHECK(waitpid(-1, &st, 0) == a && st == (300 & 255) << 8);
    CHECK(child_status(abort_child) == 128 + SIGABRT);
    CHECK(child_status(kill_child) == 128 + SIGKILL);
    section("WNOHANG and waitid");
    CHECK(pipe(p) == 0);
    fflush(stdout);
    a = fork();
    if (a == 0) {
        char c;
        close(p[1]);
        (void)!read(p[0], &c, 1);
        _exit(9);
    }
    close(p[0]);
    CHECK(waitpid(a, &st, WNOHANG) == 0);
    memset(&si, 0xff, sizeof si);
    CHECK(waitid(P_PID, a, &si, WEXITED | WNOHANG) == 0 && si.si_pid == 0);
    close(p[1]);
    CHECK(waitid(P_PID, a, &si, WEXITED | WNOWAIT) == 0);
    CHECK(si.si_pid == a && si.si_code == CLD_EXITED && si.si_status == 9 && si.si_signo == SIGCHLD);
    CHECK(waitid(P_ALL, 0, &si, WEXITED) == 0 && si.si_pid == a);
    FAILS(waitid(P_ALL, 0, &si, WEXITED), ECHILD);
    FAILS(waitid(P_ALL, 0, &si, 0), EINVAL);
    section("process groups");
    fflush(stdout);
    a = fork();
    if (a == 0) {
        setpgid(0, 0);
        _exit(getpgrp() == getpid() ? 6 : 1);
    }
    setpgid(a, a);
    FAILS(waitpid(-getpgrp(), &st, WNOHANG), ECHILD);
    CHECK(waitpid(-a, &st, 0) == a && WEXITSTATUS(st) == 6);
    section("reparenting to a subreaper");
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    CHECK(pipe(p) == 0);
    fflush(stdout);
    a = fork();
    if (a == 0) {
        pid_t parent = getpid(), g = fork();
        if (g == 0) {
            while (getppid() == parent) sched_yield();
            pid_t now = getppid();
            (void)!write(p[1], &now, sizeof now);
            _exit(5);
        }
        _exit(0);
    }
    pid_t newparent = 0;
    CHECK(read(p[0], &newparent, sizeof newparent) == sizeof newparent && newparent == getpid());
    CHECK(waitpid(a, &st, 0) == a);
    CHECK(wait(&st) > 0 && WEXITSTATUS(st) == 5);
    section("parent death signal");
    fflush(stdout);
    a = fork();
    if (a == 0) {
        int q[2];
        if (pipe(q)) _exit(1);
        pid_t g = fork();
        if (g == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            (void)!write(q[1], "x", 1);
            for (;;) pause();
        }
        char c;
        (void)!read(q[0], &c, 1);
        _exit(0);
    }
    CHECK(waitpid(a, &st, 0) == a);
    CHECK(wait(&st) > 0 && WIFSIGNALED(st) && WTERMSIG(st) == SIGTERM);
    section("vfork");
    static volatile int shared = 1;
    a = vfork();
    if (a == 0) {
        shared = 2;
        _exit(4);
    }
    CHECK(shared == 2);
    CHECK(waitpid(a, &st, 0) == a && WEXITSTATUS(st) == 4);
    section("ignored SIGCHLD leaves no zombie");
    signal(SIGCHLD, SIG_IGN);
    spawn(0);
    FAILS(wait(&st), ECHILD);
    signal(SIGCHLD, SIG_DFL);
    section("many children");
    int sum = 0;
    for (int i = 0; i < 40; i++) spawn(i);
    for (int i = 0; i < 40; i++)
        if (wait(&st) > 0) sum += WEXITSTATUS(st);
    CHECK(sum == 780);
    section("separate memory, shared file offset");
    static int value = 1;
    int fd = open("f", O_CREAT | O_RDWR, 0600);
    fflush(stdout);
    a = fork();
    if (a == 0) {
        value = 2;
        _exit(write(fd, "child", 5) == 5 ? 0 : 1);
    }
    waitpid(a, &st, 0);
    CHECK(st == 0 && value == 1 && lseek(fd, 0, SEEK_CUR) == 5);
    section("resource usage of children");
    struct rusage ru;
    CHECK(getrusage(RUSAGE_CHILDREN, &ru) == 0 && ru.ru_utime.tv_sec >= 0);
    CHECK(wait4(spawn(0), &st, 0, &ru) > 0);
    return finish();
}
