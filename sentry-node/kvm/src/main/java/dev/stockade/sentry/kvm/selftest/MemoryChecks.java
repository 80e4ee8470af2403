package dev.stockade.sentry.kvm.selftest;

import static dev.stockade.sentry.kvm.selftest.Check.equal;
import static dev.stockade.sentry.kvm.selftest.Check.that;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.CODE;
import static dev.stockade.sentry.kvm.selftest.GuestAddressSpace.DATA;
import static dev.stockade.sentry.kvm.selftest.RunChecks.MEMORY;
import static dev.stockade.sentry.kvm.selftest.RunChecks.expect;
import static dev.stockade.sentry.kvm.selftest.RunChecks.last;

import dev.stockade.sentry.kvm.Assembler;
import dev.stockade.sentry.kvm.Assembler.Condition;
import dev.stockade.sentry.kvm.Assembler.Reg;
import dev.stockade.sentry.kvm.selftest.GuestAddressSpace.Frames;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.platform.Platform;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** Page tables that change, and memory that goes back to the host. */
final class MemoryChecks {
    private MemoryChecks() {}

    static List<Check> all() {
        return List.of(
                new Check("a revoked page is gone and its contents are kept", MemoryChecks::revoke),
                new Check("a page is revoked while another thread keeps reading it", MemoryChecks::revokeConcurrently),
                new Check("a page made read-only is read-only", MemoryChecks::writeProtect),
                new Check("reused page-table frames mean the new tree", MemoryChecks::reuseTables),
                new Check("page tables are forgotten while another guest runs", MemoryChecks::forgetConcurrently),
                new Check("a large page is revoked", MemoryChecks::revokeLargePage),
                new Check("a new root in an old root's frame is the new one", MemoryChecks::reuseRoot),
                new Check("released memory reads as zeros", MemoryChecks::release));
    }

    private static Assembler reader() {
        Assembler a = new Assembler(CODE);
        Assembler.Label loop = a.here();
        return a.mov(Reg.RBX, DATA).load(Reg.RAX, Reg.RBX, 0).syscall().jmp(loop);
    }

