package dev.stockade.sentry.kvm.selftest;

import static dev.stockade.sentry.kvm.selftest.Check.equal;
import static dev.stockade.sentry.kvm.selftest.Check.that;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.CODE;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.DATA;
import static dev.stockade.sentry.kvm.selftest.RunChecks.MEMORY;
import static dev.stockade.sentry.kvm.selftest.RunChecks.expect;

import dev.stockade.sentry.kvm.Assembler;
import dev.stockade.sentry.kvm.Assembler.Condition;
import dev.stockade.sentry.kvm.Assembler.Reg;
import dev.stockade.sentry.kvm.KvmPlatform;
import dev.stockade.sentry.kvm.selftest.GuestAddressSpace.Frames;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.platform.Platform;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** FPU state, and more contexts than vCPUs. */
final class FpuChecks {
    private static final int YMM1_LOW = 160 + 16;
    private static final int YMM1_HIGH = 576 + 16;

    private FpuChecks() {}

    static List<Check> all() {
        return List.of(
                new Check("XCR0 and CPUID agree on what is on", FpuChecks::features),
                new Check("FPU state is saved, restored and reset", FpuChecks::saveAndRestore),
                new Check("hostile FPU state is made harmless", FpuChecks::hostileState),
                new Check("AVX state survives more contexts than vCPUs, in turn", FpuChecks::steal),
                new Check("spinning contexts share fewer vCPUs and are all interruptible", FpuChecks::timeSlices),
                new Check("two contexts run in parallel on one address space", FpuChecks::parallel));
    }

    private static void features(Platform platform) throws Exception {
        Assembler a = new Assembler(CODE);
        a.mov(Reg.RCX, 0).xgetbv().mov(Reg.R15, Reg.RAX);
        a.mov(Reg.RAX, 1).mov(Reg.RCX, 0).cpuid().mov(Reg.R14, Reg.RCX);
        a.mov(Reg.RAX, 7).mov(Reg.RCX, 0).cpuid().mov(Reg.R13, Reg.RBX);
        a.mov(Reg.RAX, 0xd).mov(Reg.RCX, 0).cpuid().mov(Reg.R12, Reg.RAX);
        a.syscall();
        try (Machine machine = platform.newMachine(MEMORY)) {
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            try (Context c = space.start()) {
                expect("SYSCALL", c, space.root());
                equal(0, c.registers().r15 & ~0xe7, "XCR0 beyond AVX-512");
                equal(3, c.registers().r15 & 3, "XCR0's x87 and SSE");
                if (platform.describe().contains("hardware")) {
                    // Software KVM lets the processor's own CPUID through; programs look at XCR0 as well.
                    equal(c.registers().r15, c.registers().r12, "CPUID leaf 13's XCR0");
                    equal(0, c.registers().r14 & 1L << 31, "hypervisor bit");
                    equal(1L << 27, c.registers().r14 & 1L << 27, "OSXSAVE");
                    equal(0, c.registers().r13 & 1, "FSGSBASE");
                    equal(c.registers().r15 >>> 5 & 1, c.registers().r13 >>> 16 & 1, "AVX512F");
                }
            }
        }
    }

    /** Adds YMM1 (a copy of the first data line) to YMM0 in memory at each call. */
    private static Assembler vectorLoop() {
        Assembler a = new Assembler(CODE);
        a.mov(Reg.RBX, DATA).vmovdquLoad(1, Reg.RBX).add(Reg.RBX, 64);
        Assembler.Label loop = a.here();
        a.syscall().vmovdquStore(Reg.RBX, 1).jmp(loop);
        return a;
    }

    private static void fillLine(GuestAddressSpace space, long seed) {
        for (int i = 0; i < 4; i++) {
            space.write(DATA + 8 * i, seed * 0x0101_0101_0101_0101L + i);
        }
    }

