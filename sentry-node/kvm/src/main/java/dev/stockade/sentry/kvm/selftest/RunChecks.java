package dev.stockade.sentry.kvm.selftest;

import static dev.stockade.sentry.kvm.selftest.Check.equal;
import static dev.stockade.sentry.kvm.selftest.Check.same;
import static dev.stockade.sentry.kvm.selftest.Check.that;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.CODE;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.DATA;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.STACK_TOP;

import dev.stockade.sentry.kvm.Assembler;
import dev.stockade.sentry.kvm.Assembler.Reg;
import dev.stockade.sentry.kvm.selftest.GuestAddressSpace.Frames;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.platform.Platform;
import dev.stockade.sentry.platform.Registers;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.regex.Pattern;

/** System calls, exceptions and interrupts. */
final class RunChecks {
    static final long MEMORY = 4 << 20;

    private RunChecks() {}

    static List<Check> all() {
        return List.of(
                new Check("system calls keep all registers", RunChecks::registers),
                new Check("a page fault tells address and error code and resumes", RunChecks::pageFault),
                new Check("every kind of exception is told apart", RunChecks::exceptions),
                new Check("a single step stops after one instruction", RunChecks::singleStep),
                new Check("FS and GS bases are the context's", RunChecks::segmentBases),
                new Check("a spinning guest is interrupted, every time", RunChecks::kicks),
                new Check("an interrupt before run is not lost", RunChecks::stickyInterrupt));
    }

    static String last(Context c, ExitReason reason) {
        return switch (reason) {
            case SYSCALL -> "SYSCALL";
            case INTERRUPTED -> "INTERRUPTED";
            case FAILED -> "FAILED: " + c.failure();
            case EXCEPTION ->
                "EXCEPTION " + c.exceptionVector() + " error 0x" + Long.toHexString(c.exceptionErrorCode())
                        + " address 0x" + Long.toHexString(c.faultAddress()) + " rip 0x"
                        + Long.toHexString(c.registers().rip);
        };
    }

    static void expect(String expected, Context c, long root) {
        String got = last(c, c.run(root));
        that(got.startsWith(expected), "expected " + expected + ", got " + got);
    }

