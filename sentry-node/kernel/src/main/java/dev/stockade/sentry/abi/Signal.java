package dev.stockade.sentry.abi;

/** Signal numbers, sets and siginfo codes of x86-64 (signal(7), include/uapi/asm-generic/siginfo.h). */
public final class Signal {
    private Signal() {}

    public static final int SIGHUP = 1;
    public static final int SIGINT = 2;
    public static final int SIGQUIT = 3;
    public static final int SIGILL = 4;
    public static final int SIGTRAP = 5;
    public static final int SIGABRT = 6;
    public static final int SIGBUS = 7;
    public static final int SIGFPE = 8;
    public static final int SIGKILL = 9;
    public static final int SIGUSR1 = 10;
    public static final int SIGSEGV = 11;
    public static final int SIGUSR2 = 12;
    public static final int SIGPIPE = 13;
    public static final int SIGALRM = 14;
    public static final int SIGTERM = 15;
    public static final int SIGSTKFLT = 16;
    public static final int SIGCHLD = 17;
    public static final int SIGCONT = 18;
    public static final int SIGSTOP = 19;
    public static final int SIGTSTP = 20;
    public static final int SIGTTIN = 21;
    public static final int SIGTTOU = 22;
    public static final int SIGURG = 23;
    public static final int SIGXCPU = 24;
    public static final int SIGXFSZ = 25;
    public static final int SIGVTALRM = 26;
    public static final int SIGPROF = 27;
    public static final int SIGWINCH = 28;
    public static final int SIGIO = 29;
    public static final int SIGPWR = 30;
    public static final int SIGSYS = 31;

    /** First real-time signal as the kernel counts them. */
    public static final int SIGRTMIN = 32;

    /** Highest signal number (_NSIG). */
    public static final int SIGNAL_MAX = 64;

    /** Size of the kernel's sigset_t in bytes. */
    public static final int SIGSET_SIZE = 8;

    public static final int SIG_BLOCK = 0;
    public static final int SIG_UNBLOCK = 1;
    public static final int SIG_SETMASK = 2;

    public static final long SIG_DFL = 0;
    public static final long SIG_IGN = 1;

    public static final int SA_NOCLDSTOP = 0x1;
    public static final int SA_NOCLDWAIT = 0x2;
    public static final int SA_SIGINFO = 0x4;
    public static final int SA_RESTORER = 0x04000000;
    public static final int SA_ONSTACK = 0x08000000;
    public static final int SA_RESTART = 0x10000000;
    public static final int SA_NODEFER = 0x40000000;
    public static final int SA_RESETHAND = 0x80000000;

    public static final int SS_ONSTACK = 1;
    public static final int SS_DISABLE = 2;
    public static final int SS_AUTODISARM = 0x80000000;
    public static final int MINSIGSTKSZ = 2048;

    public static final int SI_USER = 0;
    public static final int SI_KERNEL = 0x80;
    public static final int SI_QUEUE = -1;
    public static final int SI_TIMER = -2;
    public static final int SI_TKILL = -6;

    public static final int ILL_ILLOPN = 2;
    public static final int FPE_INTDIV = 1;
    public static final int FPE_FLTINV = 7;
    public static final int SEGV_MAPERR = 1;
    public static final int SEGV_ACCERR = 2;
    public static final int BUS_ADRALN = 1;
    public static final int BUS_ADRERR = 2;
    public static final int TRAP_BRKPT = 1;
    public static final int TRAP_TRACE = 2;

    public static final int CLD_EXITED = 1;
    public static final int CLD_KILLED = 2;
    public static final int CLD_DUMPED = 3;
    public static final int CLD_TRAPPED = 4;
    public static final int CLD_STOPPED = 5;
    public static final int CLD_CONTINUED = 6;

    /** The signals that can be neither caught, blocked nor ignored. */
    public static final long UNBLOCKABLE = bit(SIGKILL) | bit(SIGSTOP);

    /** The signals whose default action stops. */
    public static final long STOP_SIGNALS = bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);

    /** The signals that an exception raises in the instruction's own thread. */
    public static final long SYNCHRONOUS =
            bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGTRAP) | bit(SIGFPE) | bit(SIGSYS);

    /** The signals whose default action dumps core (signal(7)). */
    public static final long CORE_SIGNALS = bit(SIGQUIT)
            | bit(SIGILL)
            | bit(SIGTRAP)
            | bit(SIGABRT)
            | bit(SIGBUS)
            | bit(SIGFPE)
            | bit(SIGSEGV)
            | bit(SIGXCPU)
            | bit(SIGXFSZ)
            | bit(SIGSYS);

    /** The signals whose default action is to ignore. */
    public static final long DEFAULT_IGNORED = bit(SIGCHLD) | bit(SIGCONT) | bit(SIGURG) | bit(SIGWINCH);

    /** The set with just this signal. */
    public static long bit(int signal) {
        return 1L << (signal - 1);
    }

    public static boolean contains(long set, int signal) {
        return (set & bit(signal)) != 0;
    }

    public static boolean isValid(int signal) {
        return signal >= 1 && signal <= SIGNAL_MAX;
    }

    public static boolean isRealTime(int signal) {
        return signal >= SIGRTMIN;
    }

    private static final String[] NAMES = {
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS"
    };

    /** For people, e.g. {@code SIGTERM} or {@code SIG34}. */
    public static String name(int signal) {
        return signal >= 1 && signal <= NAMES.length ? "SIG" + NAMES[signal - 1] : "SIG" + signal;
    }
}
