package dev.stockade.sentry.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.kvm.Assembler.Condition;
import dev.stockade.sentry.kvm.Assembler.Reg;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AssemblerTest {
    private record Case(String bytes, String text, Consumer<Assembler> code) {}

    private static final List<Case> CASES = List.of(
            new Case("48b87856341200000000", "movabs $0x12345678,%rax", a -> a.mov(Reg.RAX, 0x12345678L)),
            new Case(
                    "49bff0debc9a78563412",
                    "movabs $0x123456789abcdef0,%r15",
                    a -> a.mov(Reg.R15, 0x1234_5678_9abc_def0L)),
            new Case("4889d8", "mov %rbx,%rax", a -> a.mov(Reg.RAX, Reg.RBX)),
            new Case("4d89c7", "mov %r8,%r15", a -> a.mov(Reg.R15, Reg.R8)),
            new Case("488b8310000000", "mov 0x10(%rbx),%rax", a -> a.load(Reg.RAX, Reg.RBX, 0x10)),
            new Case("4c8b8c2408000000", "mov 0x8(%rsp),%r9", a -> a.load(Reg.R9, Reg.RSP, 8)),
            new Case("49899c24f8ffffff", "mov %rbx,-0x8(%r12)", a -> a.store(Reg.R12, -8, Reg.RBX)),
            new Case("488d8d00010000", "lea 0x100(%rbp),%rcx", a -> a.lea(Reg.RCX, Reg.RBP, 0x100)),
            new Case("4801d8", "add %rbx,%rax", a -> a.add(Reg.RAX, Reg.RBX)),
            new Case("4981c001000000", "add $0x1,%r8", a -> a.add(Reg.R8, 1)),
            new Case("4829d8", "sub %rbx,%rax", a -> a.sub(Reg.RAX, Reg.RBX)),
            new Case("4881ec40000000", "sub $0x40,%rsp", a -> a.sub(Reg.RSP, 0x40)),
            new Case("4881e3ff000000", "and $0xff,%rbx", a -> a.and(Reg.RBX, 0xff)),
            new Case("4881cb00010000", "or $0x100,%rbx", a -> a.or(Reg.RBX, 0x100)),
            new Case("4831c0", "xor %rax,%rax", a -> a.xor(Reg.RAX, Reg.RAX)),
            new Case("4839d8", "cmp %rbx,%rax", a -> a.cmp(Reg.RAX, Reg.RBX)),
            new Case("4981ff05000000", "cmp $0x5,%r15", a -> a.cmp(Reg.R15, 5)),
            new Case("4885c0", "test %rax,%rax", a -> a.test(Reg.RAX, Reg.RAX)),
            new Case("49ffc0", "inc %r8", a -> a.inc(Reg.R8)),
            new Case("48ffc9", "dec %rcx", a -> a.dec(Reg.RCX)),
            new Case("48f7f3", "div %rbx", a -> a.div(Reg.RBX)),
            new Case("f0480fc18300000000", "lock xadd %rax,0x0(%rbx)", a -> a.lockXadd(Reg.RBX, 0, Reg.RAX)),
            new Case("48878300000000", "xchg %rax,0x0(%rbx)", a -> a.xchg(Reg.RBX, 0, Reg.RAX)),
            new Case("50", "push %rax", a -> a.push(Reg.RAX)),
            new Case("4157", "push %r15", a -> a.push(Reg.R15)),
            new Case("5b", "pop %rbx", a -> a.pop(Reg.RBX)),
            new Case("4158", "pop %r8", a -> a.pop(Reg.R8)),
            new Case("ffe3", "jmp *%rbx", a -> a.jmp(Reg.RBX)),
            new Case("41ffe1", "jmp *%r9", a -> a.jmp(Reg.R9)),
            new Case("c3", "ret", Assembler::ret),
            new Case("f390", "pause", Assembler::pause),
            new Case("0f05", "syscall", Assembler::syscall),
            new Case("0f34", "sysenter", Assembler::sysenter),
            new Case("48cf", "iretq", Assembler::iretq),
            new Case("cc", "int3", Assembler::int3),
            new Case("cd80", "int $0x80", a -> a.interrupt(0x80)),
            new Case("0f0b", "ud2", Assembler::ud2),
            new Case("f4", "hlt", Assembler::hlt),
            new Case("fa", "cli", Assembler::cli),
            new Case("fb", "sti", Assembler::sti),
            new Case("9c", "pushf", Assembler::pushfq),
            new Case("9d", "popf", Assembler::popfq),
            new Case("0fa2", "cpuid", Assembler::cpuid),
            new Case("0f01d0", "xgetbv", Assembler::xgetbv),
            new Case("0f31", "rdtsc", Assembler::rdtsc),
            new Case("0f32", "rdmsr", Assembler::rdmsr),
            new Case("0f30", "wrmsr", Assembler::wrmsr),
            new Case("0f22d8", "mov %rax,%cr3", a -> a.movToCr(3, Reg.RAX)),
            new Case("0f20d0", "mov %cr2,%rax", a -> a.movFromCr(Reg.RAX, 2)),
            new Case("e608", "out %al,$0x8", a -> a.outAl(8)),
            new Case("e460", "in $0x60,%al", a -> a.inAl(0x60)),
            new Case("64488b042508000000", "mov %fs:0x8,%rax", a -> a.loadFs(Reg.RAX, 8)),
            new Case("65488b1c2510000000", "mov %gs:0x10,%rbx", a -> a.loadGs(Reg.RBX, 16)),
            new Case("c5fe6f8b00000000", "vmovdqu 0x0(%rbx),%ymm1", a -> a.vmovdquLoad(1, Reg.RBX)),
            new Case("c5fe7f8b00000000", "vmovdqu %ymm1,0x0(%rbx)", a -> a.vmovdquStore(Reg.RBX, 1)),
            new Case("c5fdd4c1", "vpaddq %ymm1,%ymm0,%ymm0", a -> a.vpaddq(0, 1)));

    @Test
    void shouldEmitTheExpectedBytes() {
        for (Case c : CASES) {
            Assembler a = new Assembler(0);
            c.code.accept(a);
            assertThat(HexFormat.of().formatHex(a.assemble())).as(c.text).isEqualTo(c.bytes);
        }
    }

    @Test
    void shouldResolveLabels() {
        Assembler a = new Assembler(0x1000);
        Assembler.Label end = a.label();
        Assembler.Label start = a.here();
        a.jcc(Condition.E, end).jmp(start).call(end).mov(Reg.RAX, end).bind(end).nop();
        assertThat(HexFormat.of().formatHex(a.assemble()))
                .isEqualTo("0f8414000000" + "e9f5ffffff" + "e80a000000" + "48b81a10000000000000" + "90");
        assertThat(a.addressOf(end)).isEqualTo(0x101a);
    }

    /** The texts are what GNU's disassembler says of the bytes. */
    @Test
    void shouldAgreeWithTheDisassembler(@TempDir Path dir) throws IOException, InterruptedException {
        Path objdump = Path.of("/usr/bin/objdump");
        Assumptions.assumeTrue(Files.isExecutable(objdump), "no objdump (package binutils)");
        Assembler all = new Assembler(0);
        CASES.forEach(c -> c.code.accept(all));
        Path code = dir.resolve("code");
        Files.write(code, all.assemble());
        Process p = new ProcessBuilder(
                        objdump.toString(),
                        "-D",
                        "-b",
                        "binary",
                        "-m",
                        "i386:x86-64",
                        "--no-show-raw-insn",
                        code.toString())
                .redirectErrorStream(true)
                .start();
        String output = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(p.waitFor()).isZero();
        List<String> texts = new ArrayList<>();
        for (String line : output.split("\n")) {
            if (line.matches("\\s*[0-9a-f]+:\\t.*")) {
                texts.add(line.substring(line.indexOf('\t') + 1).strip().replaceAll("\\s+", " "));
            }
        }
        assertThat(texts).isEqualTo(CASES.stream().map(Case::text).toList());
    }
}
