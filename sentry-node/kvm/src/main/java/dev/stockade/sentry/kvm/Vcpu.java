package dev.stockade.sentry.kvm;

import dev.stockade.sentry.kvm.KvmAbi.Regs;
import dev.stockade.sentry.kvm.KvmAbi.Run;
import dev.stockade.sentry.kvm.KvmAbi.Sregs;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A vCPU and what is loaded in it. Everything but {@link #kick}, {@link #requestYield} and {@link #tryAcquire} is
 * exclusive to the thread that holds it ({@link #tryAcquire} returned true).
 *
 * <p>Registers travel in {@code kvm_run}; CR3, FS and GS base and the way from CPL 0 back to ring 3 only when they
 * change, because they make an entry dearer.
 */
final class Vcpu implements AutoCloseable {
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    /** CF PF AF ZF SF TF DF OF NT RF AC ID: what ring 3 may have set. */
    private static final long RFLAGS_USER =
            0x1 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x400 | 0x800 | 0x4000 | 0x10000 | 0x40000 | 0x200000;

    private static final long RFLAGS_FIXED = 0x202;

    /** Kicks that find the guest inside a stub are retried; a stub has at most four instructions. */
    private static final int MAX_STUB_RETRIES = 10_000;

    /** The user's queue of real-time signals may be full for a moment. */
    private static final int MAX_KICK_RETRIES = 1000;

    private static final long CR0 = 0x8005_0033L; // PG AM WP NE ET MP PE
    private static final long CR4 = 1 << 5 | 1 << 9 | 1 << 10 | 1 << 18; // PAE OSFXSR OSXMMEXCPT OSXSAVE
    private static final long EFER = 1 | 1 << 8 | 1 << 10 | 1 << 11; // SCE LME LMA NXE

    private static final long MSR_STAR = 0xC000_0081L;
    private static final long MSR_LSTAR = 0xC000_0082L;
    private static final long MSR_CSTAR = 0xC000_0083L;
    private static final long MSR_SFMASK = 0xC000_0084L;
    private static final long SFMASK = 0x257fd5;

    private final KvmMachine machine;
    private final KernelImage image;
    private final int index;
    private final KvmVcpu kvm;
    private final MemorySegment run;
    private final AtomicBoolean busy = new AtomicBoolean();

    /** Whose FPU state is loaded. Written while busy and under the pool's lock. */
    @Nullable
    KvmContext owner;

    /** The pool's clock when it was taken or given back last; a racy read is good enough to find an old one. */
    long lastUse;

    /** Whether a kick is on its way: cleared before the reasons for one are looked at. */
    private final AtomicBoolean kicked = new AtomicBoolean();

    private volatile boolean yieldRequested;
    private volatile int threadId;
    private @Nullable Thread thread;

    private long loadedRoot = -1;
    private long loadedFsBase;
    private long loadedGsBase;

    /** Whether the vCPU is at CPL 3 now. */
    private boolean atUser;

    private int flushGeneration;

    /** @param busy created as taken */
    Vcpu(KvmMachine machine, int index) {
        this.machine = machine;
        this.image = machine.image();
        this.index = index;
        this.kvm = machine.vm().createVcpu(index);
        this.run = kvm.run();
        this.busy.set(true);
        try {
            setUp();
        } catch (HostException e) {
            kvm.close();
            throw e;
        }
    }

    private void setUp() {
        KvmPlatform platform = machine.platform();
        kvm.setCpuid2(platform.cpuid());
        MemorySegment sregs = run.asSlice(Run.SREGS, Sregs.SIZE);
        kvm.getSregs(sregs);
        setSegments();
        segment(Sregs.TR, 0x38, 11, 0, 0);
        sregs.set(LONG, Sregs.TR, KernelImage.tssBase(index));
        sregs.set(INT, Sregs.TR + 8, KernelImage.TSS_LIMIT);
        segment(Sregs.LDT, 0, 2, 0, 0);
        sregs.set(LONG, Sregs.GDT, KernelImage.GDT_BASE);
        sregs.set(ValueLayout.JAVA_SHORT, Sregs.GDT + 8, (short) KernelImage.GDT_LIMIT);
        sregs.set(LONG, Sregs.IDT, KernelImage.IDT_BASE);
        sregs.set(ValueLayout.JAVA_SHORT, Sregs.IDT + 8, (short) KernelImage.IDT_LIMIT);
        sregs.set(LONG, Sregs.CR0, CR0);
        sregs.set(LONG, Sregs.CR3, KernelImage.idleRoot());
        sregs.set(LONG, Sregs.CR4, CR4);
        sregs.set(LONG, Sregs.EFER, EFER);
        kvm.setSregs(sregs);
        kvm.setXcr0(platform.xcr0());
        kvm.setMsrs(
                MSR_STAR,
                (long) KernelImage.KERNEL_CS << 32,
                MSR_LSTAR,
                KernelImage.SYSCALL_ENTRY,
                MSR_CSTAR,
                KernelImage.SYSCALL_ENTRY,
                MSR_SFMASK,
                SFMASK);
        kvm.setDeviceAttrTscOffsetZero();
        run.set(LONG, Run.VALID_REGS, KvmAbi.KVM_SYNC_X86_REGS);
        atUser = true;
    }

    /** Flat ring-3 segments; data selectors are null as Linux leaves them, but usable. */
    private void setSegments() {
        segment(Sregs.CS, KernelImage.USER_CS, 11, 3, 1);
        segment(Sregs.SS, KernelImage.USER_SS, 3, 3, 0);
        segment(Sregs.DS, 0, 3, 3, 0);
        segment(Sregs.ES, 0, 3, 3, 0);
        segment(Sregs.FS, 0, 3, 3, 0);
        segment(Sregs.GS, 0, 3, 3, 0);
    }

    /** struct kvm_segment: u64 base, u32 limit, u16 selector, u8 type present dpl db s l g avl unusable. */
    private void segment(long which, int selector, int type, int dpl, int code) {
        boolean system = which == Sregs.TR || which == Sregs.LDT;
        long at = Run.SREGS + which;
        run.set(LONG, at, 0);
        run.set(INT, at + 8, system ? 0 : -1);
        run.set(ValueLayout.JAVA_SHORT, at + 12, (short) selector);
        run.set(BYTE, at + 14, (byte) type);
        run.set(BYTE, at + 15, (byte) (which == Sregs.LDT ? 0 : 1));
        run.set(BYTE, at + 16, (byte) dpl);
        run.set(BYTE, at + 17, (byte) (system || code == 1 ? 0 : 1));
        run.set(BYTE, at + 18, (byte) (system ? 0 : 1));
        run.set(BYTE, at + 19, (byte) code);
        run.set(BYTE, at + 20, (byte) (system ? 0 : 1));
        run.set(BYTE, at + 21, (byte) 0);
        run.set(BYTE, at + 22, (byte) (which == Sregs.LDT ? 1 : 0));
    }

    boolean tryAcquire() {
        return !busy.get() && busy.compareAndSet(false, true);
    }

    void free() {
        busy.set(false);
    }

    boolean isBusy() {
        return busy.get();
    }

    /** Says which thread is going to enter it, for {@link #kick}. */
    void bindThread() {
        Thread current = Thread.currentThread();
        if (thread != current) {
            thread = current;
            threadId = Host.gettid();
        }
        yieldRequested = false;
    }

    /**
     * Gets it out of KVM_RUN, or out of the next one. Any thread. Whatever the kick is for must be visible before:
     * a kick that is on its way already serves everyone, because real-time signals queue up.
     */
    void kick() {
        if (!kicked.compareAndSet(false, true)) {
            return;
        }
        try {
            kvm.setImmediateExit(true);
        } catch (IllegalStateException e) {
            return; // the machine was closed meanwhile: nothing runs
        }
        VarHandle.fullFence();
        KvmPlatform platform = machine.platform();
        for (int i = 0; i < MAX_KICK_RETRIES; i++) {
            if (Host.tgkill(platform.processId(), threadId, platform.kickSignal())) {
                return;
            }
            Thread.onSpinWait();
        }
    }

    /** Makes the context that runs on it give it back soon. Any thread. */
    void requestYield() {
        yieldRequested = true;
        kick();
    }

    /** Makes this vCPU the given context's: nothing of an earlier one is left in it. */
    void load(KvmContext context) {
        setSegments();
        loadedRoot = -1;
        run.asSlice(Run.EVENTS, KvmAbi.Events.SIZE).fill((byte) 0);
        run.set(LONG, Run.DIRTY_REGS, KvmAbi.KVM_SYNC_X86_EVENTS);
        kvm.setXsave(context.fpu);
    }

    void saveFpu(byte[] into) {
        kvm.getXsave(into);
    }

    void loadFpu(byte[] from) {
        kvm.setXsave(from);
    }

    /** For the probe: the CPL that the vCPU is at now. */
    int currentPrivilegeLevel() {
        MemorySegment sregs = run.asSlice(Run.SREGS, Sregs.SIZE);
        kvm.getSregs(sregs);
        return sregs.get(ValueLayout.JAVA_SHORT, Sregs.CS + 12) & 3;
    }

    /**
     * {@link KvmContext#run} on this vCPU; null when the vCPU is wanted by others.
     *
     * @param root the PML4's guest-physical address
     */
    @Nullable
    ExitReason run(KvmContext context, long root) {
        Registers r = context.registers();
        enterWith(r, root);
        boolean settled = true;
        for (int retries = 0; retries < MAX_STUB_RETRIES; retries++) {
            kicked.set(false);
            kvm.setImmediateExit(false);
            VarHandle.fullFence();
            if (settled) {
                if (context.takeInterrupt()) {
                    return ExitReason.INTERRUPTED;
                }
                if (yieldRequested) {
                    return null;
                }
                retries = 0;
            }
            int result = kvm.kvmRun();
            if (result < 0 && result != -Host.EINTR && result != -Host.EAGAIN) {
                return context.failed("KVM_RUN: " + HostException.describe(-result) + where());
            }
            int reason = result < 0 ? KvmAbi.KVM_EXIT_INTR : run.get(INT, Run.EXIT_REASON);
            switch (reason) {
                case KvmAbi.KVM_EXIT_IO -> {
                    return ioExit(context);
                }
                case KvmAbi.KVM_EXIT_INTR -> {
                    long rip = register(Regs.RIP);
                    if (rip >= 0) {
                        settled = !kvm.getVcpuEventsExceptionWaiting();
                        if (settled) {
                            readRegisters(r);
                            atUser = true;
                        }
                    } else if (rip == KernelImage.IRETQ) {
                        settled = true; // the context's registers are still those that it entered with
                    } else {
                        ExitReason stub = stubExit(context, rip);
                        if (stub != null) {
                            return stub;
                        }
                        settled = false;
                    }
                }
                case KvmAbi.KVM_EXIT_INTERNAL_ERROR -> {
                    if (register(Regs.RIP) < 0) {
                        return context.failed(
                                "KVM internal error, suberror " + run.get(INT, Run.INTERNAL_SUBERROR) + where());
                    }
                    // An instruction that KVM had to emulate and could not: as if the processor did not know it.
                    readRegisters(r);
                    return context.exception(KernelImage.INVALID_OPCODE, 0, 0);
                }
                case KvmAbi.KVM_EXIT_SHUTDOWN -> {
                    return context.failed("the vCPU shut down (triple fault)" + where());
                }
                case KvmAbi.KVM_EXIT_FAIL_ENTRY -> {
                    return context.failed("the processor refused the vCPU's state, reason 0x"
                            + Long.toHexString(run.get(LONG, Run.FAIL_REASON)) + where());
                }
                case KvmAbi.KVM_EXIT_MMIO -> {
                    return context.failed("access to guest-physical address 0x"
                            + Long.toHexString(run.get(LONG, Run.MMIO_ADDRESS)) + ", which is no memory" + where());
                }
                default -> {
                    return context.failed("KVM exit reason " + reason + where());
                }
            }
        }
        return context.failed("an entry stub does not end" + where());
    }

    private String where() {
        return " at RIP 0x" + Long.toHexString(register(Regs.RIP));
    }

    private long register(long which) {
        return run.get(LONG, Run.REGS + which);
    }

    /** Puts the context's registers into {@code kvm_run}, made harmless. */
    private void enterWith(Registers r, long root) {
        int generation = machine.flushGeneration();
        if (flushGeneration != generation) {
            flushGeneration = generation;
            flushTlb();
        }
        int dirty = KvmAbi.KVM_SYNC_X86_REGS;
        long rip = r.rip;
        long rsp = r.rsp;
        long rflags = (r.rflags & RFLAGS_USER) | RFLAGS_FIXED;
        if (root != loadedRoot || r.fsBase != loadedFsBase || r.gsBase != loadedGsBase) {
            loadedRoot = root;
            loadedFsBase = r.fsBase;
            loadedGsBase = r.gsBase;
            run.set(LONG, Run.SREGS + Sregs.CR3, root);
            run.set(LONG, Run.SREGS + Sregs.FS, r.fsBase);
            run.set(LONG, Run.SREGS + Sregs.GS, r.gsBase);
            dirty |= KvmAbi.KVM_SYNC_X86_SREGS;
            atUser = true;
        } else if (!atUser) {
            if (machine.platform().returnsByIretq()) {
                rsp = image.writeIretqFrame(index, rip, rsp, rflags);
                rip = KernelImage.IRETQ;
                rflags = 2;
            } else {
                dirty |= KvmAbi.KVM_SYNC_X86_SREGS;
                atUser = true;
            }
        }
        MemorySegment s = run;
        s.set(LONG, Run.REGS + Regs.RAX, r.rax);
        s.set(LONG, Run.REGS + Regs.RBX, r.rbx);
        s.set(LONG, Run.REGS + Regs.RCX, r.rcx);
        s.set(LONG, Run.REGS + Regs.RDX, r.rdx);
        s.set(LONG, Run.REGS + Regs.RSI, r.rsi);
        s.set(LONG, Run.REGS + Regs.RDI, r.rdi);
        s.set(LONG, Run.REGS + Regs.RSP, rsp);
        s.set(LONG, Run.REGS + Regs.RBP, r.rbp);
        s.set(LONG, Run.REGS + Regs.R8, r.r8);
        s.set(LONG, Run.REGS + Regs.R9, r.r9);
        s.set(LONG, Run.REGS + Regs.R10, r.r10);
        s.set(LONG, Run.REGS + Regs.R11, r.r11);
        s.set(LONG, Run.REGS + Regs.R12, r.r12);
        s.set(LONG, Run.REGS + Regs.R13, r.r13);
        s.set(LONG, Run.REGS + Regs.R14, r.r14);
        s.set(LONG, Run.REGS + Regs.R15, r.r15);
        s.set(LONG, Run.REGS + Regs.RIP, rip);
        s.set(LONG, Run.REGS + Regs.RFLAGS, rflags);
        // KVM clears the bits that it has taken; an entry that was given up leaves its bits to the next one.
        s.set(LONG, Run.DIRTY_REGS, s.get(LONG, Run.DIRTY_REGS) | dirty);
    }

    /** A change of CR3 there and back, which flushes: needed before a root's frame number means another root. */
    private void flushTlb() {
        run.set(LONG, Run.SREGS + Sregs.CR3, KernelImage.idleRoot());
        kvm.setSregs(run.asSlice(Run.SREGS, Sregs.SIZE));
        loadedRoot = -1;
    }

    private void readRegisters(Registers r) {
        MemorySegment s = run;
        r.rax = s.get(LONG, Run.REGS + Regs.RAX);
        r.rbx = s.get(LONG, Run.REGS + Regs.RBX);
        r.rcx = s.get(LONG, Run.REGS + Regs.RCX);
        r.rdx = s.get(LONG, Run.REGS + Regs.RDX);
        r.rsi = s.get(LONG, Run.REGS + Regs.RSI);
        r.rdi = s.get(LONG, Run.REGS + Regs.RDI);
        r.rsp = s.get(LONG, Run.REGS + Regs.RSP);
        r.rbp = s.get(LONG, Run.REGS + Regs.RBP);
        r.r8 = s.get(LONG, Run.REGS + Regs.R8);
        r.r9 = s.get(LONG, Run.REGS + Regs.R9);
        r.r10 = s.get(LONG, Run.REGS + Regs.R10);
        r.r11 = s.get(LONG, Run.REGS + Regs.R11);
        r.r12 = s.get(LONG, Run.REGS + Regs.R12);
        r.r13 = s.get(LONG, Run.REGS + Regs.R13);
        r.r14 = s.get(LONG, Run.REGS + Regs.R14);
        r.r15 = s.get(LONG, Run.REGS + Regs.R15);
        r.rip = s.get(LONG, Run.REGS + Regs.RIP);
        r.rflags = s.get(LONG, Run.REGS + Regs.RFLAGS);
    }

    private ExitReason ioExit(KvmContext context) {
        long rip = register(Regs.RIP);
        if (rip < 0) {
            // Software KVM stops after the instruction, hardware at it.
            ExitReason reason = stubExit(context, rip);
            if (reason == null) {
                reason = stubExit(context, rip - 2);
            }
            if (reason != null) {
                return reason;
            }
        }
        return forgedExit(context, rip);
    }

    /** What a stub whose OUT is at {@code rip} reports; null if there is none. The OUT itself changes nothing. */
    private @Nullable ExitReason stubExit(KvmContext context, long rip) {
        Registers r = context.registers();
        if (rip == KernelImage.SYSCALL_ENTRY) {
            readRegisters(r);
            r.rip = r.rcx;
            r.rflags = r.r11;
            atUser = machine.platform().syscallStaysAtRing3();
            return ExitReason.SYSCALL;
        }
        int vector = KernelImage.vectorAt(rip);
        if (vector < 0 || rip != KernelImage.exceptionExit(vector)) {
            return null;
        }
        atUser = false;
        long frameRip = image.frameRip(index);
        if (!image.frameFromUser(index)) {
            if (frameRip == KernelImage.IRETQ) {
                // The processor refused what the context wanted to return to; its registers still say what.
                return context.exception(KernelImage.GENERAL_PROTECTION, 0, 0);
            }
            if (frameRip >= 0) {
                // Ring-3 code that made the processor lose its privilege level: only emulated ones have been seen to
                // (qemu's IRETD takes the VM flag in long mode). The next entry sets every segment anew.
                loadedRoot = -1;
            } else if (vector != KernelImage.DEBUG || frameRip != KernelImage.SYSCALL_ENTRY) {
                return context.failed("exception " + vector + " in an entry stub, error code 0x"
                        + Long.toHexString(image.frameError(index)) + ", from RIP 0x" + Long.toHexString(frameRip)
                        + ", CS 0x" + Long.toHexString(image.frameCs(index)));
            }
        }
        readRegisters(r);
        if (vector == KernelImage.DEBUG && frameRip == KernelImage.SYSCALL_ENTRY) {
            // A single step over SYSCALL: the call comes first.
            r.rip = r.rcx;
            r.rflags = r.r11;
            r.rsp = image.frameRsp(index);
            return ExitReason.SYSCALL;
        }
        r.rip = frameRip;
        r.rsp = image.frameRsp(index);
        r.rflags = image.frameRflags(index);
        long address = 0;
        if (vector == KernelImage.PAGE_FAULT) {
            r.rax = image.frameSavedRax(index);
            address = image.frameCr2(index);
        }
        long error = KernelImage.hasErrorCode(vector) ? image.frameError(index) : 0;
        if (vector == KernelImage.INVALID_OPCODE && machine.platform().syscallStaysAtRing3()) {
            int software = softwareInterrupt(r.rip);
            if (software >= 0) {
                return context.exception(KernelImage.GENERAL_PROTECTION, software * 8L + 2, 0);
            }
        }
        return context.exception(vector, error, address);
    }

    /** Software KVM reports INT n as an invalid opcode where a processor reports #GP: n, or -1 if it is no INT n. */
    private int softwareInterrupt(long rip) {
        MemorySegment memory = machine.memory().segment();
        long base = machine.guestPhysicalBase();
        if (GuestWalk.readByte(memory, base, loadedRoot, rip) != 0xcd) {
            return -1;
        }
        return GuestWalk.readByte(memory, base, loadedRoot, rip + 1);
    }

    /** A ring-3 program of software KVM used the port by itself. To it, the port is forbidden. */
    private ExitReason forgedExit(KvmContext context, long rip) {
        Registers r = context.registers();
        readRegisters(r);
        boolean plainOut = run.get(BYTE, Run.IO_DIRECTION) == KvmAbi.KVM_EXIT_IO_OUT && run.get(INT, Run.IO_COUNT) == 1;
        if (!plainOut) {
            // KVM would go on with an IN or a string instruction at the next entry, whatever context that belongs to.
            // With RCX 1 it ends with one element; immediate_exit keeps the guest from running on.
            run.set(LONG, Run.REGS + Regs.RCX, 1);
            run.set(LONG, Run.DIRTY_REGS, KvmAbi.KVM_SYNC_X86_REGS);
            for (int i = 0; i < 3; i++) {
                kvm.setImmediateExit(true);
                if (kvm.kvmRun() < 0) {
                    break;
                }
                if (i == 2) {
                    return context.failed("an I/O instruction does not end at RIP 0x" + Long.toHexString(rip));
                }
            }
            loadedRoot = -1;
        }
        atUser = true;
        return context.exception(KernelImage.GENERAL_PROTECTION, 0, 0);
    }

    @Override
    public void close() {
        kvm.close();
    }
}
