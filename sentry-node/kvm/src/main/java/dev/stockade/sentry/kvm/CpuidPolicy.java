package dev.stockade.sentry.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What CPUID tells guests: what the host's KVM supports, less everything that the platform does not turn on
 * (Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E).
 *
 * <p>AVX-512 and AMX are left out because the FPU state that contexts keep ends with AVX.
 */
final class CpuidPolicy {
    /** x87, SSE, AVX. */
    static final long XCR0_WANTED = 7;

    private static final int ENTRY = 40;

    private CpuidPolicy() {}

    /** XCR0 for guests of this host: the wanted components that it has. */
    static long xcr0(MemorySegment supported) {
        int n = supported.get(ValueLayout.JAVA_INT, 0);
        for (int i = 0; i < n; i++) {
            long at = 8 + (long) i * ENTRY;
            if (supported.get(ValueLayout.JAVA_INT, at) == 0xd && supported.get(ValueLayout.JAVA_INT, at + 4) == 0) {
                return XCR0_WANTED & supported.get(ValueLayout.JAVA_INT, at + 12);
            }
        }
        return 0;
    }

    /** struct kvm_cpuid2 for KVM_SET_CPUID2. */
    static MemorySegment filter(MemorySegment supported, Arena arena) {
        int n = supported.get(ValueLayout.JAVA_INT, 0);
        long xcr0 = xcr0(supported);
        MemorySegment result = arena.allocate(8 + (long) n * ENTRY, 8);
        int kept = 0;
        for (int i = 0; i < n; i++) {
            MemorySegment from = supported.asSlice(8 + (long) i * ENTRY, ENTRY);
            MemorySegment to = result.asSlice(8 + (long) kept * ENTRY, ENTRY);
            to.copyFrom(from);
            if (keep(to, xcr0)) {
                kept++;
            }
        }
        result.set(ValueLayout.JAVA_INT, 0, kept);
        return result;
    }

    private static boolean keep(MemorySegment e, long xcr0) {
        int leaf = e.get(ValueLayout.JAVA_INT, 0);
        int subleaf = e.get(ValueLayout.JAVA_INT, 4);
        switch (leaf) {
            case 1 -> {
                // APIC id; DTES64 MONITOR DS-CPL VMX SMX EIST TM2 PDCM PCID DCA x2APIC TSC-deadline hypervisor
                clear(e, Register.EBX, 24, 25, 26, 27, 28, 29, 30, 31);
                clear(e, Register.ECX, 2, 3, 4, 5, 6, 7, 8, 15, 17, 18, 21, 24, 31);
                // DS ACPI TM
                clear(e, Register.EDX, 21, 22, 29);
            }
            case 5, 6, 0xa, 0xf, 0x10, 0x12, 0x14, 0x15, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x20, 0x24 -> {
                return false;
            }
            case 7 -> filterLeaf7(e, subleaf);
            case 0xb, 0x1f -> set(e, Register.EDX, 0);
            case 0xd -> {
                return filterXsave(e, subleaf, xcr0);
            }
            case 0x8000_0001 ->
                // SVM IBS SKINIT WDT LWP FMA4 NODEID PERFCTR PERFTSC MONITORX
                clear(e, Register.ECX, 2, 3, 10, 12, 13, 15, 16, 19, 23, 24, 26, 27, 28, 29);
            case 0x8000_000a, 0x8000_001b, 0x8000_001c, 0x8000_001f, 0x8000_0020, 0x8000_0022, 0x8000_0023 -> {
                return false;
            }
            default -> {
                return leaf >>> 28 != 4;
            }
        }
        return true;
    }

    private static void filterLeaf7(MemorySegment e, int subleaf) {
        if (subleaf == 0) {
            // FSGSBASE TSC_ADJUST SGX HLE SMEP INVPCID RTM PQM MPX PQE AVX512* SMAP PT
            clear(e, Register.EBX, 0, 1, 2, 4, 7, 10, 11, 12, 14, 15, 16, 17, 20, 21, 25, 26, 27, 28, 30, 31);
            // AVX512* UMIP PKU OSPKE WAITPKG CET_SS TME LA57 KEYLOCKER BUS_LOCK ENQCMD PKS
            clear(e, Register.ECX, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 16, 23, 24, 29, 31);
            // AVX512* UINTR RTM PCONFIG LBR CET_IBT AMX
            clear(e, Register.EDX, 2, 3, 5, 8, 11, 13, 18, 19, 20, 22, 23, 24, 25);
        } else if (subleaf == 1) {
            // AVX512_BF16 ARCH_PERFMON FRED LKGS WRMSRNS AMX_FP16 LAM
            clear(e, Register.EAX, 5, 8, 17, 18, 19, 21, 26);
            // AMX_COMPLEX UIRET CET_SSS AVX10 APX
            clear(e, Register.EDX, 8, 17, 18, 19, 21);
        } else {
            set(e, Register.EAX, 0);
            set(e, Register.EBX, 0);
            set(e, Register.ECX, 0);
            set(e, Register.EDX, 0);
        }
    }

    private static boolean filterXsave(MemorySegment e, int subleaf, long xcr0) {
        switch (subleaf) {
            case 0 -> {
                set(e, Register.EAX, (int) xcr0);
                set(e, Register.EBX, KvmContext.FPU_LENGTH);
                set(e, Register.ECX, KvmContext.FPU_LENGTH);
                set(e, Register.EDX, 0);
                return true;
            }
            case 1 -> {
                // XSAVEOPT, XSAVEC and XGETBV with ECX 1; no XSAVES
                set(e, Register.EAX, get(e, Register.EAX) & 7);
                set(e, Register.ECX, 0);
                set(e, Register.EDX, 0);
                return true;
            }
            default -> {
                return subleaf == 2;
            }
        }
    }

    private enum Register {
        EAX,
        EBX,
        ECX,
        EDX
    }

    private static int get(MemorySegment e, Register r) {
        return e.get(ValueLayout.JAVA_INT, 12 + 4L * r.ordinal());
    }

    private static void set(MemorySegment e, Register r, int value) {
        e.set(ValueLayout.JAVA_INT, 12 + 4L * r.ordinal(), value);
    }

    private static void clear(MemorySegment e, Register r, int... bits) {
        int value = get(e, r);
        for (int bit : bits) {
            value &= ~(1 << bit);
        }
        set(e, r, value);
    }
}
