package dev.stockade.sentry.kvm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Emits the x86-64 instructions that the entry stubs and the guests of tests and benchmarks need, with labels.
 * Encodings are from the Intel SDM, vol. 2; a test compares them with a disassembler. Sources come last in 64-bit
 * operand order {@code op(destination, source)}.
 */
public final class Assembler {
    /** The general registers, by number. */
    public enum Reg {
        RAX,
        RCX,
        RDX,
        RBX,
        RSP,
        RBP,
        RSI,
        RDI,
        R8,
        R9,
        R10,
        R11,
        R12,
        R13,
        R14,
        R15
    }

    /** Condition codes of Jcc. */
    public enum Condition {
        B(2),
        AE(3),
        E(4),
        NE(5),
        BE(6),
        A(7),
        L(12),
        GE(13),
        LE(14),
        G(15);

        private final int code;

        Condition(int code) {
            this.code = code;
        }
    }

    /** A place in the code. */
    public static final class Label {
        private int position = -1;

        private Label() {}
    }

    private record Fixup(int at, Label label, boolean absolute) {}

    private final long origin;
    private final List<Fixup> fixups = new ArrayList<>();
    private byte[] code = new byte[256];
    private int size;

    /** @param origin the guest-virtual address of the first byte */
    public Assembler(long origin) {
        this.origin = origin;
    }

    /** The code with all labels resolved. */
    public byte[] assemble() {
        for (Fixup f : fixups) {
            if (f.label.position < 0) {
                throw new IllegalStateException("a label was used and not bound");
            }
            if (f.absolute) {
                long target = origin + f.label.position;
                for (int i = 0; i < 8; i++) {
                    code[f.at + i] = (byte) (target >>> (8 * i));
                }
            } else {
                int displacement = f.label.position - (f.at + 4);
                for (int i = 0; i < 4; i++) {
                    code[f.at + i] = (byte) (displacement >>> (8 * i));
                }
            }
        }
        return Arrays.copyOf(code, size);
    }

    public Label label() {
        return new Label();
    }

    public Label here() {
        Label l = new Label();
        bind(l);
        return l;
    }

    public Assembler bind(Label label) {
        label.position = size;
        return this;
    }

    /** The guest-virtual address of a bound label. */
    public long addressOf(Label label) {
        if (label.position < 0) {
            throw new IllegalStateException("the label is not bound");
        }
        return origin + label.position;
    }

    /** The guest-virtual address of the next instruction. */
    public long position() {
        return origin + size;
    }

    public Assembler bytes(int... values) {
        for (int v : values) {
            if (size == code.length) {
                code = Arrays.copyOf(code, size * 2);
            }
            code[size++] = (byte) v;
        }
        return this;
    }

    public Assembler align(int boundary) {
        while (size % boundary != 0) {
            bytes(0x90);
        }
        return this;
    }

    private Assembler imm32(int v) {
        return bytes(v, v >>> 8, v >>> 16, v >>> 24);
    }

    private Assembler imm64(long v) {
        return imm32((int) v).imm32((int) (v >>> 32));
    }

    private Assembler rexW(Reg reg, Reg rm) {
        return bytes(0x48 | (reg.ordinal() >= 8 ? 4 : 0) | (rm.ordinal() >= 8 ? 1 : 0));
    }

    /** ModRM (and SIB for RSP and R12) for {@code [base + displacement]}. */
    private Assembler memory(int reg, Reg base, int displacement) {
        int rm = base.ordinal() & 7;
        bytes(0x80 | (reg & 7) << 3 | rm);
        if (rm == 4) {
            bytes(0x24);
        }
        return imm32(displacement);
    }

    private Assembler registers(int reg, Reg rm) {
        return bytes(0xc0 | (reg & 7) << 3 | (rm.ordinal() & 7));
    }

    private Assembler op(int opcode, Reg reg, Reg rm) {
        return rexW(reg, rm).bytes(opcode).registers(reg.ordinal(), rm);
    }

