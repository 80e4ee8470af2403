package dev.stockade.sentry.platform;

/**
 * The general registers of one task. Exclusive to the task thread while its context is not in
 * {@link Context#run}. Every value comes from the guest and is hostile.
 */
public final class Registers {
    public long rax;
    public long rbx;
    public long rcx;
    public long rdx;
    public long rsi;
    public long rdi;
    public long rbp;
    public long rsp;
    public long r8;
    public long r9;
    public long r10;
    public long r11;
    public long r12;
    public long r13;
    public long r14;
    public long r15;
    public long rip;
    public long rflags = 0x202;
    public long fsBase;
    public long gsBase;

    /** Copies all values of {@code other} into this. */
    public void set(Registers other) {
        rax = other.rax;
        rbx = other.rbx;
        rcx = other.rcx;
        rdx = other.rdx;
        rsi = other.rsi;
        rdi = other.rdi;
        rbp = other.rbp;
        rsp = other.rsp;
        r8 = other.r8;
        r9 = other.r9;
        r10 = other.r10;
        r11 = other.r11;
        r12 = other.r12;
        r13 = other.r13;
        r14 = other.r14;
        r15 = other.r15;
        rip = other.rip;
        rflags = other.rflags;
        fsBase = other.fsBase;
        gsBase = other.gsBase;
    }
}