    private static void saveAndRestore(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(vectorLoop());
            fillLine(space, 3);
            try (Context c = space.start()) {
                expect("SYSCALL", c, space.root());
                byte[] saved = c.saveFpu();
                that(saved.length >= 832, "length " + saved.length);
                for (int i = 0; i < 16; i++) {
                    MemorySegment s = MemorySegment.ofArray(saved);
                    equal(
                            space.read(DATA + i / 8 * 8) >>> (i % 8 * 8) & 0xff,
                            s.get(ValueLayout.JAVA_BYTE, YMM1_LOW + i) & 0xff,
                            "low half of YMM1");
                    equal(
                            space.read(DATA + 16 + i / 8 * 8) >>> (i % 8 * 8) & 0xff,
                            s.get(ValueLayout.JAVA_BYTE, YMM1_HIGH + i) & 0xff,
                            "high half of YMM1");
                }
                saved[YMM1_LOW] = 0x55;
                saved[YMM1_HIGH] = 0x66;
                c.restoreFpu(saved);
                expect("SYSCALL", c, space.root());
                equal(0x55, space.read(DATA + 64) & 0xff, "restored low half");
                equal(0x66, space.read(DATA + 80) & 0xff, "restored high half");
                c.resetFpu();
                expect("SYSCALL", c, space.root());
                for (int i = 0; i < 4; i++) {
                    equal(0, space.read(DATA + 64 + 8 * i), "YMM1 after a reset");
                }
                byte[] fresh = c.saveFpu();
                equal(0x7f, fresh[0] & 0xff, "FCW");
                equal(0x1f, fresh[25] & 0xff, "MXCSR");
                // A context that never ran has a state too.
                try (Context other = machine.newContext()) {
                    other.restoreFpu(saved);
                    equal(0x66, other.saveFpu()[YMM1_HIGH], "state of a context that has not run");
                }
            }
        }
    }

    private static void hostileState(Platform platform) throws Exception {
        Random random = new Random(7);
        try (Machine machine = platform.newMachine(MEMORY)) {
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(vectorLoop());
            try (Context c = space.start()) {
                for (int i = 0; i < 200; i++) {
                    byte[] state = new byte[i % 5 == 0 ? random.nextInt(4096) : 832];
                    random.nextBytes(state);
                    c.restoreFpu(state);
                    expect("SYSCALL", c, space.root());
                }
            }
        }
    }

    private static void steal(Platform ignored) throws Exception {
        int contexts = 6;
        try (KvmPlatform platform = KvmPlatform.open(2);
                Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            List<GuestAddressSpace> spaces = new ArrayList<>();
            List<Context> all = new ArrayList<>();
            for (int i = 0; i < contexts; i++) {
                GuestAddressSpace space = new GuestAddressSpace(machine, frames).standard(vectorLoop());
                fillLine(space, i + 1);
                spaces.add(space);
                all.add(space.start());
            }
            for (int round = 0; round < 30; round++) {
                for (int i = 0; i < contexts; i++) {
                    expect("SYSCALL", all.get(i), spaces.get(i).root());
                    if (round > 0) {
                        for (int w = 0; w < 4; w++) {
                            equal(
                                    (i + 1) * 0x0101_0101_0101_0101L + w,
                                    spaces.get(i).read(DATA + 64 + 8 * w),
                                    "YMM1 of context " + i + " in round " + round);
                        }
                    }
                    if (round % 7 == 0) {
                        all.get((i + 3) % contexts).saveFpu();
                    }
                }
            }
            for (Context c : all) {
                c.close();
            }
        }
    }

    private static void timeSlices(Platform ignored) throws Exception {
        int contexts = 5;
        Assembler a = new Assembler(CODE);
        a.mov(Reg.RBX, DATA).vmovdquLoad(1, Reg.RBX).add(Reg.RBX, 64);
        Assembler.Label loop = a.here();
        a.inc(Reg.RCX).vmovdquStore(Reg.RBX, 1).store(Reg.RBX, 64, Reg.RCX).jmp(loop);
        try (KvmPlatform platform = KvmPlatform.open(2);
                Machine machine = platform.newMachine(MEMORY);
                Guarded threads = new Guarded()) {
            Frames frames = new Frames();
            List<GuestAddressSpace> spaces = new ArrayList<>();
            List<Context> all = new ArrayList<>();

            for (int i = 0; i < contexts; i++) {
                GuestAddressSpace space = new GuestAddressSpace(machine, frames).standard(a);
                fillLine(space, i + 1);
                Context c = space.start();
                spaces.add(space);
                all.add(c);
                threads.start(() -> {
                    while (!threads.stopped()) {
                        ExitReason reason = c.run(space.root());
                        that(reason == ExitReason.INTERRUPTED, RunChecks.last(c, reason));
                    }
                });
            }
            long deadline = System.nanoTime() + 240_000_000_000L;
            for (int round = 0; round < 3; round++) {
                for (int i = 0; i < contexts; i++) {
                    // Everyone makes progress, though each spins for ever.
                    long seen = spaces.get(i).read(DATA + 128);
                    while (spaces.get(i).read(DATA + 128) == seen) {
                        that(System.nanoTime() < deadline, "context " + i + " starves");
                        Thread.onSpinWait();
                    }
                    for (int w = 0; w < 4; w++) {
                        equal(
                                (i + 1) * 0x0101_0101_0101_0101L + w,
                                spaces.get(i).read(DATA + 64 + 8 * w),
                                "YMM1 of context " + i);
                    }
                    all.get(i).interrupt();
                }
            }
            threads.stop();
            for (Context c : all) {
                c.interrupt();
            }
            threads.join();
            for (Context c : all) {
                c.close();
            }
        }
    }

    private static void parallel(Platform platform) throws Exception {
        int rounds = 20_000;
        Assembler a = new Assembler(CODE);
        a.mov(Reg.RBX, DATA).mov(Reg.RCX, rounds);
        Assembler.Label loop = a.here();
        a.mov(Reg.RAX, 1).lockXadd(Reg.RBX, 0, Reg.RAX).dec(Reg.RCX).jcc(Condition.NE, loop);
        a.syscall();
        try (Machine machine = platform.newMachine(MEMORY);
                Guarded threads = new Guarded()) {
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            for (int i = 0; i < 2; i++) {
                Context c = space.start();
                threads.start(() -> {
                    for (int k = 0; k < 5; k++) {
                        c.registers().rip = CODE;
                        expect("SYSCALL", c, space.root());
                    }
                    c.close();
                });
            }
            threads.join();
            equal(10L * rounds, space.read(DATA), "sum");
        }
    }
}
