package dev.stockade.sentry.fs.gofer;

import static dev.stockade.sentry.vfs.TestSandbox.errnoOf;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.KernelBuffer;
import dev.stockade.sentry.vfs.Mappable;
import dev.stockade.sentry.vfs.TestSandbox;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class GoferFilesystemTest {
    private final TestSandbox s = new TestSandbox();
    private final FakeGofer gofer = new FakeGofer();

    private GoferFilesystem mount() {
        GoferFilesystem fs = new GoferFilesystem(s.vfs, s.frames, gofer);
        s.root(fs);
        return fs;
    }

    @Test
    void shouldWalkADeepPathInOneRoundTrip() throws ErrnoException {
        gofer.directory("/a").directory("/a/b").directory("/a/b/c").file("/a/b/c/f", "deep");
        mount();
        assertThat(s.stat("/a/b/c/f").size()).isEqualTo(4);
        assertThat(gofer.walks).hasValue(1);
        assertThat(s.read("/a/b/c/f")).isEqualTo("deep");
        assertThat(errnoOf(() -> s.stat("/a/b/c/nope"))).isEqualTo(Errno.ENOENT);
        assertThat(errnoOf(() -> s.stat("/a/b/c/nope"))).isEqualTo(Errno.ENOENT);
        assertThat(gofer.walks).as("a name that is missing is asked for once").hasValue(2);
    }

    @Test
    void shouldLearnOfAMissingDirectoryInOneRoundTrip() {
        gofer.directory("/a");
        mount();
        assertThat(errnoOf(() -> s.stat("/a/x/y/z"))).isEqualTo(Errno.ENOENT);
        assertThat(errnoOf(() -> s.stat("/a/x"))).isEqualTo(Errno.ENOENT);
        assertThat(gofer.walks).hasValue(1);
    }

    @Test
    void shouldStopAtSymlinksAndFiles() throws ErrnoException {
        gofer.directory("/a")
                .symlink("/a/l", "../b")
                .directory("/b")
                .file("/b/f", "through")
                .file("/g", "x");
        mount();
        assertThat(s.read("/a/l/f")).isEqualTo("through");
        assertThat(errnoOf(() -> s.stat("/g/x/y"))).isEqualTo(Errno.ENOTDIR);
    }

    @Test
    void shouldReadEachByteOnceFromTheGofer() throws ErrnoException {
        byte[] contents = new byte[3_000_001];
        new Random(5).nextBytes(contents);
        gofer.file("/big", contents);
        mount();
        FileDescription f = s.open("/big", 0);
        FileDescription g = s.open("/big", 0);
        KernelBuffer b = new KernelBuffer(contents.length);
        b.fill(contents.length);
        while (b.filled() < contents.length) {
            assertThat(f.read(b)).isPositive();
        }
        assertThat(Arrays.equals(b.bytes(), contents)).isTrue();
        int reads = gofer.reads.get();
        assertThat(reads).as("windows grow").isLessThan(6);
        b.fill(contents.length);
        assertThat(g.pread(b, 0)).isEqualTo(contents.length);
        assertThat(Arrays.equals(b.bytes(), contents)).isTrue();
        assertThat(gofer.reads).hasValue(reads);
        f.decRef();
        g.decRef();
    }

    @Test
    void shouldShareOneCacheBetweenHardLinks() throws ErrnoException {
        gofer.file("/one", "same").link("/two", "/one");
        mount();
        assertThat(s.read("/one")).isEqualTo("same");
        assertThat(s.read("/two")).isEqualTo("same");
        assertThat(gofer.reads).hasValue(1);
        assertThat(s.stat("/two").ino()).isEqualTo(s.stat("/one").ino());
    }

    @Test
    void shouldListADirectoryOnce() throws ErrnoException {
        gofer.directory("/d").file("/d/b", "").file("/d/a", "");
        mount();
        assertThat(s.list("/d")).containsExactly("a", "b");
        assertThat(s.list("/d")).containsExactly("a", "b");
        assertThat(gofer.readDirs).hasValue(1);
    }

    @Test
    void shouldRefuseChanges() {
        gofer.file("/f", "x");
        mount();
        assertThat(errnoOf(() -> s.write("/f", "y"))).isEqualTo(Errno.EROFS);
        assertThat(errnoOf(() -> s.mkdir("/d"))).isEqualTo(Errno.EROFS);
        assertThat(errnoOf(() -> s.unlink("/f"))).isEqualTo(Errno.EROFS);
        assertThat(errnoOf(() -> s.chmod("/f", 0))).isEqualTo(Errno.EROFS);
    }

    @Test
    void shouldMapPagesOfTheCache() throws ErrnoException {
        gofer.file("/f", "y".repeat(5000));
        mount();
        Mappable m = s.open("/f", 0).mappable();
        assertThat(m.mapPageIfCached(0)).isEqualTo(-1);
        long frame = m.mapPage(4096, false);
        assertThat(s.frames.segment().get(ValueLayout.JAVA_BYTE, frame + 903)).isEqualTo((byte) 'y');
        assertThat(s.frames.segment().get(ValueLayout.JAVA_BYTE, frame + 904))
                .as("zeros after the end")
                .isZero();
        assertThat(errnoOf(() -> m.mapPage(8192, false))).isEqualTo(Errno.EFAULT);
        s.frames.decRef(frame);
        assertThat(m.mappedName()).isEqualTo("/f");
    }

    @Test
    void shouldGiveCleanPagesBackWhenFramesRunOut() throws ErrnoException {
        byte[] contents = new byte[8 << 20];
        Arrays.fill(contents, (byte) 7);
        gofer.file("/big", contents);
        GoferFilesystem fs = mount();
        Mappable m = s.open("/big", 0).mappable();
        long mapped = m.mapPage(0, false);
        assertThat(s.read("/big")).hasSize(contents.length);
        assertThat(s.frames.usedBytes()).isGreaterThanOrEqualTo(contents.length);
        // All of memory can be had but the page that is mapped.
        long pages = s.frames.limitBytes() / 4096 - 1;
        long[] all = new long[(int) pages];
        for (int i = 0; i < pages; i++) {
            all[i] = s.frames.allocate();
        }
        assertThat(s.frames.references(mapped)).isEqualTo(2);
        assertThat(s.read("/big")).as("without a frame to cache in").hasSize(contents.length);
        s.frames.decRef(all, all.length);
        s.frames.decRef(mapped);
        fs.close();
        assertThat(s.frames.usedBytes()).isZero();
        assertThat(gofer.isClosed()).isTrue();
    }

    @Test
    void shouldPassFailuresOnAndRecover() throws ErrnoException {
        gofer.file("/f", "x").file("/g", "y");
        mount();
        gofer.failure = Errno.EIO;
        assertThat(errnoOf(() -> s.read("/f"))).isEqualTo(Errno.EIO);
        gofer.failure = null;
        assertThat(s.read("/f")).isEqualTo("x");
        assertThat(s.read("/g")).isEqualTo("y");
    }
}
