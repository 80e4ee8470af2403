package dev.stockade.sentry.kvm.selftest;

import static dev.stockade.sentry.kvm.selftest.Check.equal;
import static dev.stockade.sentry.kvm.selftest.Check.same;
import static dev.stockade.sentry.kvm.selftest.Check.that;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Mman;
import dev.stockade.sentry.kvm.Assembler;
import dev.stockade.sentry.kvm.Assembler.Reg;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.mm.AddressSpaces;
import dev.stockade.sentry.mm.FaultResult;
import dev.stockade.sentry.mm.MemoryLimits;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.platform.Platform;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The memory manager on a real processor: what guest instructions see has to be what a model of pages says, whatever
 * translations the host and the processor keep. Above all this shows that the processor (or KVM in its place) sets the
 * accessed bit of every entry that it may still use.
 */
final class AddressSpaceChecks {
    private static final long PAGE = 4096;
    private static final long CODE = 0x40_0000;
    private static final long BASE = 0x7000_0000_0000L;
    private static final int PAGES = 64;
    private static final long BALLAST = 0x6000_0000_0000L;

    /** More than fork copies eagerly. */
    private static final int BALLAST_PAGES = 600;

    private static final int RW = Mman.PROT_READ | Mman.PROT_WRITE;
    private static final int FIXED = Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS | Mman.MAP_FIXED;

    private AddressSpaceChecks() {}

    static List<Check> all() {
        return List.of(
                new Check(
                        "guests see what mmap, mprotect, munmap, mremap and fork made (eager copies)", p -> run(p, 0)),
                new Check(
                        "guests see what mmap, mprotect, munmap, mremap and fork made (copy-on-write)",
                        p -> run(p, BALLAST_PAGES)));
    }

    /** A page in the model. */
    private static final class Page {
        private int prot;
        private long value;

        Page(int prot, long value) {
            this.prot = prot;
            this.value = value;
        }
    }

    private record Space(MemoryManager mm, TreeMap<Integer, Page> pages) {}

    private static void run(Platform platform, int ballast) throws Exception {
        long seed = System.nanoTime();
        try (Machine machine = platform.newMachine(128 << 20)) {
            FrameAllocator frames = new FrameAllocator(machine.memory(), 96 << 20);
            AddressSpaces spaces = new AddressSpaces(machine, frames, new Random(seed));
            try (Context context = machine.newContext()) {
                new AddressSpaceChecks.Run(new Random(seed), context).run(spaces, ballast);
            } catch (AssertionError e) {
                throw new AssertionError("seed " + seed + ": " + e.getMessage(), e);
            }
        }
    }

    /** One run of random operations. */
    private static final class Run {
        private final Random random;
        private final Context context;
        private final List<Space> spaces = new ArrayList<>();
        private long reader;
        private long writer;

        Run(Random random, Context context) {
            this.random = random;
            this.context = context;
        }

        void run(AddressSpaces shared, int ballast) throws ErrnoException {
            MemoryManager first = shared.create(MemoryLimits.DEFAULT, true);
            Assembler a = new Assembler(CODE);
            reader = a.position();
            a.load(Reg.RAX, Reg.RBX, 0).syscall();
            writer = a.position();
            a.store(Reg.RBX, 0, Reg.RDX).syscall();
            first.mmap(CODE, PAGE, RW, FIXED, null, 0);
            first.copyOut(CODE, a.assemble());
            first.mprotect(CODE, PAGE, Mman.PROT_READ | Mman.PROT_EXEC);
            if (ballast > 0) {
                first.mmap(BALLAST, ballast * PAGE, RW, FIXED, null, 0);
                first.clear(BALLAST, ballast * PAGE);
            }
            spaces.add(new Space(first, new TreeMap<>()));
            for (int i = 0; i < 800; i++) {
                step(i);
            }
            for (Space s : spaces) {
                s.mm().decUsers();
            }
        }

