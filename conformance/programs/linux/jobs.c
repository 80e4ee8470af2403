/* setpgid(2), setsid(2), kill(2) to groups, stop and continue, wait(2) with WUNTRACED and WCONTINUED. */
#include "../conform.h"
static pid_t sleeper(pid_t pgid) {
    int p[2];
    char c;
    if (pipe(p)) exit(1);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, pgid);
        (void)!write(p[1], "x", 1);
        for (;;) pause();
    }
    (void)!read(p[0], &c, 1);
    close(p[0]);
    close(p[1]);
    return pid;
}
static volatile int chld, chld_code;
static void on_chld(int s, siginfo_t *si, void *u) { chld++; chld_code = si->si_code; (void)s, (void)u; }
static void new_session(void) {
    if (setsid() != getpid() || getsid(0) != getpid() || getpgrp() != getpid()) _exit(1);
    if (setsid() != -1 || errno != EPERM) _exit(2);
    if (setpgid(0, 0) != -1 || errno != EPERM) _exit(3);
}
int main(void) {
    int st;
    siginfo_t si;
    section("groups");
    pid_t a = sleeper(0), b = sleeper(a);
    CHECK(getpgid(a) == a && getpgid(b) == a && getpgid(0) == getpgrp());
    FAILS(setpgid(a, -1), EINVAL);
    FAILS(setpgid(0x3ffffff, 0), ESRCH);
    FAILS(setpgid(b, 0x3fffff), EPERM);
    FAILS(getpgid(0x3ffffff), ESRCH);
    CHECK(kill(-a, 0) == 0);
    CHECK(killpg(a, SIGTERM) == 0);
    CHECK(waitpid(-a, &st, 0) > 0 && WTERMSIG(st) == SIGTERM);
    CHECK(waitpid(-a, &st, 0) > 0 && WTERMSIG(st) == SIGTERM);
    FAILS(kill(-a, 0), ESRCH);
    section("stop and continue");
    struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_RESTART};
    sa.sa_sigaction = on_chld;
    sigaction(SIGCHLD, &sa, NULL);
    a = sleeper(0);
    chld = 0;
    kill(a, SIGSTOP);
    CHECK(waitpid(a, &st, WUNTRACED) == a && WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
    CHECK(chld == 1 && chld_code == CLD_STOPPED);
    CHECK(waitpid(a, &st, WUNTRACED | WNOHANG) == 0);
    kill(a, SIGTERM);
    CHECK(waitpid(a, &st, WNOHANG) == 0);
    kill(a, SIGCONT);
    CHECK(waitpid(a, &st, 0) == a && WTERMSIG(st) == SIGTERM);
    a = sleeper(0);
    kill(a, SIGTSTP);
    CHECK(waitid(P_PID, a, &si, WSTOPPED) == 0 && si.si_code == CLD_STOPPED && si.si_status == SIGTSTP);
    kill(a, SIGCONT);
    CHECK(waitid(P_PID, a, &si, WCONTINUED) == 0 && si.si_code == CLD_CONTINUED && si.si_status == SIGCONT);
    kill(a, SIGSTOP);
    CHECK(waitpid(a, &st, WUNTRACED) == a);
    kill(a, SIGKILL);
    CHECK(waitpid(a, &st, 0) == a && WTERMSIG(st) == SIGKILL);
    sa.sa_flags |= SA_NOCLDSTOP;
    sigaction(SIGCHLD, &sa, NULL);
    a = sleeper(0);
    chld = 0;
    kill(a, SIGSTOP);
    CHECK(waitpid(a, &st, WUNTRACED) == a && chld == 0);
    kill(a, SIGKILL);
    waitpid(a, &st, 0);
    section("sessions");
    CHECK(child_status(new_session) == 0);
    a = sleeper(0);
    FAILS(getsid(0x3ffffff), ESRCH);
    CHECK(getsid(a) == getsid(0));
    kill(a, SIGKILL);
    waitpid(a, &st, 0);
    return finish();
}
