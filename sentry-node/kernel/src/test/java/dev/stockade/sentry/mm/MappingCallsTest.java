package dev.stockade.sentry.mm;

import static dev.stockade.sentry.abi.Mman.*;
import static dev.stockade.sentry.mm.MemoryManagerTest.ANON;
import static dev.stockade.sentry.mm.MemoryManagerTest.PAGE;
import static dev.stockade.sentry.mm.MemoryManagerTest.RW;
import static dev.stockade.sentry.mm.MemoryManagerTest.assertErrno;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.platform.FakeMachine;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Arguments at their edges, and what the calls do that random operations do not reach. */
class MappingCallsTest {
    private static final long BASE = 0x1000_0000_0000L;
    private static final int FIXED = ANON | MAP_FIXED;

    private final FakeMachine machine = new FakeMachine(64 << 20, 1L << 32);
    private final FrameAllocator frames = new FrameAllocator(machine.memory(), 60 << 20);
    private final AddressSpaces spaces = new AddressSpaces(machine, frames, new Random(3));
    private final List<MemoryFile> files = new ArrayList<>();
    private MemoryManager mm;

    @BeforeEach
    void makeAddressSpace() throws ErrnoException {
        mm = spaces.create(MemoryLimits.DEFAULT, true);
    }

    @AfterEach
    void shouldLeakNothing() {
        mm.decUsers();
        for (MemoryFile f : files) {
            assertThat(f.mappings()).isZero();
            assertThat(f.listeners()).isZero();
            f.dropCache();
        }
        spaces.pageTables().reclaim();
        assertThat(frames.usedBytes()).isZero();
    }

    private MemoryFile file(int pages, int flags) {
        byte[] contents = new byte[pages * 4096];
        for (int i = 0; i < contents.length; i++) {
            contents[i] = (byte) (i >> 12);
        }
        MemoryFile f = new MemoryFile(frames, contents, flags);
        files.add(f);
        return f;
    }

