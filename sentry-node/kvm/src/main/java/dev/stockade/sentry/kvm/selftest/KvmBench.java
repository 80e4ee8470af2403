package dev.stockade.sentry.kvm.selftest;

import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.CODE;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.DATA;

import dev.stockade.sentry.kvm.Assembler;
import dev.stockade.sentry.kvm.Assembler.Reg;
import dev.stockade.sentry.kvm.KvmPlatform;
import dev.stockade.sentry.kvm.selftest.GuestAddressSpace.Frames;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Machine;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/** Prints what the platform's primitives cost on this host: the median of several batches, in microseconds. */
public final class KvmBench {
    private static final int BATCHES = 15;
    private static final long MEMORY = 64 << 20;

    private KvmBench() {}

    @FunctionalInterface
    private interface Batch {
        /** Does {@code n} operations and returns the time in nanoseconds. */
        long run(int n) throws Exception;
    }

    private static void measure(PrintStream out, String name, int n, Batch batch) throws Exception {
        double[] us = new double[BATCHES];
        for (int i = 0; i < 3; i++) {
            batch.run(n);
        }
        for (int i = 0; i < BATCHES; i++) {
            us[i] = batch.run(n) / 1e3 / n;
        }
        Arrays.sort(us);
        out.printf(
                Locale.ROOT,
                "%-48s %8.2f us  (best %.2f, worst %.2f)%n",
                name,
                us[BATCHES / 2],
                us[0],
                us[BATCHES - 1]);
    }

    private static void expect(ExitReason wanted, Context c, long root) {
        ExitReason reason = c.run(root);
        if (reason != wanted) {
            throw new AssertionError(RunChecks.last(c, reason));
        }
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        int n = Integer.getInteger("stockade.bench.operations", 2000);
        try (KvmPlatform platform = KvmPlatform.open()) {
            out.println(platform.describe());
            exits(out, platform, n);
            memory(out, platform, n / 4);
            contexts(out, platform, n / 4);
            kick(out, platform, n / 4);
            machines(out, platform);
        }
    }

    private static Assembler calls() {
        Assembler a = new Assembler(CODE);
        Assembler.Label loop = a.here();
        return a.syscall().jmp(loop);
    }