        private void step(int number) throws ErrnoException {
            Space s = spaces.get(random.nextInt(spaces.size()));
            int start = random.nextInt(PAGES);
            int length = 1 + random.nextInt(Math.min(12, PAGES - start));
            long address = BASE + start * PAGE;
            switch (random.nextInt(24)) {
                case 0, 1 -> {
                    s.mm().mmap(address, length * PAGE, RW, FIXED, null, 0);
                    for (int i = start; i < start + length; i++) {
                        s.pages().put(i, new Page(RW, 0));
                    }
                }
                case 2 -> {
                    s.mm().munmap(address, length * PAGE);
                    s.pages().subMap(start, start + length).clear();
                }
                case 3, 4 -> protect(s, start, length);
                case 5 -> {
                    if (s.pages().subMap(start, start + length).size() == length) {
                        s.mm().madvise(address, length * PAGE, Mman.MADV_DONTNEED);
                        s.pages().subMap(start, start + length).values().forEach(p -> p.value = 0);
                    }
                }
                case 6 -> move(s, start, length);
                case 7 -> fork(s);
                case 8 -> {
                    if (spaces.size() > 1) {
                        spaces.remove(s);
                        s.mm().decUsers();
                    }
                }
                default -> {
                    for (int i = 0; i < 6; i++) {
                        access(s, start + random.nextInt(length), number);
                    }
                }
            }
        }

        private void protect(Space s, int start, int length) throws ErrnoException {
            int prot = new int[] {0, Mman.PROT_READ, RW, RW}[random.nextInt(4)];
            if (s.pages().subMap(start, start + length).size() == length) {
                s.mm().mprotect(BASE + start * PAGE, length * PAGE, prot);
                s.pages().subMap(start, start + length).values().forEach(p -> p.prot = prot);
            }
        }

        private void move(Space s, int start, int length) throws ErrnoException {
            int target = random.nextInt(PAGES - length + 1);
            Page first = s.pages().get(start);
            TreeMap<Integer, Page> moved = new TreeMap<>(s.pages().subMap(start, start + length));
            boolean overlap = target < start + length && start < target + length;
            // mremap moves one mapping.
            if (overlap
                    || first == null
                    || moved.size() < length
                    || moved.values().stream().anyMatch(p -> p.prot != first.prot)) {
                return;
            }
            s.mm().mremap(
                            BASE + start * PAGE,
                            length * PAGE,
                            length * PAGE,
                            Mman.MREMAP_MAYMOVE | Mman.MREMAP_FIXED,
                            BASE + target * PAGE);
            s.pages().subMap(start, start + length).clear();
            s.pages().subMap(target, target + length).clear();
            moved.forEach((i, p) -> s.pages().put(target + i - start, p));
        }

        private void fork(Space s) throws ErrnoException {
            if (spaces.size() < 4) {
                TreeMap<Integer, Page> pages = new TreeMap<>();
                s.pages().forEach((i, p) -> pages.put(i, new Page(p.prot, p.value)));
                spaces.add(new Space(s.mm().fork(), pages));
            }
        }

        private void access(Space s, int index, int number) throws ErrnoException {
            long address = BASE + index * PAGE;
            Page page = s.pages().get(index);
            boolean write = random.nextBoolean();
            int need = write ? Mman.PROT_WRITE : Mman.PROT_READ;
            String what = "step " + number + ", " + (write ? "write" : "read") + " of page " + index;
            long value = random.nextLong();
            if (page == null || (page.prot & need) == 0) {
                FaultResult expected = page == null ? FaultResult.SEGV_MAPERR : FaultResult.SEGV_ACCERR;
                same(expected, guest(s.mm(), address, write ? value : null), what);
            } else if (write) {
                if (random.nextInt(4) == 0) {
                    s.mm().writeLong(address, value);
                } else {
                    same(FaultResult.HANDLED, guest(s.mm(), address, value), what);
                }
                page.value = value;
            } else {
                same(FaultResult.HANDLED, guest(s.mm(), address, null), what);
                equal(page.value, context.registers().rax, what);
            }
        }

        /** Runs one guest instruction that reads or writes; HANDLED if it was done. */
        private FaultResult guest(MemoryManager mm, long address, @Nullable Long value) {
            context.registers().rip = value == null ? reader : writer;
            context.registers().rbx = address;
            context.registers().rdx = value == null ? 0 : value;
            for (int attempt = 0; attempt < 10; attempt++) {
                ExitReason reason = context.run(mm.rootFrame());
                if (reason == ExitReason.SYSCALL) {
                    return FaultResult.HANDLED;
                }
                that(reason == ExitReason.EXCEPTION && context.exceptionVector() == 14, "exit: " + reason);
                FaultResult result = mm.handleFault(context.faultAddress(), context.exceptionErrorCode());
                if (result != FaultResult.HANDLED) {
                    return result;
                }
            }
            throw new AssertionError("faults without end at 0x" + Long.toHexString(address));
        }
    }
}