    private Assembler opImmediate(int extension, Reg rm, int immediate) {
        return rexW(Reg.RAX, rm).bytes(0x81).registers(extension, rm).imm32(immediate);
    }

    public Assembler mov(Reg destination, long immediate) {
        return rexW(Reg.RAX, destination)
                .bytes(0xb8 | (destination.ordinal() & 7))
                .imm64(immediate);
    }

    /** The absolute address of a label. */
    public Assembler mov(Reg destination, Label label) {
        rexW(Reg.RAX, destination).bytes(0xb8 | (destination.ordinal() & 7));
        fixups.add(new Fixup(size, label, true));
        return imm64(0);
    }

    public Assembler mov(Reg destination, Reg source) {
        return op(0x89, source, destination);
    }

    public Assembler load(Reg destination, Reg base, int displacement) {
        return rexW(destination, base).bytes(0x8b).memory(destination.ordinal(), base, displacement);
    }

    public Assembler store(Reg base, int displacement, Reg source) {
        return rexW(source, base).bytes(0x89).memory(source.ordinal(), base, displacement);
    }

    public Assembler lea(Reg destination, Reg base, int displacement) {
        return rexW(destination, base).bytes(0x8d).memory(destination.ordinal(), base, displacement);
    }

    public Assembler add(Reg destination, Reg source) {
        return op(0x01, source, destination);
    }

    public Assembler add(Reg destination, int immediate) {
        return opImmediate(0, destination, immediate);
    }

    public Assembler sub(Reg destination, Reg source) {
        return op(0x29, source, destination);
    }

    public Assembler sub(Reg destination, int immediate) {
        return opImmediate(5, destination, immediate);
    }

    public Assembler and(Reg destination, int immediate) {
        return opImmediate(4, destination, immediate);
    }

    public Assembler or(Reg destination, int immediate) {
        return opImmediate(1, destination, immediate);
    }

    public Assembler xor(Reg destination, Reg source) {
        return op(0x31, source, destination);
    }

    public Assembler cmp(Reg left, Reg right) {
        return op(0x39, right, left);
    }

    public Assembler cmp(Reg left, int immediate) {
        return opImmediate(7, left, immediate);
    }

    public Assembler test(Reg left, Reg right) {
        return op(0x85, right, left);
    }

    public Assembler inc(Reg register) {
        return rexW(Reg.RAX, register).bytes(0xff).registers(0, register);
    }

    public Assembler dec(Reg register) {
        return rexW(Reg.RAX, register).bytes(0xff).registers(1, register);
    }

    /** Unsigned division of RDX:RAX. */
    public Assembler div(Reg divisor) {
        return rexW(Reg.RAX, divisor).bytes(0xf7).registers(6, divisor);
    }

    /** {@code lock xadd [base + displacement], source}. */
    public Assembler lockXadd(Reg base, int displacement, Reg source) {
        return bytes(0xf0).rexW(source, base).bytes(0x0f, 0xc1).memory(source.ordinal(), base, displacement);
    }

    /** {@code xchg [base + displacement], source}. */
    public Assembler xchg(Reg base, int displacement, Reg source) {
        return rexW(source, base).bytes(0x87).memory(source.ordinal(), base, displacement);
    }

    public Assembler push(Reg register) {
        if (register.ordinal() >= 8) {
            bytes(0x41);
        }
        return bytes(0x50 | (register.ordinal() & 7));
    }

    public Assembler pop(Reg register) {
        if (register.ordinal() >= 8) {
            bytes(0x41);
        }
        return bytes(0x58 | (register.ordinal() & 7));
    }

    public Assembler jmp(Label target) {
        return bytes(0xe9).relative(target);
    }

    public Assembler jmp(Reg target) {
        if (target.ordinal() >= 8) {
            bytes(0x41);
        }
        return bytes(0xff).registers(4, target);
    }