    private static void exits(PrintStream out, KvmPlatform platform, int count) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            GuestAddressSpace space = new GuestAddressSpace(machine, frames).standard(calls());
            try (Context c = space.start()) {
                measure(out, "system call, exit and back", count, n -> {
                    long start = System.nanoTime();
                    for (int i = 0; i < n; i++) {
                        expect(ExitReason.SYSCALL, c, space.root());
                    }
                    return System.nanoTime() - start;
                });
                measure(out, "system call and a new FS base", count, n -> {
                    long start = System.nanoTime();
                    for (int i = 0; i < n; i++) {
                        c.registers().fsBase = DATA + (i & 8);
                        expect(ExitReason.SYSCALL, c, space.root());
                    }
                    return System.nanoTime() - start;
                });
            }
            Assembler a = new Assembler(CODE);
            a.mov(Reg.RBX, 0x1000_0000L);
            Assembler.Label fault = a.here();
            a.load(Reg.RAX, Reg.RBX, 0).jmp(fault);
            GuestAddressSpace faults = new GuestAddressSpace(machine, frames).standard(a);
            try (Context c = faults.start()) {
                measure(out, "page fault, exit and back, nothing mapped", count, n -> {
                    long start = System.nanoTime();
                    for (int i = 0; i < n; i++) {
                        expect(ExitReason.EXCEPTION, c, faults.root());
                    }
                    return System.nanoTime() - start;
                });
            }
            Assembler u = new Assembler(CODE).ud2();
            GuestAddressSpace traps = new GuestAddressSpace(machine, frames).standard(u);
            try (Context c = traps.start()) {
                measure(out, "another exception (#UD), exit and back", count, n -> {
                    long start = System.nanoTime();
                    for (int i = 0; i < n; i++) {
                        expect(ExitReason.EXCEPTION, c, traps.root());
                    }
                    return System.nanoTime() - start;
                });
            }
        }
    }

    private static void memory(PrintStream out, KvmPlatform platform, int count) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            Assembler a = new Assembler(CODE);
            Assembler.Label loop = a.here();
            a.mov(Reg.RBX, DATA).load(Reg.RAX, Reg.RBX, 0).syscall().jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, frames).standard(a);
            long frame = space.frameOf(DATA);
            try (Context c = space.start()) {
                measure(out, "revoke a page that is in use", count, n -> {
                    long total = 0;
                    for (int i = 0; i < n; i++) {
                        expect(ExitReason.SYSCALL, c, space.root());
                        long start = System.nanoTime();
                        machine.revoke(frame, 4096);
                        total += System.nanoTime() - start;
                    }
                    return total;
                });
                measure(out, "forget page tables", Math.min(count, 100), n -> {
                    long total = 0;
                    for (int i = 0; i < n; i++) {
                        expect(ExitReason.SYSCALL, c, space.root());
                        long start = System.nanoTime();
                        machine.forgetPageTables();
                        total += System.nanoTime() - start;
                    }
                    return total;
                });
            }
        }
    }

    private static void contexts(PrintStream out, KvmPlatform platform, int count) throws Exception {
        try (KvmPlatform single = KvmPlatform.open(1);
                Machine machine = single.newMachine(MEMORY)) {
            Frames frames = new Frames();
            GuestAddressSpace one = new GuestAddressSpace(machine, frames).standard(calls());
            GuestAddressSpace two = new GuestAddressSpace(machine, frames).standard(calls());
            try (Context c = one.start();
                    Context d = two.start()) {
                measure(out, "system call on a vCPU of another context", count, n -> {
                    long start = System.nanoTime();
                    for (int i = 0; i < n; i++) {
                        expect(ExitReason.SYSCALL, i % 2 == 0 ? c : d, i % 2 == 0 ? one.root() : two.root());
                    }
                    return System.nanoTime() - start;
                });
            }
        }
        try (Machine machine = platform.newMachine(MEMORY)) {
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(calls());
            try (Context c = space.start()) {
                expect(ExitReason.SYSCALL, c, space.root());
                measure(out, "save the FPU state", count, n -> {
                    long start = System.nanoTime();
                    for (int i = 0; i < n; i++) {
                        c.saveFpu();
                    }
                    return System.nanoTime() - start;
                });
                byte[] state = c.saveFpu();
                measure(out, "restore the FPU state", count, n -> {
                    long start = System.nanoTime();
                    for (int i = 0; i < n; i++) {
                        c.restoreFpu(state);
                    }
                    return System.nanoTime() - start;
                });
            }
        }
    }

    private static void kick(PrintStream out, KvmPlatform platform, int count) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY);
                Guarded threads = new Guarded()) {
            Assembler a = new Assembler(CODE);
            a.mov(Reg.RBX, DATA);
            Assembler.Label loop = a.here();
            a.inc(Reg.RCX).store(Reg.RBX, 0, Reg.RCX).jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            Context c = space.start();
            AtomicLong returned = new AtomicLong();
            threads.start(() -> {
                while (!threads.stopped()) {
                    expect(ExitReason.INTERRUPTED, c, space.root());
                    returned.incrementAndGet();
                }
            });
            measure(out, "kick of a spinning guest, until run returns", Math.min(count, 200), n -> {
                long total = 0;
                for (int i = 0; i < n; i++) {
                    long seen = space.read(DATA);
                    while (space.read(DATA) == seen) {
                        Thread.onSpinWait();
                    }
                    long before = returned.get();
                    long start = System.nanoTime();
                    c.interrupt();
                    while (returned.get() == before) {
                        Thread.onSpinWait();
                    }
                    total += System.nanoTime() - start;
                }
                return total;
            });
            threads.stop();
            c.interrupt();
            threads.join();
            c.close();
        }
    }

    private static void machines(PrintStream out, KvmPlatform platform) throws Exception {
        Assembler code = calls();
        measure(out, "machine, vCPU and first system call", 4, n -> {
            long total = 0;
            for (int i = 0; i < n; i++) {
                long start = System.nanoTime();
                Machine machine = platform.newMachine(MEMORY);
                GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(code);
                Context c = space.start();
                expect(ExitReason.SYSCALL, c, space.root());
                total += System.nanoTime() - start;
                c.close();
                machine.close();
            }
            return total;
        });
        measure(out, "closing a machine", 4, n -> {
            long total = 0;
            for (int i = 0; i < n; i++) {
                Machine machine = platform.newMachine(MEMORY);
                GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(code);
                Context c = space.start();
                expect(ExitReason.SYSCALL, c, space.root());
                c.close();
                long start = System.nanoTime();
                machine.close();
                total += System.nanoTime() - start;
            }
            return total;
        });
    }
}
