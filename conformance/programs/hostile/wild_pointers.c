/* expect: status 0
 * Every system call with wild pointers, lengths and flags, many times, in children that may die of it. Calls that
 * end or stop the caller for ever are left out; everything else must come back or kill only the child. */
#include "../conform.h"
static uint64_t state = 0x9e3779b97f4a7c15;
static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}
static char valid[8192];
static long wild(void) {
    static const long fixed[] = {0, 1, -1, 8, 0x7ffffffff000, 0x800000000000, (long)0xffff800000000000,
                                 (long)0x8000000000000000, 0x7fffffffffffffff, 0xffffffff, 0x80000000, 4096, 3};
    uint64_t r = next();
    switch (r % 4) {
        case 0: return fixed[(r >> 8) % (sizeof fixed / sizeof *fixed)];
        case 1: return (long)(valid + (r >> 8) % sizeof valid);
        case 2: return (r >> 8) % 64;
        default: return (long)next();
    }
}
static int skipped(int nr) {
    switch (nr) {
        case SYS_exit: case SYS_exit_group: case SYS_pause: case SYS_rt_sigsuspend: case SYS_fork: case SYS_vfork:
        case SYS_clone: case SYS_clone3: case SYS_rt_sigreturn: case SYS_kill: case SYS_tkill: case SYS_tgkill:
        case SYS_rt_sigqueueinfo: case SYS_rt_tgsigqueueinfo: case SYS_pidfd_send_signal:
            return 1;
        default:
            return nr >= 335 && nr < 424; /* no such calls */
    }
}
int main(void) {
    int died = 0, came_back = 0;
    for (int nr = 0; nr < 460; nr++) {
        if (skipped(nr)) continue;
        fflush(stdout);
        pid_t p = fork();
        if (p == 0) {
            state ^= (uint64_t)nr * 0x2545f4914f6cdd1d;
            struct itimerval it = {{0, 20000}, {0, 20000}}; /* ends calls that block; the last one ends the child */
            struct rlimit r = {64 << 20, 64 << 20};
            setrlimit(RLIMIT_FSIZE, &r);
            alarm(20);
            signal(SIGVTALRM, SIG_IGN);
            (void)it;
            for (int i = 0; i < 40; i++) {
                struct itimerval one = {{0, 0}, {0, 30000}};
                struct sigaction sa = {0};
                extern void on_alarm(int);
                sa.sa_handler = on_alarm;
                sigaction(SIGALRM, &sa, NULL);
                setitimer(ITIMER_REAL, &one, NULL);
                syscall(nr, wild(), wild(), wild(), wild(), wild(), wild());
            }
            _exit(0);
        }
        int st, waited = 0;
        while (waitpid(p, &st, WNOHANG) == 0) {
            struct timespec ms = {0, 2000000};
            nanosleep(&ms, NULL);
            if (++waited > 5000) {
                kill(p, SIGKILL); /* blocked with its alarm turned off: it must at least die of this */
                waited = -1000000;
            }
        }
        if (WIFSIGNALED(st)) died++;
        else came_back++;
    }
    printf("all system calls tried: %d\n", died + came_back > 300);
    return 0;
}
void on_alarm(int s) { (void)s; }
