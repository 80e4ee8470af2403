package dev.stockade.sentry.mm;

import static dev.stockade.sentry.abi.Mman.MADV_DONTNEED;
import static dev.stockade.sentry.abi.Mman.MAP_ANONYMOUS;
import static dev.stockade.sentry.abi.Mman.MAP_FIXED;
import static dev.stockade.sentry.abi.Mman.MAP_PRIVATE;
import static dev.stockade.sentry.abi.Mman.MAP_SHARED;
import static dev.stockade.sentry.abi.Mman.MREMAP_FIXED;
import static dev.stockade.sentry.abi.Mman.MREMAP_MAYMOVE;
import static dev.stockade.sentry.abi.Mman.PROT_READ;
import static dev.stockade.sentry.abi.Mman.PROT_WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.platform.FakeMachine;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random operations on address spaces and their forks, against a model of pages. Guest accesses go through a model of a
 * processor's translation cache, which forgets only what it is told to forget: a missing revocation shows as a stale
 * value or as an access that should have faulted.
 */
class AddressSpaceModelTest {
    private static final long PAGE = 4096;
    private static final long BASE = 0x7000_0000_0000L;

    /** A few pages on either side of page-table borders. */
    private static final int PAGES = 1100;

    private static final int FILE_PAGES = 200;

    private static final class Cell {
        long value;

        Cell(long value) {
            this.value = value;
        }
    }

    /** A page as user space sees it. */
    private static final class Page {
        final boolean shared;
        final boolean file;
        int prot;
        Cell cell;

        /** A private file page that was not written: the file's cell is seen. */
        boolean own;

        /** What the cell is after MADV_DONTNEED. */
        final int filePage;

        Page(boolean shared, boolean file, int prot, Cell cell, int filePage) {
            this.shared = shared;
            this.file = file;
            this.prot = prot;
            this.cell = cell;
            this.filePage = filePage;
        }

        Page copy() {
            Page p = new Page(shared, file, prot, cell, filePage);
            p.own = own;
            if (!shared && (!file || own)) {
                p.cell = new Cell(cell.value);
            }
            return p;
        }
    }

    private record Space(MemoryManager mm, TreeMap<Integer, Page> pages) {}

    private record Key(long root, long address) {}

    private record Translation(long frame, boolean writable) {}