    public Assembler jcc(Condition condition, Label target) {
        return bytes(0x0f, 0x80 | condition.code).relative(target);
    }

    public Assembler call(Label target) {
        return bytes(0xe8).relative(target);
    }

    private Assembler relative(Label target) {
        fixups.add(new Fixup(size, target, false));
        return imm32(0);
    }

    public Assembler ret() {
        return bytes(0xc3);
    }

    public Assembler nop() {
        return bytes(0x90);
    }

    public Assembler pause() {
        return bytes(0xf3, 0x90);
    }

    public Assembler syscall() {
        return bytes(0x0f, 0x05);
    }

    public Assembler sysenter() {
        return bytes(0x0f, 0x34);
    }

    public Assembler iretq() {
        return bytes(0x48, 0xcf);
    }

    public Assembler int3() {
        return bytes(0xcc);
    }

    public Assembler interrupt(int vector) {
        return bytes(0xcd, vector);
    }

    public Assembler ud2() {
        return bytes(0x0f, 0x0b);
    }

    public Assembler hlt() {
        return bytes(0xf4);
    }

    public Assembler cli() {
        return bytes(0xfa);
    }

    public Assembler sti() {
        return bytes(0xfb);
    }

    public Assembler pushfq() {
        return bytes(0x9c);
    }

    public Assembler popfq() {
        return bytes(0x9d);
    }

    public Assembler cpuid() {
        return bytes(0x0f, 0xa2);
    }

    public Assembler xgetbv() {
        return bytes(0x0f, 0x01, 0xd0);
    }

    public Assembler rdtsc() {
        return bytes(0x0f, 0x31);
    }

    public Assembler rdmsr() {
        return bytes(0x0f, 0x32);
    }

    public Assembler wrmsr() {
        return bytes(0x0f, 0x30);
    }

    /** {@code mov source, %crN}. */
    public Assembler movToCr(int controlRegister, Reg source) {
        return bytes(0x0f, 0x22).registers(controlRegister, source);
    }

    /** {@code mov %crN, destination}. */
    public Assembler movFromCr(Reg destination, int controlRegister) {
        return bytes(0x0f, 0x20).registers(controlRegister, destination);
    }

    /** {@code out %al, $port}. */
    public Assembler outAl(int port) {
        return bytes(0xe6, port);
    }

    /** {@code in $port, %al}. */
    public Assembler inAl(int port) {
        return bytes(0xe4, port);
    }

    /** {@code mov %fs:[displacement], destination}. */
    public Assembler loadFs(Reg destination, int displacement) {
        return bytes(0x64)
                .rexW(destination, Reg.RAX)
                .bytes(0x8b, (destination.ordinal() & 7) << 3 | 4, 0x25)
                .imm32(displacement);
    }

    /** {@code mov %gs:[displacement], destination}. */
    public Assembler loadGs(Reg destination, int displacement) {
        return bytes(0x65)
                .rexW(destination, Reg.RAX)
                .bytes(0x8b, (destination.ordinal() & 7) << 3 | 4, 0x25)
                .imm32(displacement);
    }

    /** {@code vmovdqu ymmN, [base]}; N below 8, base below R8. */
    public Assembler vmovdquLoad(int ymm, Reg base) {
        return bytes(0xc5, 0xfe, 0x6f).memory(ymm, base, 0);
    }

    /** {@code vmovdqu [base], ymmN}; N below 8, base below R8. */
    public Assembler vmovdquStore(Reg base, int ymm) {
        return bytes(0xc5, 0xfe, 0x7f).memory(ymm, base, 0);
    }

    /** {@code vpaddq ymmD, ymmD, ymmS}; numbers below 8. */
    public Assembler vpaddq(int destination, int source) {
        return bytes(0xc5, 0x85 | (~destination & 15) << 3, 0xd4, 0xc0 | destination << 3 | source);
    }
}