    private static void revoke(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            GuestAddressSpace space = new GuestAddressSpace(machine, frames).standard(reader());
            try (Context c = space.start()) {
                long first = space.frameOf(DATA);
                long second = frames.take();
                for (int i = 0; i < 200; i++) {
                    space.write(DATA, i + 5);
                    expect("SYSCALL", c, space.root());
                    equal(i + 5, c.registers().rax, "value");
                    space.unmap(DATA);
                    machine.revoke(first, 4096);
                    equal(i + 5, machine.memory().segment().get(ValueLayout.JAVA_LONG, first), "kept contents");
                    expect("EXCEPTION 14 error 0x4 address 0x600000", c, space.root());
                    long swap = first;
                    first = second;
                    second = swap;
                    space.map(DATA, first, GuestAddressSpace.READ_WRITE);
                }
            }
        }
    }

    private static void revokeConcurrently(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            Assembler a = new Assembler(CODE);
            a.mov(Reg.RBX, DATA);
            Assembler.Label loop = a.here();
            // Reads the page all the time; RCX goes to a second page to show that it runs.
            a.load(Reg.RAX, Reg.RBX, 0)
                    .inc(Reg.RCX)
                    .store(Reg.RBX, 4096, Reg.RCX)
                    .jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, frames).standard(a);
            space.page(DATA + 4096, GuestAddressSpace.READ_WRITE);
            long old = space.frameOf(DATA);
            try (Context c = space.start();
                    Guarded threads = new Guarded()) {
                for (int round = 0; round < 20; round++) {
                    MemorySegment memory = machine.memory().segment();
                    memory.set(ValueLayout.JAVA_LONG, old, 42);
                    space.map(DATA, old, GuestAddressSpace.READ_WRITE);
                    AtomicBoolean faulted = new AtomicBoolean();
                    try (Guarded runner = new Guarded()) {
                        runner.start(() -> {
                            ExitReason reason = c.run(space.root());
                            String got = last(c, reason);
                            that(got.startsWith("EXCEPTION 14 error 0x4 address 0x600000"), got);
                            equal(42, c.registers().rax, "the last value that was read");
                            faulted.set(true);
                        });
                        long count = space.read(DATA + 4096);
                        long deadline = System.nanoTime() + 30_000_000_000L;
                        while (space.read(DATA + 4096) == count && System.nanoTime() < deadline) {
                            Thread.onSpinWait();
                        }
                        space.unmap(DATA);
                        machine.revoke(old, 4096);
                        // From here on no guest can read the frame.
                        memory.set(ValueLayout.JAVA_LONG, old, 43);
                        runner.join();
                    }
                    that(faulted.get(), "no fault");
                    c.registers().rip = CODE;
                }
                threads.join();
            }
        }
    }

    private static void writeProtect(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Assembler a = new Assembler(CODE);
            Assembler.Label loop = a.here();
            a.mov(Reg.RBX, DATA)
                    .inc(Reg.RAX)
                    .store(Reg.RBX, 0, Reg.RAX)
                    .syscall()
                    .jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(a);
            long frame = space.frameOf(DATA);
            try (Context c = space.start()) {
                for (int i = 0; i < 100; i++) {
                    c.registers().rip = CODE;
                    expect("SYSCALL", c, space.root());
                    long value = c.registers().rax;
                    space.map(DATA, frame, GuestAddressSpace.READ_ONLY);
                    machine.revoke(frame, 4096);
                    expect("EXCEPTION 14 error 0x7 address 0x600000", c, space.root());
                    equal(value, space.read(DATA), "value");
                    // As after a copy-on-write break: rights grow without a revocation.
                    space.map(DATA, frame, GuestAddressSpace.READ_WRITE);
                    expect("SYSCALL", c, space.root());
                    equal(value + 1, space.read(DATA), "value after the rights came back");
                }
            }
        }
    }

    /** Two trees of the same frames in another order: a stale shadow page or TLB entry would show the other's data. */
    private static void reuseTables(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            MemorySegment memory = machine.memory().segment();
            Context[] contexts = new Context[2];
            GuestAddressSpace.Frames keep = new Frames();
            long[] tables = new long[12];
            for (int i = 0; i < tables.length; i++) {
                tables[i] = keep.take();
            }
            Assembler code = reader();
            for (int round = 0; round < 60; round++) {
                int shift = round % 12;
                Frames rotated = new Frames() {
                    private int next;

                    @Override
                    long take() {
                        return tables[(next++ + shift) % 12];
                    }
                };
                GuestAddressSpace space = new GuestAddressSpace(machine, rotated).standard(code);
                space.write(DATA, 1000 + round);
                for (int i = 0; i < 2; i++) {
                    Context c = contexts[i] == null ? machine.newContext() : contexts[i];
                    contexts[i] = c;
                    c.registers().rip = CODE;
                    expect("SYSCALL", c, space.root());
                    equal(1000 + round, c.registers().rax, "value of round " + round + " context " + i);
                }
                // The address space dies: nothing of it may be seen once its frames are used again.
                machine.forgetPageTables();
                for (long table : tables) {
                    memory.asSlice(table, 4096).fill((byte) 0);
                }
            }
            for (Context c : contexts) {
                c.close();
            }
        }
    }

    /** The other guest keeps walking through its own pages and must never see anything but them. */
    private static void forgetConcurrently(Platform platform) throws Exception {
        int pages = 16;
        try (Machine machine = platform.newMachine(MEMORY);
                Guarded threads = new Guarded()) {
            Frames frames = new Frames();
            Assembler a = new Assembler(CODE);
            Assembler.Label again = a.here();
            a.mov(Reg.RBX, DATA).mov(Reg.RCX, 0);
            Assembler.Label loop = a.here();
            Assembler.Label wrong = a.label();
            a.load(Reg.RAX, Reg.RBX, 0).cmp(Reg.RAX, Reg.RCX).jcc(Condition.NE, wrong);
            a.add(Reg.RBX, 4096).inc(Reg.RCX).cmp(Reg.RCX, pages).jcc(Condition.NE, loop);
            a.inc(Reg.RDX).jmp(again).bind(wrong).syscall();
            GuestAddressSpace walker = new GuestAddressSpace(machine, frames).standard(a);
            for (int i = 1; i < pages; i++) {
                walker.page(DATA + i * 4096L, GuestAddressSpace.READ_WRITE);
                walker.write(DATA + i * 4096L, i);
            }
            Context c = walker.start();
            threads.start(() -> {
                long before = 0;
                while (!threads.stopped()) {
                    expect("INTERRUPTED", c, walker.root());
                    that(c.registers().rdx >= before, "rdx");
                    before = c.registers().rdx;
                }
                that(before > 0, "the walker never got through");
            });
            long[] tables = new long[7];
            for (int i = 0; i < tables.length; i++) {
                tables[i] = frames.take();
            }
            Assembler code = reader();
            try (Context other = machine.newContext()) {
                for (int round = 0; round < 100; round++) {
                    int shift = round % tables.length;
                    Frames rotated = new Frames() {
                        private int next;

                        @Override
                        long take() {
                            return tables[(next++ + shift) % tables.length];
                        }
                    };
                    GuestAddressSpace space = new GuestAddressSpace(machine, rotated);
                    space.load(code);
                    space.page(DATA, GuestAddressSpace.READ_WRITE);
                    space.write(DATA, 500 + round);
                    other.registers().rip = CODE;
                    expect("SYSCALL", other, space.root());
                    equal(500 + round, other.registers().rax, "value of round " + round);
                    machine.forgetPageTables();
                    for (long table : tables) {
                        machine.memory().segment().asSlice(table, 4096).fill((byte) 0);
                    }
                    if (round % 10 == 0) {
                        c.interrupt();
                    }
                }
            }
            threads.stop();
            c.interrupt();
            threads.join();
            c.close();
        }
    }

    private static void revokeLargePage(Platform platform) throws Exception {
        long large = 2 << 20;
        try (Machine machine = platform.newMachine(4 * large)) {
            Frames frames = new Frames();
            Assembler a = new Assembler(CODE);
            Assembler.Label loop = a.here();
            a.mov(Reg.RBX, 0x4000_0000L)
                    .load(Reg.RAX, Reg.RBX, 0x5008)
                    .syscall()
                    .jmp(loop);
            GuestAddressSpace space = new GuestAddressSpace(machine, frames).standard(a);
            MemorySegment memory = machine.memory().segment();
            try (Context c = space.start()) {
                for (int i = 0; i < 20; i++) {
                    long frame = (1 + i % 3) * large;
                    memory.set(ValueLayout.JAVA_LONG, frame + 0x5008, 70 + i);
                    space.mapLarge(0x4000_0000L, frame, GuestAddressSpace.READ_WRITE);
                    expect("SYSCALL", c, space.root());
                    equal(70 + i, c.registers().rax, "value");
                    space.unmapLarge(0x4000_0000L);
                    machine.revoke(frame, large);
                    expect("EXCEPTION 14 error 0x4 address 0x40005008", c, space.root());
                    c.registers().rip = CODE;
                }
            }
        }
    }

    /** Only the root's frame number stays the same, so nothing but a flush tells the processor. */
    private static void reuseRoot(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            Frames frames = new Frames();
            long root = frames.take();
            Assembler code = reader();
            try (Context c = machine.newContext()) {
                for (int round = 0; round < 30; round++) {
                    GuestAddressSpace space = new GuestAddressSpace(machine, frames, root).standard(code);
                    space.write(DATA, 300 + round);
                    c.registers().rip = CODE;
                    expect("SYSCALL", c, space.root());
                    equal(300 + round, c.registers().rax, "value of round " + round);
                    machine.forgetPageTables();
                }
            }
        }
    }

    private static void release(Platform platform) throws Exception {
        try (Machine machine = platform.newMachine(MEMORY)) {
            GuestAddressSpace space = new GuestAddressSpace(machine, new Frames()).standard(reader());
            long frame = space.frameOf(DATA);
            try (Context c = space.start()) {
                for (int i = 0; i < 20; i++) {
                    space.write(DATA, 7);
                    expect("SYSCALL", c, space.root());
                    equal(7, c.registers().rax, "value");
                    machine.memory().release(frame, 4096);
                    equal(0, space.read(DATA), "in the JVM's view");
                    expect("SYSCALL", c, space.root());
                    equal(0, c.registers().rax, "in the guest");
                }
            }
        }
    }
}
