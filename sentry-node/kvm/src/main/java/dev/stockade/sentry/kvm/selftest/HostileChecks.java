package dev.stockade.sentry.kvm.selftest;

import static dev.stockade.sentry.kvm.selftest.Check.equal;
import static dev.stockade.sentry.kvm.selftest.Check.that;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.CODE;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.DATA;
import static dev.stockade.sentry.kvm.selftest.RunChecks.MEMORY;
import static dev.stockade.sentry.kvm.selftest.RunChecks.expect;
import static dev.stockade.sentry.kvm.selftest.RunChecks.last;

import dev.stockade.sentry.kvm.Assembler;
import dev.stockade.sentry.kvm.Assembler.Reg;
import dev.stockade.sentry.kvm.KvmPlatform;
import dev.stockade.sentry.kvm.selftest.GuestAddressSpace.Frames;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.platform.Platform;
import dev.stockade.sentry.platform.Registers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;

/** Guests that do what no honest program does. None may end in FAILED, and none may harm another context. */
final class HostileChecks {
    private static final int EXIT_PORT = 8;
    private static final long IMAGE = 0xffff_ff80_0000_0000L;

    private HostileChecks() {}

    static List<Check> all() {
        return List.of(
                new Check("registers that ring 3 may not have are harmless", HostileChecks::registers),
                new Check("the kernel image is out of reach", HostileChecks::kernelAddresses),
                new Check("privileged and odd instructions give exceptions", HostileChecks::instructions),
                new Check("the exit port is no way out, and leaves nothing behind", HostileChecks::forgedExits),
                new Check("exceptions do not use the guest's stack", HostileChecks::stacks),
                new Check("a system call at the end of the address space", HostileChecks::lastInstruction),
                new Check("random code and registers", HostileChecks::random),
                new Check("a guest that makes exits without end is interruptible", HostileChecks::interruptStorm));
    }

    private static Assembler code() {
        return new Assembler(CODE);
    }