    private static void registers(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Assembler a = new Assembler(CODE);
            Assembler.Label loop = a.here();
            a.syscall().jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            try (Context c = space.start()) {
                long seed = 1;
                for (int round = 0; round < 50; round++) {
                    Registers r = c.registers();
                    r.rip = CODE;
                    r.rax = seed++;
                    r.rbx = ~seed++;
                    r.rcx = seed++;
                    r.rdx = seed++ << 40;
                    r.rsi = seed++;
                    r.rdi = seed++ << 63;
                    r.rbp = seed++;
                    r.rsp = round % 2 == 0 ? seed++ : 0x8000_0000_0000_0000L + seed++;
                    r.r8 = seed++;
                    r.r9 = ~seed++;
                    r.r10 = seed++;
                    r.r11 = seed++;
                    r.r12 = seed++;
                    r.r13 = seed++;
                    r.r14 = seed++;
                    r.r15 = -seed++;
                    r.rflags = round % 2 == 0 ? 0x246 : 0xad7;
                    Registers before = new Registers();
                    before.set(r);
                    expect("SYSCALL", c, space.root());
                    equal(before.rax, r.rax, "rax");
                    equal(before.rbx, r.rbx, "rbx");
                    equal(before.rdx, r.rdx, "rdx");
                    equal(before.rsi, r.rsi, "rsi");
                    equal(before.rdi, r.rdi, "rdi");
                    equal(before.rbp, r.rbp, "rbp");
                    equal(before.rsp, r.rsp, "rsp");
                    equal(before.r8, r.r8, "r8");
                    equal(before.r9, r.r9, "r9");
                    equal(before.r10, r.r10, "r10");
                    equal(before.r12, r.r12, "r12");
                    equal(before.r13, r.r13, "r13");
                    equal(before.r14, r.r14, "r14");
                    equal(before.r15, r.r15, "r15");
                    equal(CODE + 2, r.rip, "rip");
                    equal(CODE + 2, r.rcx, "rcx");
                    equal(before.rflags, r.rflags, "rflags");
                    equal(before.rflags, r.r11, "r11");
                }
            }
        }
    }

    private static void pageFault(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            long missing = 0x12_3456_7000L;
            Assembler a = new Assembler(CODE);
            a.mov(Reg.RAX, 77).mov(Reg.RBX, missing);
            long load = a.position();
            a.load(Reg.RCX, Reg.RBX, 0x18);
            long store = a.position();
            a.store(Reg.RBX, 0x20, Reg.RAX).syscall();
            a.jmp(Reg.RBX);
            GuestAddressSpace space = new GuestAddressSpace(machine, frames).standard(a);
            try (Context c = space.start()) {
                expect("EXCEPTION 14 error 0x4 address 0x1234567018 rip 0x" + Long.toHexString(load), c, space.root());
                equal(77, c.registers().rax, "rax");
                equal(STACK_TOP - 64, c.registers().rsp, "rsp");
                space.page(missing, GuestAddressSpace.READ_ONLY | GuestAddressSpace.NO_EXECUTE);
                space.write(missing + 0x18, 99);
                expect("EXCEPTION 14 error 0x7 address 0x1234567020 rip 0x" + Long.toHexString(store), c, space.root());
                equal(99, c.registers().rcx, "rcx");
                space.map(missing, space.frameOf(missing), GuestAddressSpace.READ_WRITE | GuestAddressSpace.NO_EXECUTE);
                expect("SYSCALL", c, space.root());
                equal(77, space.read(missing + 0x20), "stored value");
                expect("EXCEPTION 14 error 0x15 address 0x1234567000 rip 0x1234567000", c, space.root());
            }
        }
    }

    private record Fault(String expected, Assembler code, long rflags) {
        Fault(String expected, Assembler code) {
            this(expected, code, 0x202);
        }
    }

    private static Assembler code() {
        return new Assembler(CODE);
    }

    private static void exceptions(Platform platform) throws Exception {
        String at = " rip 0x" + Long.toHexString(CODE);
        long ac = 0x40202;
        List<Fault> faults = List.of(
                new Fault("EXCEPTION 0 error 0x0 address 0x0" + at, code().div(Reg.R8)),
                new Fault("EXCEPTION 3 error 0x0 address 0x0 rip 0x" + Long.toHexString(CODE + 1), code().int3()),
                new Fault("EXCEPTION 6 error 0x0 address 0x0" + at, code().ud2()),
                // qemu's TCG gives 16 * n + 2 where processors give 8 * n + 2
                new Fault("EXCEPTION 13 error 0x(402|802) address 0x0" + at, code().interrupt(0x80)),
                new Fault("EXCEPTION 13 error 0x(72|e2) address 0x0" + at, code().interrupt(14)),
                new Fault("EXCEPTION 13 error 0x0 address 0x0" + at, code().hlt()),
                new Fault("EXCEPTION 13 error 0x0 address 0x0" + at, code().cli()),
                new Fault("EXCEPTION 13 error 0x0 address 0x0" + at, code().sti()),
                new Fault("EXCEPTION 13 error 0x0 address 0x0" + at, code().rdmsr()),
                new Fault("EXCEPTION 13 error 0x0 address 0x0" + at, code().wrmsr()),
                new Fault("EXCEPTION 13 error 0x0 address 0x0" + at, code().movToCr(3, Reg.RAX)),
                new Fault("EXCEPTION 13 error 0x0 address 0x0" + at, code().movFromCr(Reg.RAX, 0)),
                new Fault("EXCEPTION 13 error 0x0 address 0x0" + at, code().outAl(0x80)),
                new Fault("EXCEPTION 13 error 0x0 address 0x0" + at, code().inAl(0x60)),
                // Alignment check: an 8-byte load from an odd address, which qemu's TCG permits
                new Fault(
                        "EXCEPTION 17 error 0x0|SYSCALL",
                        code().mov(Reg.RBX, DATA + 1).load(Reg.RAX, Reg.RBX, 0).syscall(),
                        ac));
        try (Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            StringBuilder wrong = new StringBuilder();
            for (int i = 0; i < faults.size(); i++) {
                Fault fault = faults.get(i);
                GuestAddressSpace space = new GuestAddressSpace(machine, frames).standard(fault.code);
                try (Context c = space.start()) {
                    c.registers().rflags = fault.rflags;
                    String got = last(c, c.run(space.root()));
                    if (!Pattern.compile("^(" + fault.expected + ")")
                                    .matcher(got)
                                    .find()
                            || c.registers().rsp != STACK_TOP - 64) {
                        wrong.append("case ").append(i).append(": expected ").append(fault.expected);
                        wrong.append(", got ").append(got).append("; ");
                    }
                }
            }
            that(wrong.isEmpty(), wrong.toString());
        }
    }

    private static void singleStep(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Assembler a = code();
            a.nop().nop().syscall().nop();
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            try (Context c = space.start()) {
                c.registers().rflags = 0x302;
                expect("EXCEPTION 1 error 0x0 address 0x0 rip 0x" + Long.toHexString(CODE + 1), c, space.root());
                expect("EXCEPTION 1 error 0x0 address 0x0 rip 0x" + Long.toHexString(CODE + 2), c, space.root());
                expect("SYSCALL", c, space.root());
                equal(CODE + 4, c.registers().rip, "rip");
                equal(0x302, c.registers().rflags, "rflags");
                expect("EXCEPTION 1 error 0x0 address 0x0 rip 0x" + Long.toHexString(CODE + 5), c, space.root());
            }
        }
    }

    private static void segmentBases(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Assembler a = code();
            Assembler.Label loop = a.here();
            a.loadFs(Reg.RAX, 8).loadGs(Reg.RBX, 16).syscall().jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            space.write(DATA + 8, 1);
            space.write(DATA + 0x108, 2);
            space.write(DATA + 0x10, 3);
            try (Context c = space.start()) {
                c.registers().fsBase = DATA;
                c.registers().gsBase = DATA;
                expect("SYSCALL", c, space.root());
                equal(1, c.registers().rax, "FS");
                equal(3, c.registers().rbx, "GS");
                c.registers().fsBase = DATA + 0x100;
                expect("SYSCALL", c, space.root());
                equal(2, c.registers().rax, "FS after a change");
                c.registers().gsBase = 0;
                expect("EXCEPTION 14 error 0x4 address 0x10", c, space.root());
                c.registers().gsBase = DATA;
                expect("SYSCALL", c, space.root());
            }
        }
    }

    private static void kicks(Platform platform) throws Exception {
        int rounds = Integer.getInteger("stockade.selftest.kicks", 2000);
        try (Machine machine = platform.newMachine(MEMORY)) {
            Assembler a = code();
            Assembler.Label loop = a.here();
            a.inc(Reg.RAX).jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            try (Context c = space.start();
                    Guarded kicker = new Guarded()) {
                Semaphore go = new Semaphore(0);
                kicker.start(() -> {
                    for (int i = 0; i < rounds; i++) {
                        go.acquire();
                        for (int spin = 0; spin < i % 64 * 50; spin++) {
                            Thread.onSpinWait();
                        }
                        c.interrupt();
                    }
                });
                long before = 0;
                for (int i = 0; i < rounds; i++) {
                    go.release();
                    String got = last(c, c.run(space.root()));
                    that(got.equals("INTERRUPTED"), "round " + i + ", RAX " + c.registers().rax + ": " + got);
                    that(Long.compareUnsigned(c.registers().rax, before) >= 0, "rax went back");
                    before = c.registers().rax;
                    equal(0, c.registers().rip >= CODE && c.registers().rip < CODE + 16 ? 0 : 1, "rip");
                }
                kicker.join();
                that(before > 0, "the guest never ran");
            }
        }
    }

    private static void stickyInterrupt(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames())
                    .standard(code().syscall().syscall());
            try (Context c = space.start()) {
                c.interrupt();
                c.interrupt();
                expect("INTERRUPTED", c, space.root());
                equal(CODE, c.registers().rip, "rip");
                expect("SYSCALL", c, space.root());
                c.interrupt();
                expect("INTERRUPTED", c, space.root());
                expect("SYSCALL", c, space.root());
                same(true, c.registers().rip == CODE + 4, "rip");
            }
        }
    }
}
