package dev.stockade.sentry.kvm;

import dev.stockade.sentry.kvm.Assembler.Reg;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.PlatformException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A tiny guest that shows which kind of KVM this is. */
final class PlatformProbe {
    /**
     * @param syscallStaysAtRing3 SYSCALL goes to LSTAR without leaving CPL 3
     * @param shadowPaging a changed present page-table entry is not seen even by a vCPU that never ran before
     * @param returnsByIretq returning from CPL 0 by IRETQ is the cheaper way
     */
    record Kind(boolean syscallStaysAtRing3, boolean shadowPaging, boolean returnsByIretq) {
        String describe() {
            return "kvm (" + (syscallStaysAtRing3 ? "software" : "hardware") + ", "
                    + (shadowPaging ? "shadow" : "nested") + " paging)";
        }
    }

    record Result(Kind kind, byte[] freshFpu) {}

    /** What works on every kind for one system call. */
    static final Kind CAUTIOUS = new Kind(true, true, false);

    private static final long CODE = 0x40_0000;
    private static final long DATA = 0x40_1000;

    private PlatformProbe() {}

    static Result run(KvmPlatform platform, int vcpus) throws PlatformException {
        try (KvmMachine machine = KvmMachine.create(platform, 16 * 4096, vcpus)) {
            MemorySegment memory = machine.memory().segment();
            long base = machine.guestPhysicalBase();
            // Frames: 0 PML4, 1 PDPT, 2 PD, 3 PT, 4 code, 5 and 6 data.
            long present = 0x67;
            memory.set(ValueLayout.JAVA_LONG, 0, base + 0x1000 | present);
            memory.set(ValueLayout.JAVA_LONG, 0x1000, base + 0x2000 | present);
            memory.set(ValueLayout.JAVA_LONG, 0x2000 + (CODE >>> 21) * 8, base + 0x3000 | present);
            memory.set(ValueLayout.JAVA_LONG, 0x3000, base + 0x4000 | present);
            memory.set(ValueLayout.JAVA_LONG, 0x3008, base + 0x5000 | present);
            memory.set(ValueLayout.JAVA_LONG, 0x5000, 1);
            memory.set(ValueLayout.JAVA_LONG, 0x6000, 2);
            byte[] code = new Assembler(CODE)
                    .mov(Reg.RBX, DATA)
                    .load(Reg.RAX, Reg.RBX, 0)
                    .syscall()
                    .assemble();
            MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, 0x4000, code.length);
            machine.installKernelMappings(0);

            KvmContext first = (KvmContext) machine.newContext();
            if (call(first) != 1) {
                throw new PlatformException("the probe guest read wrong memory: this KVM does not work");
            }
            Vcpu vcpu = first.vcpu;
            if (vcpu == null) {
                throw new PlatformException("the probe guest lost its vCPU");
            }
            boolean ring3 = vcpu.currentPrivilegeLevel() == 3;
            byte[] fpu = first.saveFpu();

            memory.set(ValueLayout.JAVA_LONG, 0x3008, base + 0x6000 | present);
            KvmContext second = (KvmContext) machine.newContext();
            boolean shadow = call(second) == 1;
            return new Result(new Kind(ring3, shadow, !ring3), fpu);
        }
    }

    private static long call(KvmContext context) throws PlatformException {
        context.registers().rip = CODE;
        ExitReason reason = context.run(0);
        if (reason != ExitReason.SYSCALL) {
            throw new PlatformException("the probe guest did not reach its system call: " + reason + " "
                    + (reason == ExitReason.FAILED ? context.failure() : "vector " + context.exceptionVector()));
        }
        return context.registers().rax;
    }
}
