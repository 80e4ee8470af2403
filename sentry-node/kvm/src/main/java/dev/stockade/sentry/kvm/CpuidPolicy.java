package dev.stockade.sentry.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * What CPUID tells guests: what the host's KVM supports, less everything that the platform does not turn on
 * (Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E).
 *
 * <p>Software KVM lets the processor's own CPUID and XCR0 through, so AVX-512 has to be kept wherever the host has it.
 * AMX is left out: its state does not fit into {@code struct kvm_xsave}.
 */
final class CpuidPolicy {
    /** x87, SSE, AVX. */
    private static final long XCR0_AVX = 7;

    /** The three components of AVX-512, which come together. */
    private static final long XCR0_AVX512 = 0xe0;

    /** XSAVE's legacy area, header and AVX state. */
    private static final int MIN_FPU_LENGTH = 832;

    private static final int ENTRY = 40;

    private CpuidPolicy() {}

    /** XCR0 for guests of this host: the wanted components that it has. */
    static long xcr0(MemorySegment supported) {
        MemorySegment leaf = xsaveLeaf(supported, 0);
        if (leaf == null) {
            return 0;
        }
        long host = get(leaf, Register.EAX);
        boolean avx512 = (host & (XCR0_AVX | XCR0_AVX512)) == (XCR0_AVX | XCR0_AVX512);
        return host & (avx512 ? XCR0_AVX | XCR0_AVX512 : XCR0_AVX);
    }

    /** The length of XSAVE's standard format with these components. */
    static int fpuLength(MemorySegment supported, long xcr0) {
        int length = MIN_FPU_LENGTH;
        for (int component = 2; component < 63; component++) {
            MemorySegment leaf = (xcr0 >>> component & 1) == 0 ? null : xsaveLeaf(supported, component);
            if (leaf != null) {
                length = Math.max(length, get(leaf, Register.EAX) + get(leaf, Register.EBX));
            }
        }
        return length;
    }

    private static @Nullable MemorySegment xsaveLeaf(MemorySegment supported, int subleaf) {
        int n = supported.get(ValueLayout.JAVA_INT, 0);
        for (int i = 0; i < n; i++) {
            MemorySegment e = supported.asSlice(8 + (long) i * ENTRY, ENTRY);
            if (e.get(ValueLayout.JAVA_INT, 0) == 0xd && e.get(ValueLayout.JAVA_INT, 4) == subleaf) {
                return e;
            }
        }
        return null;
    }

    /** struct kvm_cpuid2 for KVM_SET_CPUID2. */
    static MemorySegment filter(MemorySegment supported, Arena arena) {
        int n = supported.get(ValueLayout.JAVA_INT, 0);
        long xcr0 = xcr0(supported);
        int fpuLength = fpuLength(supported, xcr0);
        MemorySegment result = arena.allocate(8 + (long) n * ENTRY, 8);
        int kept = 0;
        for (int i = 0; i < n; i++) {
            MemorySegment from = supported.asSlice(8 + (long) i * ENTRY, ENTRY);
            MemorySegment to = result.asSlice(8 + (long) kept * ENTRY, ENTRY);
            to.copyFrom(from);
            if (keep(to, xcr0, fpuLength)) {
                kept++;
            }
        }
        result.set(ValueLayout.JAVA_INT, 0, kept);
        return result;
    }

    private static boolean keep(MemorySegment e, long xcr0, int fpuLength) {
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
            case 7 -> filterLeaf7(e, subleaf, (xcr0 & XCR0_AVX512) != 0);
            case 0xb, 0x1f -> set(e, Register.EDX, 0);
            case 0xd -> {
                return filterXsave(e, subleaf, xcr0, fpuLength);
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

    private static void filterLeaf7(MemorySegment e, int subleaf, boolean avx512) {
        if (subleaf == 0) {
            // FSGSBASE TSC_ADJUST SGX HLE SMEP INVPCID RTM PQM MPX PQE SMAP PT
            clear(e, Register.EBX, 0, 1, 2, 4, 7, 10, 11, 12, 14, 15, 20, 25);
            // UMIP PKU OSPKE WAITPKG CET_SS TME LA57 KEYLOCKER BUS_LOCK ENQCMD PKS
            clear(e, Register.ECX, 2, 3, 4, 5, 7, 13, 16, 23, 24, 29, 31);
            // UINTR RTM PCONFIG LBR CET_IBT AMX
            clear(e, Register.EDX, 5, 11, 13, 18, 19, 20, 22, 24, 25);
            if (!avx512) {
                clear(e, Register.EBX, 16, 17, 21, 26, 27, 28, 30, 31);
                clear(e, Register.ECX, 1, 6, 11, 12, 14);
                clear(e, Register.EDX, 2, 3, 8, 23);
            }
        } else if (subleaf == 1) {
            // ARCH_PERFMON FRED LKGS WRMSRNS AMX_FP16 LAM
            clear(e, Register.EAX, 8, 17, 18, 19, 21, 26);
            if (!avx512) {
                clear(e, Register.EAX, 5);
            }
            // AMX_COMPLEX UIRET CET_SSS AVX10 APX
            clear(e, Register.EDX, 8, 17, 18, 19, 21);
        } else {
            set(e, Register.EAX, 0);
            set(e, Register.EBX, 0);
            set(e, Register.ECX, 0);
            set(e, Register.EDX, 0);
        }
    }

    private static boolean filterXsave(MemorySegment e, int subleaf, long xcr0, int fpuLength) {
        switch (subleaf) {
            case 0 -> {
                set(e, Register.EAX, (int) xcr0);
                set(e, Register.EBX, fpuLength);
                set(e, Register.ECX, fpuLength);
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
                return subleaf < 63 && (xcr0 >>> subleaf & 1) != 0;
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
