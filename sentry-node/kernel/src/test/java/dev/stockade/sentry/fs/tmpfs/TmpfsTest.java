package dev.stockade.sentry.fs.tmpfs;

import static dev.stockade.sentry.vfs.TestSandbox.bytes;
import static dev.stockade.sentry.vfs.TestSandbox.errnoOf;
import static dev.stockade.sentry.vfs.TestSandbox.write;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.KernelBuffer;
import dev.stockade.sentry.vfs.Mappable;
import dev.stockade.sentry.vfs.MappingListener;
import dev.stockade.sentry.vfs.TestSandbox;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TmpfsTest {
    private final TestSandbox s = new TestSandbox();
    private TmpfsFilesystem fs = s.newTmpfs();

    {
        s.root(fs);
    }

    @AfterEach
    void shouldLeaveNothingBehind() {
        fs.close();
        assertThat(s.frames.usedBytes()).as("frames").isZero();
        assertThat(fs.usedBytes()).as("charged pages").isZero();
        assertThat(s.heap.usedBytes()).as("charged heap").isZero();
    }

    private void remount(long bytes, long inodes) {
        fs.close();
        fs = s.newTmpfs(bytes, inodes);
        s.root(fs);
    }

    @Test
    void shouldKeepContentsOfAFileThatHasNoNameAnyMore() throws ErrnoException {
        FileDescription f = s.open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        write(f, "still here");
        s.unlink("/f");
        assertThat(f.stat().nlink()).isZero();
        f.seek(0, 0);
        assertThat(TestSandbox.read(f, 100)).isEqualTo("still here");
        assertThat(s.frames.usedBytes()).isEqualTo(4096);
        f.decRef();
        assertThat(s.frames.usedBytes()).isZero();
    }

    @Test
    void shouldReplaceByRename() throws ErrnoException {
        s.write("/a", "a");
        s.write("/b", "b");
        s.link("/a", "/a2");
        s.rename("/a", "/b");
        assertThat(s.read("/b")).isEqualTo("a");
        assertThat(s.list("/")).containsExactlyInAnyOrder("b", "a2");
        assertThat(s.stat("/b").nlink()).isEqualTo(2);
        s.rename("/b", "/a2");
        assertThat(s.list("/")).as("two names of one file: nothing happens").containsExactlyInAnyOrder("b", "a2");
    }

    @Test
    void shouldCountLinksOfDirectories() throws ErrnoException {
        s.mkdir("/d");
        assertThat(s.stat("/d").nlink()).isEqualTo(2);
        s.mkdir("/d/e");
        s.mkdir("/d/f");
        assertThat(s.stat("/d").nlink()).isEqualTo(4);
        s.rename("/d/e", "/e");
        assertThat(s.stat("/d").nlink()).isEqualTo(3);
        s.rename("/e", "/d/f");
        assertThat(s.stat("/d").nlink()).isEqualTo(3);
        s.rmdir("/d/f");
        assertThat(s.stat("/d").nlink()).isEqualTo(2);
        assertThat(s.stat("/").nlink()).isEqualTo(3);
    }

    @Test
    void shouldStopAtItsSize() throws ErrnoException {
        remount(10 * 4096, 100);
        FileDescription f = s.open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        assertThat(write(f, "x".repeat(20 * 4096))).isEqualTo(10 * 4096);
        assertThat(errnoOf(() -> write(f, "x"))).isEqualTo(Errno.ENOSPC);
        assertThat(f.stat().blocks()).isEqualTo(80);
        f.truncate(0);
        assertThat(write(f, "y")).isEqualTo(1);
        f.decRef();
    }

    @Test
    void shouldStopAtItsNumberOfFiles() throws ErrnoException {
        remount(1 << 20, 4);
        s.mkdir("/1");
        s.symlink("x", "/2");
        s.write("/3", "");
        assertThat(errnoOf(() -> s.mkdir("/4"))).isEqualTo(Errno.ENOSPC);
        s.rmdir("/1");
        s.mkdir("/4");
    }

    @Test
    void shouldStopAtTheHeapAccount() throws ErrnoException {
        FileDescription f = s.open("/sparse", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        long others = s.heap.limitBytes() - s.heap.usedBytes() - 20_000;
        s.heap.charge(others);
        Errno e = null;
        // Each page far from the others needs index nodes of its own.
        for (long i = 1; i < 1000 && e == null; i++) {
            long at = i << 40;
            e = errnoOf(() -> f.pwrite(KernelBuffer.of(bytes("x")), at));
        }
        assertThat(e).isEqualTo(Errno.ENOMEM);
        s.heap.uncharge(others);
        f.decRef();
    }

    @Test
    void shouldTellMappingsWhatTheyLose() throws ErrnoException {
        s.write("/f", "m".repeat(5 * 4096));
        FileDescription f = s.open("/f", OpenFlags.O_RDWR);
        Mappable m = f.mappable();
        List<String> told = new ArrayList<>();
        MappingListener l = (file, from, to) -> told.add(from + "-" + to);
        m.addListener(l);
        long third = m.mapPage(2 * 4096, true);
        f.truncate(4096 + 10);
        assertThat(told).contains("8192-" + Long.MAX_VALUE);
        assertThat(errnoOf(() -> m.mapPage(2 * 4096, false))).isEqualTo(Errno.EFAULT);
        assertThat(s.frames.references(third)).as("the mapping's own reference").isEqualTo(1);
        s.frames.decRef(third);
        told.clear();
        f.truncate(5 * 4096);
        assertThat(told).isEmpty();
        assertThat(s.read("/f")).isEqualTo("m".repeat(4106) + "\0".repeat(5 * 4096 - 4106));
        f.allocate(3, 100, 4096 * 2);
        assertThat(told).contains("4096-8192");
        assertThat(s.read("/f")).startsWith("m".repeat(100) + "\0".repeat(4096));
        m.removeListener(l);
        f.decRef();
    }

    @Test
    void shouldShowWritesInMappingsAndTheOtherWayRound() throws ErrnoException {
        FileDescription f = s.open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        f.truncate(8192);
        Mappable m = f.mappable();
        m.incrementMapping();
        long frame = m.mapPage(4096, true);
        f.pwrite(KernelBuffer.of(bytes("written")), 4096);
        assertThat(s.frames.segment().get(ValueLayout.JAVA_BYTE, frame)).isEqualTo((byte) 'w');
        s.frames.segment().set(ValueLayout.JAVA_BYTE, frame, (byte) 'W');
        assertThat(s.read("/f")).contains("Written");
        s.unlink("/f");
        f.decRef();
        long first = m.mapPage(0, true);
        assertThat(first).as("the mapping keeps the file").isNotEqualTo(frame);
        s.frames.decRef(first);
        s.frames.decRef(frame);
        m.decrementMapping();
    }

    @Test
    void shouldFindDataAndHoles() throws ErrnoException {
        FileDescription f = s.open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        f.pwrite(KernelBuffer.of(bytes("data")), 10 * 4096);
        f.truncate(20 * 4096);
        assertThat(f.seek(0, 3)).isEqualTo(10 * 4096);
        assertThat(f.seek(0, 4)).isZero();
        assertThat(f.seek(10 * 4096 + 5, 4)).isEqualTo(11 * 4096);
        assertThat(errnoOf(() -> f.seek(12 * 4096, 3))).isEqualTo(Errno.ENXIO);
        assertThat(errnoOf(() -> f.seek(20 * 4096, 4))).isEqualTo(Errno.ENXIO);
        f.decRef();
    }

    @Test
    void shouldWriteUpToAFault() throws ErrnoException {
        FileDescription f = s.open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        assertThat(f.write(new FaultingSource(6000, 5000))).isEqualTo(5000);
        assertThat(f.stat().size()).isEqualTo(5000);
        assertThat(errnoOf(() -> f.write(new FaultingSource(6000, 0)))).isEqualTo(Errno.EFAULT);
        assertThat(f.stat().size()).isEqualTo(5000);
        f.decRef();
        assertThat(s.read("/f")).isEqualTo("z".repeat(5000));
    }

    /** Gives some bytes, then faults. */
    private static final class FaultingSource implements IoSource {
        private long remaining;
        private long good;

        FaultingSource(long length, long good) {
            this.remaining = length;
            this.good = good;
        }

        @Override
        public long remaining() {
            return remaining;
        }

        @Override
        public int take(MemorySegment destination, long offset, int length) throws ErrnoException {
            int n = (int) Math.min(length, good);
            if (n == 0 && length > 0) {
                throw Errno.EFAULT.exception();
            }
            destination.asSlice(offset, n).fill((byte) 'z');
            good -= n;
            remaining -= n;
            return n;
        }
    }

    @Test
    void shouldBehaveAsAnArrayOfBytes() throws ErrnoException {
        long seed = System.nanoTime();
        Random r = new Random(seed);
        int max = 40 * 4096;
        byte[] model = new byte[max];
        int size = 0;
        FileDescription f = s.open("/f", OpenFlags.O_CREAT | OpenFlags.O_RDWR);
        for (int i = 0; i < 3000; i++) {
            int at = r.nextInt(max);
            int n = Math.min(max - at, r.nextInt(4) == 0 ? r.nextInt(5 * 4096) : r.nextInt(200));
            switch (r.nextInt(6)) {
                case 0, 1 -> {
                    byte[] b = new byte[n];
                    r.nextBytes(b);
                    assertThat(f.pwrite(KernelBuffer.of(b), at)).isEqualTo(n);
                    System.arraycopy(b, 0, model, at, n);
                    size = n == 0 ? size : Math.max(size, at + n);
                }
                case 2, 3 -> {
                    KernelBuffer b = new KernelBuffer(n).fill(n);
                    long got = f.pread(b, at);
                    int expected = Math.max(0, Math.min(n, size - at));
                    assertThat(got).as("seed %d step %d", seed, i).isEqualTo(expected);
                    assertThat(Arrays.equals(b.bytes(), 0, expected, model, at, at + expected))
                            .as("seed %d step %d", seed, i)
                            .isTrue();
                }
                case 4 -> {
                    f.truncate(at);
                    if (at < size) {
                        Arrays.fill(model, at, size, (byte) 0);
                    }
                    size = at;
                }
                default -> {
                    if (n > 0) {
                        f.allocate(3, at, n);
                        Arrays.fill(model, at, at + n, (byte) 0);
                    }
                }
            }
            assertThat(f.stat().size()).as("seed %d step %d", seed, i).isEqualTo(size);
        }
        f.decRef();
    }
}