    private static void registers(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Assembler a = code();
            Assembler.Label loop = a.here();
            a.syscall().jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            long[] odd = {-1, Long.MIN_VALUE, 1L << 47, 0xffff_8000_0000_0000L, IMAGE, IMAGE + 0x5800, Long.MAX_VALUE};
            try (Context c = space.start()) {
                Registers r = c.registers();
                for (long value : odd) {
                    r.rip = value;
                    expect("EXCEPTION 13", c, space.root());
                    equal(value, r.rip, "rip");
                    r.rip = CODE;
                    r.fsBase = value;
                    expect("EXCEPTION 13", c, space.root());
                    r.fsBase = 0;
                    r.gsBase = value;
                    expect("EXCEPTION 13", c, space.root());
                    r.gsBase = 0;
                    r.rsp = value;
                    r.rflags = value & ~0x100;
                    expect("SYSCALL", c, space.root());
                    equal(value, r.rsp, "rsp");
                    equal(0x202, r.rflags & ~0x254cd5L, "privileged flags");
                    r.rflags = 0x202;
                }
            }
        }
    }

    private static void kernelAddresses(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            Assembler jump = code().jmp(Reg.RBX);
            Assembler load = code().load(Reg.RAX, Reg.RBX, 0).syscall();
            Assembler store = code().store(Reg.RBX, 0, Reg.RAX).syscall();
            GuestAddressSpace jumps = new GuestAddressSpace(machine, frames).standard(jump);
            GuestAddressSpace loads = new GuestAddressSpace(machine, frames).standard(load);
            GuestAddressSpace stores = new GuestAddressSpace(machine, frames).standard(store);
            boolean software = platform.describe().contains("software");
            for (int page = 0; page < 24; page++) {
                for (int offset : new int[] {0, 2, 16, 0xe0, 0x800}) {
                    long target = IMAGE + page * 4096L + offset;
                    try (Context c = jumps.start()) {
                        c.registers().rbx = target;
                        c.registers().rcx = CODE;
                        String got = last(c, c.run(jumps.root()));
                        // Software KVM executes the entry stub at ring 3: as if the guest had made a system call.
                        boolean stub = software && page == 4 && offset <= 16;
                        that(
                                stub || got.startsWith("EXCEPTION 14"),
                                "jump to " + Long.toHexString(target) + ": " + got);
                        that(!got.startsWith("FAILED"), got);
                    }
                    try (Context c = stores.start()) {
                        c.registers().rbx = target;
                        expect("EXCEPTION 14", c, stores.root());
                        equal(target, c.faultAddress(), "address");
                    }
                    try (Context c = loads.start()) {
                        c.registers().rbx = target;
                        String got = last(c, c.run(loads.root()));
                        that((software && page == 4) || got.startsWith("EXCEPTION 14"), "load: " + got);
                    }
                }
            }
            try (Context c = loads.start()) {
                c.registers().rbx = 1L << 50;
                expect("EXCEPTION 13", c, loads.root());
            }
        }
    }

    private static void instructions(Platform platform) throws Exception {
        int[][] all = {
            {0x0f, 0x34}, // sysenter
            {0x0f, 0x35}, // sysexit
            {0x48, 0x0f, 0x07}, // sysret
            {0x48, 0xcf}, // iretq with a frame of zeros
            {0xce}, // into
            {0xf1}, // icebp
            {0xcd, 0x08}, // int 8
            {0xcd, 0x02}, // int 2
            {0x0f, 0x00, 0xd8}, // ltr
            {0x0f, 0x00, 0xd0}, // lldt
            {0x0f, 0x01, 0x13}, // lgdt
            {0x0f, 0x01, 0x1b}, // lidt
            {0x0f, 0x01, 0xf0}, // lmsw
            {0x0f, 0x06}, // clts
            {0x0f, 0x08}, // invd
            {0x0f, 0x09}, // wbinvd
            {0x0f, 0x01, 0x3b}, // invlpg
            {0x0f, 0x01, 0xf8}, // swapgs
            {0x0f, 0x01, 0xd1}, // xsetbv
            {0x0f, 0x33}, // rdpmc
            {0x0f, 0x23, 0xf8}, // mov dr7
            {0x0f, 0x21, 0xf8}, // mov from dr7
            {0x0f, 0x22, 0xe0}, // mov cr4
            {0x0f, 0x01, 0xc8}, // monitor
            {0x0f, 0x01, 0xc9}, // mwait
            {0x0f, 0x01, 0xd8}, // vmrun
            {0x0f, 0x01, 0xdd}, // clgi
            {0x0f, 0xaa}, // rsm
            {0xec}, // in al, dx
            {0xef}, // out dx, eax
            {0x6e}, // outsb
            {0xf3, 0x6c}, // rep insb
            {0xff, 0x2b}, // far jump to 0:0
            {0x8e, 0xd3}, // mov ss, 0
            {0x06}, // push es
            {0x66, 0x0f, 0x38, 0x82, 0x03}, // invpcid
            {0xe4, 0x21}, // in
            {0xe6, 0x70}, // out
        };
        try (Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            StringBuilder wrong = new StringBuilder();
            for (int[] bytes : all) {
                GuestAddressSpace space = new GuestAddressSpace(machine, frames)
                        .standard(code().bytes(bytes).ud2());
                try (Context c = space.start()) {
                    c.registers().rbx = DATA;
                    c.registers().rsi = DATA;
                    c.registers().rdi = DATA;
                    c.registers().rdx = 0x80;
                    c.registers().rcx = 3;
                    String got = last(c, c.run(space.root()));
                    boolean atStart = got.endsWith(" rip 0x400000") || bytes[0] == 0xf1 || bytes[0] == 0xcf;
                    if (!got.startsWith("EXCEPTION") || !atStart) {
                        wrong.append(HexFormat.of().formatHex(toBytes(bytes)));
                        wrong.append(": ").append(got).append("; ");
                    }
                }
            }
            that(wrong.isEmpty(), wrong.toString());
        }
    }

    private static byte[] toBytes(int[] values) {
        byte[] b = new byte[values.length];
        for (int i = 0; i < b.length; i++) {
            b[i] = (byte) values[i];
        }
        return b;
    }

    /** All run on one vCPU, each followed by an honest context that would meet what is left over. */
    private static void forgedExits(Platform ignored) throws Exception {
        int[][] all = {
            {0xe6, EXIT_PORT}, // out imm8, al
            {0xe7, EXIT_PORT}, // out imm8, eax
            {0xee}, // out dx, al
            {0xef}, // out dx, eax
            {0x66, 0xef}, // out dx, ax
            {0xe4, EXIT_PORT}, // in al, imm8
            {0xec}, // in al, dx
            {0xed}, // in eax, dx
            {0x6e}, // outsb
            {0xf3, 0x6e}, // rep outsb
            {0x6c}, // insb
            {0xf3, 0x6c}, // rep insb
            {0xf3, 0x6f}, // rep outsd
        };
        try (KvmPlatform platform = KvmPlatform.open(1);
                Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            Assembler honest = code();
            honest.mov(Reg.RBX, DATA).load(Reg.RAX, Reg.RBX, 0).inc(Reg.RAX).syscall();
            GuestAddressSpace good = new GuestAddressSpace(machine, frames).standard(honest);
            good.write(DATA, 41);
            for (int[] bytes : all) {
                Assembler a = code().nop().nop().bytes(bytes).ud2();
                GuestAddressSpace bad = new GuestAddressSpace(machine, frames).standard(a);
                String name = HexFormat.of().formatHex(toBytes(bytes));
                for (int round = 0; round < 3; round++) {
                    try (Context c = bad.start();
                            Context next = good.start()) {
                        c.registers().rdx = EXIT_PORT;
                        c.registers().rsi = DATA;
                        c.registers().rdi = DATA;
                        c.registers().rcx = round == 2 ? -1 : 2000;
                        String got = last(c, c.run(bad.root()));
                        that(got.startsWith("EXCEPTION 13"), name + ": " + got);
                        if (round == 1) {
                            c.registers().rip = CODE;
                            got = last(c, c.run(bad.root()));
                            that(got.startsWith("EXCEPTION 13"), name + " again: " + got);
                        }
                        next.registers().rcx = 0x1234;
                        expect("SYSCALL", next, good.root());
                        equal(42, next.registers().rax, "what the next context computed after " + name);
                    }
                }
            }
        }
    }

    private static void stacks(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames())
                    .standard(code().push(Reg.RAX).ud2());
            GuestAddressSpace.Frames none = new Frames();
            that(none.take() == 0, "frames start at 0");
            for (long rsp :
                    new long[] {0, 8, 1L << 47, 1L << 50, -8, IMAGE + 0x4800, IMAGE + 0xb800, 0x7fff_ffff_ffffL}) {
                try (Context c = space.start()) {
                    c.registers().rsp = rsp;
                    String got = last(c, c.run(space.root()));
                    that(got.matches("EXCEPTION 1[234] .*"), got);
                    equal(rsp, c.registers().rsp, "rsp");
                    c.registers().rip = CODE + 1;
                    expect("EXCEPTION 6", c, space.root());
                    equal(rsp, c.registers().rsp, "rsp at ud2");
                }
            }
        }
    }

    private static void lastInstruction(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames());
            long page = 0x7fff_ffff_f000L;
            long frame = space.page(page, GuestAddressSpace.READ_ONLY);
            machine.memory().segment().set(ValueLayout.JAVA_SHORT, frame + 4094, (short) 0x050f);
            try (Context c = space.start()) {
                c.registers().rip = page + 4094;
                String got = last(c, c.run(space.root()));
                that(!got.startsWith("FAILED"), got);
                if (got.equals("SYSCALL")) {
                    equal(1L << 47, c.registers().rip, "rip");
                    expect("EXCEPTION 13", c, space.root());
                }
                // Running off the end
                machine.memory().segment().set(ValueLayout.JAVA_SHORT, frame + 4094, (short) 0x9090);
                c.registers().rip = page + 4094;
                got = last(c, c.run(space.root()));
                that(got.startsWith("EXCEPTION 1"), got);
            }
        }
    }

    private static void random(Platform platform) throws Exception {
        int rounds = Integer.getInteger("stockade.selftest.random", 400);
        long seed = Long.getLong("stockade.selftest.seed", 1);
        Random random = new Random(seed);
        int[] prefixes = {0x0f, 0x48, 0x66, 0xf2, 0xf3, 0xf0, 0x64, 0xc4, 0xc5, 0x62, 0xcd, 0xe6, 0xee, 0x6e};
        try (Machine machine = platform.newMachine(MEMORY);
                Guarded threads = new Guarded()) {
            MemorySegment memory = machine.memory().segment();
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames());
            long code = space.page(CODE, GuestAddressSpace.READ_WRITE);
            space.page(DATA, GuestAddressSpace.READ_WRITE);
            try (Context c = space.start()) {

                threads.start(() -> {
                    while (!threads.stopped()) {
                        c.interrupt();
                        LockSupport.parkNanos(2_000_000);
                    }
                });
                for (int round = 0; round < rounds; round++) {
                    for (int i = 0; i < 4096; i++) {
                        int value = random.nextInt(8) == 0
                                ? prefixes[random.nextInt(prefixes.length)]
                                : random.nextInt(256);
                        memory.set(ValueLayout.JAVA_BYTE, code + i, (byte) value);
                    }
                    Registers r = c.registers();
                    for (int exits = 0; exits < 40; exits++) {
                        r.rip = CODE + random.nextInt(4096);
                        r.rflags = random.nextLong();
                        r.rsp = DATA + random.nextInt(4096);
                        r.rax = random.nextBoolean() ? random.nextLong() : DATA + random.nextInt(4096);
                        r.rbx = DATA + random.nextInt(4096);
                        r.rcx = random.nextInt(64);
                        r.rdx = random.nextInt(16);
                        r.rsi = DATA + random.nextInt(4096);
                        r.rdi = CODE + random.nextInt(4096);
                        ExitReason reason = c.run(space.root());
                        that(
                                reason != ExitReason.FAILED,
                                "seed " + seed + " round " + round + " exit " + exits + ": " + c.failure());
                    }
                }
                threads.stop();
                threads.join();
            }
        }
    }

    private static void interruptStorm(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY);
                Guarded threads = new Guarded()) {
            Assembler a = code();
            Assembler.Label loop = a.here();
            a.syscall().jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            try (Context c = space.start()) {

                threads.start(() -> {
                    while (!threads.stopped()) {
                        c.interrupt();
                    }
                });
                int interrupted = 0;
                int calls = 0;
                long deadline = System.nanoTime() + 240_000_000_000L;
                while (interrupted < 300 || calls < 300) {
                    that(
                            System.nanoTime() < deadline,
                            interrupted + " interrupts and " + calls + " calls in four minutes");
                    ExitReason reason = c.run(space.root());
                    switch (reason) {
                        case INTERRUPTED -> interrupted++;
                        case SYSCALL -> {
                            calls++;
                            equal(CODE + 2, c.registers().rip, "rip");
                        }
                        case EXCEPTION, FAILED -> throw new AssertionError(last(c, reason));
                    }
                    that(c.registers().rip == CODE || c.registers().rip == CODE + 2, "rip");
                }
                threads.stop();
                threads.join();
            }
        }
    }
}
