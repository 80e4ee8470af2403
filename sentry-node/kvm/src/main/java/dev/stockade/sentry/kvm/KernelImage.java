package dev.stockade.sentry.kvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The few pages that stand where a guest kernel would: page tables for the upper half, descriptor tables, entry
 * stubs and one exception stack per vCPU. They live in a memory slot of their own, which no sandbox page table can
 * name, so that a sandbox can neither change nor exhaust them.
 *
 * <p>Every stub is (in essence) one OUT instruction that leaves to the host; where it stands says why:
 *
 * <ul>
 *   <li>{@link #SYSCALL_ENTRY}: SYSCALL's target (LSTAR). Software KVM arrives there at CPL 3, so its page needs the U
 *       bit and the TSS permits the port at CPL 3: a guest may then execute the OUT by itself, which is told apart by
 *       RIP. Hardware arrives at CPL 0, the page is the supervisor's and no port is permitted.
 *   <li>{@link #exceptionEntry}: the IDT's gates, at CPL 0, on the vCPU's exception stack by IST, so the frame's place
 *       is known and never depends on guest registers. The page-fault stub pushes RAX and CR2 as well, because
 *       asking the host for CR2 costs more.
 *   <li>{@link #IRETQ}: back to ring 3 from CPL 0 through a frame that the host wrote.
 * </ul>
 *
 * <p>The GDT has no 32-bit code segment, so a guest cannot leave 64-bit mode.
 *
 * <p>The seam for exitless calls: a page per vCPU beside its stack, mapped with the U bit into the upper half, and a
 * stub at SYSCALL_ENTRY that spins on it before it executes the OUT. All that knows a stub's shape is here and in
 * {@link Vcpu}.
 */
final class KernelImage implements AutoCloseable {
    /** The one port that leaves to the host. */
    static final int EXIT_PORT = 0x08;

    static final long GUEST_PHYSICAL = 0x10_0000L;
    static final int PML4_INDEX = 511;
    static final long VIRTUAL = 0xffff_ff80_0000_0000L;

    static final int USER_CS = 0x33;
    static final int USER_SS = 0x2b;
    static final int KERNEL_CS = 0x10;
    static final int KERNEL_SS = 0x18;

    private static final int PDPT_PAGE = 0;
    private static final int PD_PAGE = 1;
    private static final int PT_PAGE = 2;
    private static final int IDLE_PML4_PAGE = 3;
    private static final int SYSCALL_PAGE = 4;
    private static final int HANDLER_PAGE = 5;
    private static final int TABLES_PAGE = 6;
    private static final int TSS_PAGE = 7;
    private static final int FIRST_STACK_PAGE = 11;

    static final long SYSCALL_ENTRY = VIRTUAL + SYSCALL_PAGE * 4096L;
    private static final long HANDLERS = VIRTUAL + HANDLER_PAGE * 4096L;
    private static final int HANDLER_STRIDE = 16;
    static final int VECTORS = 32;
    static final int PAGE_FAULT = 14;
    static final int GENERAL_PROTECTION = 13;
    static final int DEBUG = 1;
    static final int INVALID_OPCODE = 6;
    static final long IRETQ = HANDLERS + 0x800;

    static final long IDT_BASE = VIRTUAL + TABLES_PAGE * 4096L;
    static final int IDT_LIMIT = VECTORS * 16 - 1;
    static final long GDT_BASE = IDT_BASE + 0x400;
    static final int GDT_LIMIT = 7 * 8 - 1;

    private static final int TSS_STRIDE = 256;
    private static final int IO_BITMAP_OFFSET = 104;
    static final int TSS_LIMIT = IO_BITMAP_OFFSET + 3 - 1;

    /** Offsets below the top of an exception stack, where the processor pushes SS first. */
    private static final int FRAME_RSP = 16;

    private static final int FRAME_RFLAGS = 24;
    private static final int FRAME_CS = 32;
    private static final int FRAME_RIP = 40;
    private static final int FRAME_ERROR = 48;
    private static final int FRAME_SAVED_RAX = 56;
    private static final int FRAME_CR2 = 64;
    private static final int IRETQ_FRAME = 0x400;

    static final int MAX_VCPUS = 4 * 4096 / TSS_STRIDE;

    private static final long PTE_P = 1;
    private static final long PTE_W = 2;
    private static final long PTE_U = 4;
    private static final long PTE_A = 0x20;
    private static final long PTE_D = 0x40;
    private static final long PTE_NX = 1L << 63;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

    private final HostMapping mapping;
    private final MemorySegment memory;

    /** @param userEntry whether SYSCALL arrives at CPL 3 (software KVM) */
    KernelImage(boolean userEntry, int vcpus) {
        if (vcpus < 1 || vcpus > MAX_VCPUS) {
            throw new IllegalArgumentException("vCPUs: " + vcpus);
        }
        mapping = HostMapping.anonymous((FIRST_STACK_PAGE + vcpus) * 4096L);
        memory = mapping.segment();
        writePageTables(userEntry, vcpus);
        writeStubs();
        writeGdt();
        writeIdt();
        for (int i = 0; i < vcpus; i++) {
            writeTss(i, userEntry);
        }
    }

    long hostAddress() {
        return mapping.address();
    }

    long size() {
        return memory.byteSize();
    }

    /** The entry of a PML4 that maps this image. */
    static long pml4Entry() {
        return GUEST_PHYSICAL + PDPT_PAGE * 4096L | PTE_P | PTE_W | PTE_U | PTE_A;
    }

    /** A root with nothing but this image. */
    static long idleRoot() {
        return GUEST_PHYSICAL + IDLE_PML4_PAGE * 4096L;
    }

    static long tssBase(int vcpu) {
        return VIRTUAL + TSS_PAGE * 4096L + (long) vcpu * TSS_STRIDE;
    }

    private static long stackTopOffset(int vcpu) {
        return (FIRST_STACK_PAGE + vcpu + 1) * 4096L;
    }

    static long exceptionEntry(int vector) {
        return HANDLERS + (long) vector * HANDLER_STRIDE;
    }

    /** Where the OUT of a vector's stub stands. */
    static long exceptionExit(int vector) {
        return exceptionEntry(vector) + (vector == PAGE_FAULT ? 5 : 0);
    }

    /** The vector whose stub this RIP is in, or -1. */
    static int vectorAt(long rip) {
        long offset = rip - HANDLERS;
        return offset >= 0 && offset < (long) VECTORS * HANDLER_STRIDE ? (int) (offset / HANDLER_STRIDE) : -1;
    }

    private void writePageTables(boolean userEntry, int vcpus) {
        long table = PTE_P | PTE_W | PTE_U | PTE_A;
        put(PDPT_PAGE, 0, GUEST_PHYSICAL + PD_PAGE * 4096L | table);
        put(PD_PAGE, 0, GUEST_PHYSICAL + PT_PAGE * 4096L | table);
        put(IDLE_PML4_PAGE, PML4_INDEX * 8L, pml4Entry());
        map(SYSCALL_PAGE, userEntry ? PTE_U : 0);
        map(HANDLER_PAGE, 0);
        map(TABLES_PAGE, PTE_NX);
        for (int page = TSS_PAGE; page < FIRST_STACK_PAGE; page++) {
            map(page, PTE_NX);
        }
        for (int i = 0; i < vcpus; i++) {
            map(FIRST_STACK_PAGE + i, PTE_W | PTE_NX);
        }
    }

    private void map(int page, long rights) {
        put(PT_PAGE, page * 8L, GUEST_PHYSICAL + page * 4096L | PTE_P | PTE_A | PTE_D | rights);
    }

    private void put(int page, long offset, long value) {
        memory.set(LONG, page * 4096L + offset, value);
    }

    private void write(int page, int offset, byte[] bytes) {
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, page * 4096L + offset, bytes.length);
    }

    private void writeStubs() {
        write(
                SYSCALL_PAGE,
                0,
                new Assembler(SYSCALL_ENTRY).outAl(EXIT_PORT).ud2().assemble());
        for (int v = 0; v < VECTORS; v++) {
            Assembler a = new Assembler(exceptionEntry(v));
            if (v == PAGE_FAULT) {
                a.push(Assembler.Reg.RAX).movFromCr(Assembler.Reg.RAX, 2).push(Assembler.Reg.RAX);
            }
            write(HANDLER_PAGE, v * HANDLER_STRIDE, a.outAl(EXIT_PORT).ud2().assemble());
        }
        write(HANDLER_PAGE, 0x800, new Assembler(IRETQ).iretq().ud2().assemble());
    }

    /** Selectors are Linux's, so that guests see the values they know. Accessed bits are set: nothing writes here. */
    private void writeGdt() {
        int gdt = 0x400;
        put(TABLES_PAGE, gdt + KERNEL_CS, 0x00af_9b00_0000_ffffL);
        put(TABLES_PAGE, gdt + KERNEL_SS, 0x00cf_9300_0000_ffffL);
        put(TABLES_PAGE, gdt + (USER_SS & ~7), 0x00cf_f300_0000_ffffL);
        put(TABLES_PAGE, gdt + (USER_CS & ~7), 0x00af_fb00_0000_ffffL);
    }

    private void writeIdt() {
        for (int v = 0; v < VECTORS; v++) {
            long target = exceptionEntry(v);
            long dpl = v == 3 || v == 4 ? 3 : 0;
            long ist = 1;
            long low = (target & 0xffff)
                    | (long) KERNEL_CS << 16
                    | ist << 32
                    | 0x8eL << 40
                    | dpl << 45
                    | (target >>> 16 & 0xffff) << 48;
            put(TABLES_PAGE, v * 16L, low);
            put(TABLES_PAGE, v * 16L + 8, target >>> 32);
        }
    }

    private void writeTss(int vcpu, boolean userEntry) {
        long tss = TSS_PAGE * 4096L + (long) vcpu * TSS_STRIDE;
        long top = VIRTUAL + stackTopOffset(vcpu);
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, tss + 4, top);
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, tss + 36, top);
        memory.set(ValueLayout.JAVA_SHORT_UNALIGNED, tss + 102, (short) IO_BITMAP_OFFSET);
        for (int i = 0; i < 3; i++) {
            memory.set(ValueLayout.JAVA_BYTE, tss + IO_BITMAP_OFFSET + i, (byte) 0xff);
        }
        if (userEntry) {
            memory.set(ValueLayout.JAVA_BYTE, tss + IO_BITMAP_OFFSET + EXIT_PORT / 8, (byte) ~(1 << EXIT_PORT % 8));
        }
    }

    private long frame(int vcpu, int below) {
        return memory.get(LONG, stackTopOffset(vcpu) - below);
    }

    /** Whether the last exception came from ring 3. */
    boolean frameFromUser(int vcpu) {
        return (frameCs(vcpu) & 3) == 3;
    }

    long frameCs(int vcpu) {
        return frame(vcpu, FRAME_CS);
    }

    long frameRip(int vcpu) {
        return frame(vcpu, FRAME_RIP);
    }

    long frameRsp(int vcpu) {
        return frame(vcpu, FRAME_RSP);
    }

    long frameRflags(int vcpu) {
        return frame(vcpu, FRAME_RFLAGS);
    }

    long frameError(int vcpu) {
        return frame(vcpu, FRAME_ERROR);
    }

    /** RAX as it was at a page fault. */
    long frameSavedRax(int vcpu) {
        return frame(vcpu, FRAME_SAVED_RAX);
    }

    long frameCr2(int vcpu) {
        return frame(vcpu, FRAME_CR2);
    }

    /** Vectors with an error code push it below the frame. */
    static boolean hasErrorCode(int vector) {
        return switch (vector) {
            case 8, 10, 11, 12, 13, 14, 17, 21, 29, 30 -> true;
            default -> false;
        };
    }

    /** Writes a frame for {@link #IRETQ} and returns the RSP to enter with. */
    long writeIretqFrame(int vcpu, long rip, long rsp, long rflags) {
        long at = stackTopOffset(vcpu) - IRETQ_FRAME;
        memory.set(LONG, at, rip);
        memory.set(LONG, at + 8, USER_CS);
        memory.set(LONG, at + 16, rflags);
        memory.set(LONG, at + 24, rsp);
        memory.set(LONG, at + 32, USER_SS);
        return VIRTUAL + at;
    }

    @Override
    public void close() {
        mapping.close();
    }
}