    private final FakeMachine machine = new FakeMachine(96 << 20, 1L << 32);
    private final FrameAllocator frames = new FrameAllocator(machine.memory(), 80 << 20);
    private final AddressSpaces spaces = new AddressSpaces(machine, frames, new Random(1));
    private final Map<Key, Translation> translations = new HashMap<>();
    private final List<Space> all = new ArrayList<>();
    private final Cell[] fileCells = new Cell[FILE_PAGES];
    private Random random = new Random();

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 0})
    void shouldBehaveAsTheModel(long fixedSeed) throws ErrnoException {
        long seed = fixedSeed != 0 ? fixedSeed : System.nanoTime();
        random = new Random(seed);
        spaces.setEagerForkPages(fixedSeed == 1 ? 512 : 20);
        machine.onTranslationsLost(r -> translations.values().removeIf(t -> r.covers(t.frame())), translations::clear);
        ByteBuffer contents = ByteBuffer.allocate(FILE_PAGES * 4096).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < FILE_PAGES; i++) {
            fileCells[i] = new Cell(1_000_000 + i);
            contents.putLong(i * 4096, fileCells[i].value);
        }
        MemoryFile file = new MemoryFile(frames, contents.array(), OpenFlags.O_RDWR);
        all.add(new Space(spaces.create(MemoryLimits.DEFAULT, true), new TreeMap<>()));
        for (int i = 0; i < 3000; i++) {
            try {
                step(file);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError("seed " + seed + ", step " + i, e);
            }
        }
        for (Space s : all) {
            checkMappings(s);
            s.mm().decUsers();
        }
        assertThat(file.mappings()).isZero();
        assertThat(file.listeners()).isZero();
        file.dropCache();
        spaces.pageTables().reclaim();
        assertThat(frames.usedBytes()).as("seed %d", seed).isZero();
    }

    private void step(MemoryFile file) throws ErrnoException {
        Space s = all.get(random.nextInt(all.size()));
        int start = random.nextInt(PAGES);
        int length = Math.min(PAGES - start, 1 + (random.nextInt(4) == 0 ? random.nextInt(700) : random.nextInt(12)));
        long address = BASE + start * PAGE;
        switch (random.nextInt(40)) {
            case 0, 1 -> map(s, start, length, file);
            case 2 -> {
                s.mm().munmap(address, length * PAGE);
                s.pages().subMap(start, start + length).clear();
            }
            case 3, 4 -> protect(s, start, length);
            case 5 -> discard(s, start, length);
            case 6 -> move(s, start, length);
            case 7 -> fork(s);
            case 8 -> {
                if (all.size() > 1 && random.nextBoolean()) {
                    all.remove(s);
                    s.mm().decUsers();
                }
            }
            case 9 -> checkMappings(s);
            default -> {
                for (int i = 0; i < 10; i++) {
                    access(s, start + random.nextInt(length));
                }
            }
        }
    }

    private void map(Space s, int start, int length, MemoryFile file) throws ErrnoException {
        boolean shared = random.nextInt(4) == 0;
        boolean ofFile = random.nextInt(3) == 0;
        int prot = random.nextInt(4) == 0 ? PROT_READ : PROT_READ | PROT_WRITE;
        int n = ofFile ? Math.min(length, FILE_PAGES / 2) : length;
        int filePage = ofFile ? random.nextInt(FILE_PAGES - n + 1) : 0;
        int flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (ofFile ? 0 : MAP_ANONYMOUS);
        s.mm().mmap(BASE + start * PAGE, n * PAGE, prot, flags, ofFile ? file : null, filePage * PAGE);
        for (int i = 0; i < n; i++) {
            Cell cell = ofFile ? fileCells[filePage + i] : new Cell(0);
            s.pages().put(start + i, new Page(shared, ofFile, prot, cell, filePage + i));
        }
    }

    private void protect(Space s, int start, int length) {
        int prot = new int[] {0, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE}[random.nextInt(4)];
        boolean ok = true;
        try {
            s.mm().mprotect(BASE + start * PAGE, length * PAGE, prot);
        } catch (ErrnoException e) {
            ok = false;
        }
        for (int i = 0; i < length; i++) {
            Page p = s.pages().get(start + i);
            if (p == null) {
                assertThat(ok).isFalse();
                return;
            }
            p.prot = prot;
        }
        assertThat(ok).isTrue();
    }

    private void discard(Space s, int start, int length) {
        boolean ok = true;
        try {
            s.mm().madvise(BASE + start * PAGE, length * PAGE, MADV_DONTNEED);
        } catch (ErrnoException e) {
            ok = false;
        }
        boolean hole = false;
        for (int i = 0; i < length; i++) {
            Page p = s.pages().get(start + i);
            if (p == null) {
                hole = true;
            } else if (!p.shared) {
                p.cell = p.file ? fileCells[p.filePage] : new Cell(0);
                p.own = false;
            }
        }
        assertThat(ok).isEqualTo(!hole);
    }

    private void move(Space s, int start, int length) {
        int target = random.nextInt(PAGES);
        int n = Math.min(length, PAGES - target);
        boolean ok = true;
        try {
            s.mm().mremap(BASE + start * PAGE, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE + target * PAGE);
        } catch (ErrnoException e) {
            ok = false;
        }
        if (ok) {
            Map<Integer, Page> moved = new TreeMap<>(s.pages().subMap(start, start + n));
            assertThat(moved).hasSize(n);
            s.pages().subMap(start, start + n).clear();
            moved.forEach((i, p) -> s.pages().put(target + i - start, p));
        } else if (target >= start + n || start >= target + n) {
            // The target was unmapped first, as on Linux.
            if (s.pages().containsKey(start)) {
                s.pages().subMap(target, target + n).clear();
            }
        }
    }

    private void fork(Space s) throws ErrnoException {
        if (all.size() >= 4) {
            return;
        }
        TreeMap<Integer, Page> pages = new TreeMap<>();
        s.pages().forEach((i, p) -> pages.put(i, p.copy()));
        all.add(new Space(s.mm().fork(), pages));
    }

    private void access(Space s, int index) {
        Page p = s.pages().get(index);
        long address = BASE + index * PAGE;
        if (random.nextBoolean()) {
            long value = random.nextLong();
            boolean ok = random.nextInt(3) == 0
                    ? kernelWrite(s.mm(), address, value)
                    : guest(s.mm(), address, value) != null;
            assertThat(ok).isEqualTo(p != null && (p.prot & PROT_WRITE) != 0);
            if (ok) {
                if (p.file && !p.shared && !p.own) {
                    p.own = true;
                    p.cell = new Cell(0);
                }
                p.cell.value = value;
            }
        } else {
            Long seen = random.nextInt(3) == 0 ? kernelRead(s.mm(), address) : guest(s.mm(), address, null);
            if (p == null || p.prot == 0) {
                assertThat(seen).isNull();
            } else {
                assertThat(seen).isEqualTo(p.cell.value);
            }
        }
    }

    private static boolean kernelWrite(MemoryManager mm, long address, long value) {
        try {
            mm.writeLong(address, value);
            return true;
        } catch (ErrnoException e) {
            return false;
        }
    }

    private static Long kernelRead(MemoryManager mm, long address) {
        try {
            return mm.readLong(address);
        } catch (ErrnoException e) {
            return null;
        }
    }

    /** A guest instruction: writes {@code value}, or reads if it is null; null if it faults for good. */
    private Long guest(MemoryManager mm, long address, Long value) {
        boolean write = value != null;
        Key key = new Key(mm.rootFrame(), address);
        for (int attempt = 0; attempt < 4; attempt++) {
            Translation t = translations.get(key);
            if (t == null) {
                t = walk(mm, address);
                if (t != null) {
                    translations.put(key, t);
                }
            }
            if (t != null && (!write || t.writable())) {
                if (write) {
                    frames.segment().set(ValueLayout.JAVA_LONG, t.frame(), value);
                    return value;
                }
                return frames.segment().get(ValueLayout.JAVA_LONG, t.frame());
            }
            // A fault makes the processor forget what it had for the address.
            translations.remove(key);
            if (mm.handleFault(address, 4 | (write ? 2 : 0) | (t != null ? 1 : 0)) != FaultResult.HANDLED) {
                return null;
            }
        }
        throw new AssertionError("faults without end at 0x" + Long.toHexString(address));
    }

    private static Translation walk(MemoryManager mm, long address) {
        long table = mm.tables.table(address);
        if (table == PageTables.NONE) {
            return null;
        }
        long entry = mm.tables.load(table, address);
        if ((entry & PageTables.PRESENT) == 0) {
            return null;
        }
        mm.tables.store(table, address, entry | PageTables.ACCESSED);
        return new Translation(mm.tables.frame(entry), (entry & PageTables.WRITABLE) != 0);
    }

    /** /proc/pid/maps shows what the model has, and nothing that could be one line is two. */
    private static void checkMappings(Space s) {
        int pages = 0;
        MappingInfo last = null;
        for (MappingInfo m : s.mm().mappings(true)) {
            for (long a = m.start(); a < m.end(); a += PAGE) {
                Page p = s.pages().get((int) ((a - BASE) / PAGE));
                assertThat(p).isNotNull();
                assertThat(p.prot).isEqualTo(m.prot());
                assertThat(p.shared).isEqualTo(m.shared());
                pages++;
            }
            if (last != null
                    && last.end() == m.start()
                    && last.prot() == m.prot()
                    && last.name().isEmpty()) {
                assertThat(m.name()).as("merged with its neighbour").isNotEmpty();
            }
            last = m;
        }
        assertThat(pages).isEqualTo(s.pages().size());
        MemoryUsage usage = s.mm().usage();
        assertThat(usage.virtual()).isEqualTo(pages * PAGE);
        assertThat(usage.resident())
                .isEqualTo(s.mm().mappings(true).stream()
                        .mapToLong(MappingInfo::residentBytes)
                        .sum());
    }
}
