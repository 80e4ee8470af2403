package dev.stockade.sentry.platform.fake;

import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Registers;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/** What a guest program can do: system calls and memory accesses, with signals delivered as the processor would. */
public final class Guest {
    private static final int SYS_RT_SIGACTION = 13;
    private static final int SYS_RT_SIGRETURN = 15;
    private static final int SYS_FORK = 57;
    private static final int SYS_CLONE = 56;
    private static final int SYS_VFORK = 58;
    private static final long RESTORER = TinyElf.BASE + 0x3f00;

    private final FakeContext context;

    /** Where the next {@link #allocate} is. */
    private long brk = TinyElf.DATA;

    Guest(FakeContext context) {
        this.context = context;
    }

    // ---- Memory

    /** Some bytes of the program's own segment, aligned to 16. */
    public long allocate(int size) {
        long p = brk;
        brk += (size + 15) & ~15;
        if (brk > TinyElf.BASE + TinyElf.SIZE) {
            throw new IllegalStateException("the segment is full");
        }
        return p;
    }

    public long string(String s) {
        byte[] b = s.getBytes(StandardCharsets.UTF_8);
        long p = allocate(b.length + 1);
        for (int i = 0; i < b.length; i++) {
            storeByte(p + i, b[i]);
        }
        storeByte(p + b.length, (byte) 0);
        return p;
    }

    private long access(long address, boolean write) {
        for (; ; ) {
            long physical = context.translate(address, write);
            if (physical >= 0) {
                return physical;
            }
            long code = 4 | (write ? 2 : 0) | (context.present(address) ? 1 : 0);
            long here = context.machine.code.returnAddress();
            context.registers.rip = here;
            context.leave(ExitReason.EXCEPTION, 14, code, address);
            settle(here);
        }
    }

    public void storeByte(long address, byte value) {
        context.machine.memory.segment().set(ValueLayout.JAVA_BYTE, access(address, true), value);
    }

    public byte loadByte(long address) {
        return context.machine.memory.segment().get(ValueLayout.JAVA_BYTE, access(address, false));
    }

    public void storeInt(long address, int value) {
        context.machine.memory.segment().set(ValueLayout.JAVA_INT_UNALIGNED, access(address, true), value);
    }

    public int loadInt(long address) {
        return context.machine.memory.segment().get(ValueLayout.JAVA_INT_UNALIGNED, access(address, false));
    }

    public void storeLong(long address, long value) {
        context.machine.memory.segment().set(ValueLayout.JAVA_LONG_UNALIGNED, access(address, true), value);
    }

    public long loadLong(long address) {
        return context.machine.memory.segment().get(ValueLayout.JAVA_LONG_UNALIGNED, access(address, false));
    }

    // ---- System calls

    /** Makes a system call; returns RAX. Handlers of signals run inside. */
    public long syscall(int number, long... arguments) {
        return syscallAt(context.machine.code.returnAddress(), number, arguments);
    }

    private long syscallAt(long returnAddress, int number, long... arguments) {
        Registers r = context.registers;
        r.rax = number;
        r.rdi = arguments.length > 0 ? arguments[0] : 0;
        r.rsi = arguments.length > 1 ? arguments[1] : 0;
        r.rdx = arguments.length > 2 ? arguments[2] : 0;
        r.r10 = arguments.length > 3 ? arguments[3] : 0;
        r.r8 = arguments.length > 4 ? arguments[4] : 0;
        r.r9 = arguments.length > 5 ? arguments[5] : 0;
        r.rip = returnAddress;
        context.leave(ExitReason.SYSCALL, 0, 0, 0);
        settle(returnAddress);
        return r.rax;
    }

    /** Runs what RIP says until it is {@code here} again: handlers, restarted calls. */
    private void settle(long here) {
        Registers r = context.registers;
        while (r.rip != here) {
            GuestHandler handler = context.machine.code.handlers.get(r.rip);
            if (handler != null) {
                int signal = (int) r.rdi;
                long frame = r.rsp;
                handler.handle(this, signal);
                // The handler's RET pops the restorer's address; that one calls rt_sigreturn.
                r.rsp = frame + 8;
                r.rax = SYS_RT_SIGRETURN;
                r.rip = RESTORER;
                context.leave(ExitReason.SYSCALL, 0, 0, 0);
            } else if (r.rip == here - 2) {
                r.rip = here;
                context.leave(ExitReason.SYSCALL, 0, 0, 0);
            } else {
                throw new IllegalStateException("guest jumped to 0x" + Long.toHexString(r.rip));
            }
        }
    }

    /** Computes until something happens to the task. */
    public void spin() {
        long here = context.machine.code.returnAddress();
        context.registers.rip = here;
        context.poll();
        settle(here);
    }

    /** fork(2): the child runs {@code child}. */
    public long fork(GuestProgram child) {
        return cloneAt(child, SYS_FORK);
    }

    public long vfork(GuestProgram child) {
        return cloneAt(child, SYS_VFORK);
    }

    /** clone(2). */
    public long clone(GuestProgram child, long flags, long stack, long parentTid, long childTid, long tls) {
        return cloneAt(child, SYS_CLONE, flags, stack, parentTid, childTid, tls);
    }

    private long cloneAt(GuestProgram child, int number, long... arguments) {
        long here = context.machine.code.returnAddress();
        context.machine.code.programs.put(here, child);
        // The parent's own guest thread goes on from here, so only the child may find the program.
        Registers r = context.registers;
        r.rax = number;
        r.rdi = arguments.length > 0 ? arguments[0] : 0;
        r.rsi = arguments.length > 1 ? arguments[1] : 0;
        r.rdx = arguments.length > 2 ? arguments[2] : 0;
        r.r10 = arguments.length > 3 ? arguments[3] : 0;
        r.r8 = arguments.length > 4 ? arguments[4] : 0;
        r.rip = here;
        context.forking = here;
        context.leave(ExitReason.SYSCALL, 0, 0, 0);
        context.forking = 0;
        settle(here);
        return r.rax;
    }

    // ---- Conveniences

    /** sigaction(2). */
    public void onSignal(int signal, int flags, GuestHandler handler) {
        setAction(signal, context.machine.code.handler(handler), flags, 0);
    }

    public long setAction(int signal, long handler, int flags, long mask) {
        long p = allocate(32);
        storeLong(p, handler);
        storeLong(p + 8, (flags & 0xffffffffL) | 0x04000000L);
        storeLong(p + 16, RESTORER);
        storeLong(p + 24, mask);
        return syscall(SYS_RT_SIGACTION, signal, p, 0, 8);
    }

    /** execve(2) with one argument. */
    public long exec(String path) {
        long name = string(path);
        long argv = allocate(16);
        storeLong(argv, name);
        storeLong(argv + 8, 0);
        long envp = allocate(8);
        storeLong(envp, 0);
        return syscall(59, name, argv, envp);
    }

    /** wait4(2); the status, or a negative errno. */
    public long waitFor(long pid, int options) {
        long status = allocate(4);
        storeInt(status, -1);
        long r = syscall(61, pid, status, options, 0);
        return r < 0 ? r : loadInt(status) & 0xffffffffL;
    }

    public void exit(int code) {
        syscall(231, code);
    }

    public Registers registers() {
        return context.registers;
    }
}