    @Test
    void shouldCheckMmapAsLinuxDoes() throws ErrnoException {
        assertErrno(Errno.EINVAL, () -> mm.mmap(0, 0, RW, ANON, null, 0));
        assertErrno(Errno.EINVAL, () -> mm.mmap(0, PAGE, RW, MAP_ANONYMOUS, null, 0));
        assertErrno(Errno.EINVAL, () -> mm.mmap(0, PAGE, RW, ANON, null, 5));
        assertErrno(Errno.EBADF, () -> mm.mmap(0, PAGE, RW, MAP_PRIVATE, null, 0));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(0, -1, RW, ANON, null, 0));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(0, -4096, RW, ANON, null, 0));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(0, Long.MAX_VALUE, RW, ANON, null, 0));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(0, 1L << 47, RW, ANON, null, 0));
        assertErrno(Errno.EINVAL, () -> mm.mmap(BASE + 1, PAGE, RW, FIXED, null, 0));
        assertErrno(Errno.EPERM, () -> mm.mmap(PAGE, PAGE, RW, FIXED, null, 0));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(-4096, PAGE, RW, FIXED, null, 0));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(Layout.TASK_SIZE, PAGE, RW, FIXED, null, 0));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(0, PAGE, RW, ANON | MAP_HUGETLB, null, 0));
        long a = mm.mmap(BASE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, null, 0);
        assertThat(a).isEqualTo(BASE);
        assertErrno(Errno.EEXIST, () -> mm.mmap(BASE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, null, 0));
        assertThat(mm.mmap(BASE + 123, PAGE, RW, ANON, null, 0))
                .as("taken hint")
                .isNotEqualTo(BASE);
        assertThat(mm.mmap(BASE + PAGE + 123, PAGE, RW, ANON, null, 0)).isEqualTo(BASE + PAGE);
        assertThat(mm.mmap(-1, PAGE, RW, ANON, null, 0)).isPositive();
        assertThat(mm.mmap(0, PAGE, RW, ANON | MAP_32BIT, null, 0)).isBetween(0x4000_0000L, 0x8000_0000L);
        MemoryFile readOnly = file(1, OpenFlags.O_RDONLY);
        assertErrno(Errno.EACCES, () -> mm.mmap(0, PAGE, RW, MAP_SHARED, readOnly, 0));
        assertErrno(Errno.EACCES, () -> mm.mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file(1, OpenFlags.O_WRONLY), 0));
        assertErrno(Errno.EOVERFLOW, () -> mm.mmap(0, PAGE, RW, MAP_PRIVATE, readOnly, Long.MAX_VALUE & -4096));
        assertErrno(Errno.EOPNOTSUPP, () -> mm.mmap(0, PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, readOnly, 0));
        long r = mm.mmap(0, PAGE, PROT_READ, MAP_SHARED, readOnly, 0);
        assertErrno(Errno.EACCES, () -> mm.mprotect(r, PAGE, RW));
        long p = mm.mmap(0, PAGE, PROT_READ, MAP_PRIVATE, readOnly, 0);
        mm.mprotect(p, PAGE, RW);
        mm.writeInt(p, 7);
    }

    @Test
    void shouldCheckTheOtherCallsAsLinuxDoes() throws ErrnoException {
        long a = mm.mmap(BASE, 4 * PAGE, RW, FIXED, null, 0);
        assertErrno(Errno.EINVAL, () -> mm.munmap(a + 1, PAGE));
        assertErrno(Errno.EINVAL, () -> mm.munmap(a, 0));
        assertErrno(Errno.EINVAL, () -> mm.munmap(a, -1));
        assertErrno(Errno.EINVAL, () -> mm.munmap(-4096, PAGE));
        mm.munmap(BASE + (1 << 30), PAGE);
        assertErrno(Errno.EINVAL, () -> mm.mprotect(a + 1, PAGE, RW));
        assertErrno(Errno.EINVAL, () -> mm.mprotect(a, PAGE, 0x10));
        assertErrno(Errno.ENOMEM, () -> mm.mprotect(a, -1, RW));
        assertErrno(Errno.ENOMEM, () -> mm.mprotect(a, 5 * PAGE, PROT_READ));
        assertThat(mm.mappings(false).getFirst().prot())
                .as("changed up to the hole")
                .isEqualTo(PROT_READ);
        assertErrno(Errno.ENOMEM, () -> mm.mprotect(-4096, PAGE, RW));
        mm.mprotect(a, 0, RW);
        assertErrno(Errno.EINVAL, () -> mm.madvise(a + 1, PAGE, MADV_DONTNEED));
        assertErrno(Errno.EINVAL, () -> mm.madvise(a, PAGE, 77));
        assertErrno(Errno.EINVAL, () -> mm.madvise(a, -1, MADV_DONTNEED));
        assertErrno(Errno.ENOMEM, () -> mm.madvise(a, 5 * PAGE, MADV_DONTNEED));
        mm.madvise(a, 0, MADV_DONTNEED);
        assertErrno(Errno.EINVAL, () -> mm.msync(a, PAGE, 8));
        assertErrno(Errno.EINVAL, () -> mm.msync(a, PAGE, MS_SYNC | MS_ASYNC));
        assertErrno(Errno.ENOMEM, () -> mm.msync(a, 5 * PAGE, MS_SYNC));
        assertErrno(Errno.ENOMEM, () -> mm.msync(a, Long.MIN_VALUE, MS_SYNC));
        mm.msync(a, 4 * PAGE, MS_SYNC);
        assertErrno(Errno.EINVAL, () -> mm.mincore(a + 1, PAGE, a));
        assertErrno(Errno.ENOMEM, () -> mm.mincore(a, -1, a));
        assertErrno(Errno.EFAULT, () -> mm.mincore(a, PAGE, 0));
        assertErrno(Errno.EINVAL, () -> mm.mlock(a, PAGE, 2));
        assertErrno(Errno.ENOMEM, () -> mm.mlock(a, 16 << 20, 0));
        assertErrno(Errno.EINVAL, () -> mm.mlockall(0));
    }

    @Test
    void shouldSurviveAnyArguments() {
        Random random = new Random(11);
        long[] values = {
            0,
            1,
            -1,
            4096,
            -4096,
            BASE,
            BASE + 4096,
            0x7fff_ffff_f000L,
            1L << 47,
            Long.MIN_VALUE,
            Long.MAX_VALUE,
            1L << 46
        };
        for (int i = 0; i < 20_000; i++) {
            long a = values[random.nextInt(values.length)] + (random.nextInt(4) == 0 ? random.nextInt(8192) : 0);
            long b = values[random.nextInt(values.length)];
            long c = values[random.nextInt(values.length)];
            int f = random.nextInt() & (1 << random.nextInt(31)) - 1 & ~(MAP_POPULATE | MAP_LOCKED);
            try {
                switch (random.nextInt(14)) {
                    case 0 -> mm.mmap(a, b, random.nextInt(8), f, null, 0);
                    case 1 -> mm.munmap(a, b);
                    case 2 -> mm.mprotect(a, b, random.nextInt(8));
                    case 3 -> mm.mremap(a, b, c, random.nextInt(8), values[random.nextInt(values.length)]);
                    case 4 -> mm.brk(a);
                    case 5 -> mm.madvise(a, b, random.nextInt(22));
                    case 6 -> mm.msync(a, b, random.nextInt(8));
                    case 7 -> mm.mlock(a, b, MLOCK_ONFAULT);
                    case 8 -> mm.munlock(a, b);
                    case 9 -> mm.handleFault(a, random.nextInt(32));
                    case 10 -> mm.copyIn(a, new byte[random.nextInt(10000)]);
                    case 11 -> mm.copyOut(a, new byte[random.nextInt(10000)]);
                    case 12 -> mm.clear(a, random.nextInt(2) == 0 ? b & 0xffff : -b);
                    default -> mm.futexLocation(a, random.nextBoolean());
                }
            } catch (ErrnoException e) {
                // Any error will do; exceptions will not.
            }
        }
    }

    @Test
    void shouldKeepHugeSparseMappingsCheap() throws ErrnoException {
        long before = frames.usedBytes();
        long a = mm.mmap(0, 1L << 45, RW, ANON | MAP_NORESERVE, null, 0);
        mm.mprotect(a, 1L << 45, PROT_NONE);
        mm.mprotect(a, 1L << 45, RW);
        mm.madvise(a, 1L << 45, MADV_DONTNEED);
        assertThat(frames.usedBytes()).isEqualTo(before);
        mm.writeInt(a + (1L << 44), 1);
        mm.munmap(a, 1L << 45);
        assertThat(frames.usedBytes()).isLessThan(before + 20 * PAGE);
    }

    @Test
    void shouldLimitTheNumberOfMappings() throws ErrnoException {
        for (int i = 0; i < VmaSet.MAX_MAP_COUNT; i++) {
            mm.mmap(BASE + i * PAGE, PAGE, (i & 1) == 0 ? RW : PROT_READ, FIXED, null, 0);
        }
        assertErrno(Errno.ENOMEM, () -> mm.mmap(0, PAGE, PROT_EXEC, ANON, null, 0));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(BASE - PAGE, PAGE, PROT_READ, FIXED, null, 0));
        mm.mmap(BASE - PAGE, PAGE, RW, FIXED, null, 0);
        mm.munmap(BASE, VmaSet.MAX_MAP_COUNT * PAGE);
    }

    @Test
    void shouldObeyResourceLimits() throws ErrnoException {
        mm.setLimits(new MemoryLimits(1 << 20, 512 << 10, 1 << 20, 64 << 10));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(0, (1 << 20) + 1, PROT_READ, ANON, null, 0));
        assertErrno(Errno.ENOMEM, () -> mm.mmap(0, (512 << 10) + 1, RW, ANON, null, 0));
        long a = mm.mmap(BASE, 1 << 20, PROT_READ, FIXED, null, 0);
        mm.mmap(BASE, 1 << 20, PROT_READ, FIXED, null, 0);
        assertErrno(Errno.ENOMEM, () -> mm.mprotect(a, 1 << 20, RW));
        mm.mprotect(a, 512 << 10, RW);
        assertErrno(Errno.ENOMEM, () -> mm.mlock(a, 128 << 10, 0));
        mm.mlock(a, 64 << 10, 0);
        assertThat(mm.usage().locked()).isEqualTo(64 << 10);
        assertErrno(Errno.EAGAIN, () -> mm.mmap(BASE, PAGE * 32, PROT_READ, FIXED | MAP_LOCKED, null, 0));
        mm.munlockall();
        assertThat(mm.usage().locked()).isZero();
    }

    @Test
    void shouldMoveAndResizeMappings() throws ErrnoException {
        long a = mm.mmap(BASE, 4 * PAGE, RW, FIXED, null, 0);
        mm.writeLong(a, 1);
        mm.writeLong(a + 3 * PAGE, 4);
        assertThat(mm.mremap(a, 4 * PAGE, 8 * PAGE, 0, 0)).as("in place").isEqualTo(a);
        mm.writeLong(a + 7 * PAGE, 8);
        mm.mmap(a + 8 * PAGE, PAGE, PROT_READ, FIXED, null, 0);
        assertErrno(Errno.ENOMEM, () -> mm.mremap(a, 8 * PAGE, 16 * PAGE, 0, 0));
        long b = mm.mremap(a, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE, 0);
        assertThat(b).isNotEqualTo(a);
        assertThat(mm.readLong(b + 7 * PAGE)).isEqualTo(8);
        assertThat(mm.readLong(b + 15 * PAGE)).isZero();
        assertErrno(Errno.EFAULT, () -> mm.readLong(a));
        assertThat(mm.mremap(b, 16 * PAGE, 2 * PAGE, 0, 0)).isEqualTo(b);
        assertErrno(Errno.EFAULT, () -> mm.readLong(b + 2 * PAGE));
        assertErrno(Errno.EFAULT, () -> mm.mremap(BASE + (1 << 30), PAGE, PAGE * 2, MREMAP_MAYMOVE, 0));
        assertErrno(Errno.EFAULT, () -> mm.mremap(b, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, 0));
        assertErrno(Errno.EINVAL, () -> mm.mremap(b, 0, PAGE, MREMAP_MAYMOVE, 0));
        assertErrno(Errno.EINVAL, () -> mm.mremap(b, PAGE, 0, MREMAP_MAYMOVE, 0));
        assertErrno(Errno.EINVAL, () -> mm.mremap(b, PAGE, PAGE, MREMAP_FIXED, BASE));
        assertErrno(Errno.EINVAL, () -> mm.mremap(b, 2 * PAGE, 2 * PAGE, MREMAP_FIXED | MREMAP_MAYMOVE, b + PAGE));
        assertErrno(Errno.ENOMEM, () -> mm.mremap(b, 2 * PAGE, 1L << 60, MREMAP_MAYMOVE, 0));
        long c = mm.mremap(b, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
        assertThat(mm.readLong(c)).isEqualTo(1);
        assertThat(mm.readLong(b)).isZero();
        long s = mm.mmap(0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, null, 0);
        long alias = mm.mremap(s, 0, PAGE, MREMAP_MAYMOVE, 0);
        mm.writeInt(s, 9);
        assertThat(mm.readInt(alias)).isEqualTo(9);
    }

    @Test
    void shouldMoveTheBreak() throws ErrnoException {
        mm.setStartBrk(BASE);
        assertThat(mm.brk(0)).isEqualTo(BASE);
        assertThat(mm.brk(BASE - 1)).isEqualTo(BASE);
        assertThat(mm.brk(BASE + 100)).isEqualTo(BASE + 100);
        mm.writeByte(BASE + 4095, (byte) 1);
        assertThat(mm.brk(BASE + 5 * PAGE + 1)).isEqualTo(BASE + 5 * PAGE + 1);
        assertThat(mm.mappings(false)).singleElement().satisfies(m -> {
            assertThat(m.name()).isEqualTo("[heap]");
            assertThat(m.end() - m.start()).isEqualTo(6 * PAGE);
        });
        mm.mmap(BASE + 10 * PAGE, PAGE, PROT_READ, FIXED, null, 0);
        assertThat(mm.brk(BASE + 11 * PAGE)).as("something is in the way").isEqualTo(BASE + 5 * PAGE + 1);
        assertThat(mm.brk(BASE)).isEqualTo(BASE);
        assertErrno(Errno.EFAULT, () -> mm.readByte(BASE));
        assertThat(mm.brk(-1)).isEqualTo(BASE);
    }

    @Test
    void shouldMapFilesAndForgetWhatTheyLose() throws ErrnoException {
        MemoryFile f = file(100, OpenFlags.O_RDWR);
        long shared = mm.mmap(0, 100 * PAGE, RW, MAP_SHARED, f, 0);
        long priv = mm.mmap(0, 100 * PAGE, RW, MAP_PRIVATE, f, 0);
        assertThat(mm.readByte(priv + 42 * PAGE + 4095)).isEqualTo((byte) 42);
        mm.writeByte(priv + 42 * PAGE, (byte) 1);
        assertThat(mm.readByte(shared + 42 * PAGE)).isEqualTo((byte) 42);
        mm.writeByte(shared + 50 * PAGE, (byte) 99);
        assertThat(mm.usage().residentFile()).isPositive();
        MemoryManager child = mm.fork();
        assertThat(child.readByte(shared + 50 * PAGE)).isEqualTo((byte) 99);
        assertThat(child.readByte(shared + 99 * PAGE)).isEqualTo((byte) 99);
        f.cut(60 * 4096);
        for (MemoryManager m : List.of(mm, child)) {
            assertThat(m.readByte(shared + 59 * PAGE)).isEqualTo((byte) 59);
            assertErrno(Errno.EFAULT, () -> m.readByte(shared + 60 * PAGE));
            assertThat(m.handleFault(shared + 99 * PAGE, 4)).isEqualTo(FaultResult.BUS_ADRERR);
        }
        child.decUsers();
        assertThat(f.listeners()).isEqualTo(2);
    }

    @Test
    void shouldShowChangesOfAFileInUntouchedPrivatePages() throws ErrnoException {
        MemoryFile f = file(8, OpenFlags.O_RDWR);
        long shared = mm.mmap(0, 8 * PAGE, RW, MAP_SHARED, f, 0);
        long priv = mm.mmap(0, 8 * PAGE, RW, MAP_PRIVATE, f, 0);
        long unread = mm.mmap(0, 8 * PAGE, RW, MAP_PRIVATE, f, 0);
        mm.readByte(priv);
        mm.writeByte(priv, (byte) 77);
        mm.writeByte(unread, (byte) 78);
        mm.writeByte(shared + 2 * PAGE, (byte) 99);
        assertThat(mm.readByte(priv + 2 * PAGE)).isEqualTo((byte) 99);
        assertThat(mm.readByte(unread + 2 * PAGE)).isEqualTo((byte) 99);
        assertThat(mm.readByte(shared)).isZero();
    }

    @Test
    void shouldHoldAFileOnceForMappingsThatBecomeOne() throws ErrnoException {
        MemoryFile f = file(8, OpenFlags.O_RDWR);
        for (int i = 0; i < 8; i++) {
            mm.mmap(BASE + i * PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, f, i * PAGE);
        }
        assertThat(mm.mappings(false)).hasSize(1);
        assertThat(f.mappings()).isEqualTo(1);
        mm.munmap(BASE, 8 * PAGE);
        assertThat(f.mappings()).isZero();
    }

    @Test
    void shouldNameFutexWords() throws ErrnoException {
        long priv = mm.mmap(0, PAGE, RW, ANON, null, 0);
        long shared = mm.mmap(0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, null, 0);
        MemoryManager child = mm.fork();
        assertThat(mm.futexLocation(priv, true)).isNotEqualTo(child.futexLocation(priv, true));
        assertThat(mm.futexLocation(shared + 8, true)).isEqualTo(child.futexLocation(shared + 8, true));
        assertThat(mm.futexLocation(shared + 8, false)).isNotEqualTo(child.futexLocation(shared + 8, false));
        assertErrno(Errno.EINVAL, () -> mm.futexLocation(shared + 2, true));
        assertErrno(Errno.EFAULT, () -> mm.futexLocation(0, true));
        assertErrno(Errno.EFAULT, () -> mm.futexLocation(1L << 47, false));
        child.decUsers();
        assertThat(mm.compareAndExchangeInt(priv, 0, 5)).isZero();
        assertThat(mm.compareAndExchangeInt(priv, 0, 6)).isEqualTo(5);
        assertThat(mm.getAndAddInt(priv, 2)).isEqualTo(5);
        assertThat(mm.getAndSetInt(priv, 1)).isEqualTo(7);
        assertThat(mm.loadInt(priv)).isEqualTo(1);
        mm.mprotect(priv, PAGE, PROT_READ);
        assertErrno(Errno.EFAULT, () -> mm.getAndAddInt(priv, 2));
    }

    @Test
    void shouldMoveBytesThroughVectors() throws ErrnoException {
        long a = mm.mmap(BASE, 2 * PAGE, RW, FIXED, null, 0);
        byte[] bytes = new byte[300];
        new Random(5).nextBytes(bytes);
        MemorySegment buffer = MemorySegment.ofArray(bytes);
        List<IoVector> vectors = List.of(
                new IoVector(a + PAGE - 10, 100),
                new IoVector(0, 0),
                new IoVector(a, 50),
                new IoVector(a + 2 * PAGE - 20, 60));
        IoSink sink = mm.sink(vectors);
        assertThat(sink.remaining()).isEqualTo(210);
        assertThat(sink.put(buffer, 0, 120)).isEqualTo(120);
        assertThat(sink.put(buffer, 120, 100)).as("up to the fault").isEqualTo(50);
        assertErrno(Errno.EFAULT, () -> sink.put(buffer, 170, 1));
        byte[] back = new byte[170];
        IoSource source = mm.source(vectors);
        assertThat(source.take(MemorySegment.ofArray(back), 0, 170)).isEqualTo(170);
        assertThat(back).isEqualTo(java.util.Arrays.copyOf(bytes, 170));
        assertErrno(Errno.EFAULT, () -> source.take(MemorySegment.ofArray(back), 0, 1));
        assertThat(mm.sink(BASE, 0).put(buffer, 0, 10)).isZero();
        assertErrno(Errno.EFAULT, () -> mm.sink(-1, 10).put(buffer, 0, 10));
    }

    @Test
    void shouldStayWholeWhileThreadsFaultMapAndUnmap() throws Exception {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        AtomicBoolean stop = new AtomicBoolean();
        List<Thread> threads = new ArrayList<>();
        MemoryFile f = file(16, OpenFlags.O_RDWR);
        for (int t = 0; t < 4; t++) {
            int kind = t;
            threads.add(Thread.ofPlatform().start(() -> {
                Random random = new Random(kind);
                try {
                    while (!stop.get()) {
                        long a = BASE + random.nextInt(64) * PAGE;
                        try {
                            switch (kind) {
                                case 0 -> {
                                    if (random.nextBoolean()) {
                                        mm.mmap(a, 8 * PAGE, RW, FIXED, null, 0);
                                    } else {
                                        mm.mmap(a, 8 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, f, 0);
                                    }
                                }
                                case 1 -> mm.munmap(a, 4 * PAGE);
                                case 2 -> mm.fork().decUsers();
                                default -> mm.mprotect(a, 2 * PAGE, random.nextInt(4));
                            }
                        } catch (ErrnoException e) {
                            assertThat(e.errno()).isEqualTo(Errno.ENOMEM);
                        }
                    }
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                }
            }));
        }
        Random random = new Random(9);
        byte[] bytes = new byte[10_000];
        int read = 0;
        for (int i = 0; i < 30_000; i++) {
            long a = BASE + random.nextInt(64) * PAGE;
            try {
                switch (random.nextInt(4)) {
                    case 0 -> mm.copyOut(a + 100, bytes);
                    case 1 -> mm.copyIn(a + 100, bytes);
                    case 2 -> mm.getAndAddInt(a, 1);
                    default -> mm.readLong(a + 4090);
                }
                read++;
            } catch (ErrnoException e) {
                assertThat(e.errno()).isEqualTo(Errno.EFAULT);
            }
        }
        stop.set(true);
        for (Thread t : threads) {
            t.join();
        }
        assertThat(failure.get()).isNull();
        assertThat(read).isPositive();
    }
}
