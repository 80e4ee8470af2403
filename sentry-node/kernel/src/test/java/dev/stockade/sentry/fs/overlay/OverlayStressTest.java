package dev.stockade.sentry.fs.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.fs.gofer.FakeGofer;
import dev.stockade.sentry.fs.gofer.GoferFilesystem;
import dev.stockade.sentry.fs.tmpfs.TmpfsFilesystem;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.TestSandbox;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Threads that change one overlay as fast as they can: no exception, no deadlock, nothing lost or leaked. */
@Timeout(120)
class OverlayStressTest {
    private static final String[] NAMES = {"a", "b", "c", "d"};

    private static String path(Random r) {
        StringBuilder b = new StringBuilder();
        for (int depth = 1 + r.nextInt(3); depth > 0; depth--) {
            b.append('/').append(NAMES[r.nextInt(NAMES.length)]);
        }
        return b.toString();
    }

    @Test
    void shouldStayConsistentUnderConcurrentChanges() throws Exception {
        FakeGofer gofer = new FakeGofer();
        for (String x : NAMES) {
            gofer.directory("/" + x)
                    .file("/" + x + "/a", "1")
                    .directory("/" + x + "/b")
                    .file("/" + x + "/b/c", "2");
        }
        TestSandbox s = new TestSandbox(64);
        TmpfsFilesystem upper = s.newTmpfs();
        GoferFilesystem lower = new GoferFilesystem(s.vfs, s.frames, gofer);
        OverlayFilesystem overlay = new OverlayFilesystem(s.vfs, lower, upper, s.contextOf(lower));
        s.root(overlay);
        long seed = System.nanoTime();
        int threads = 4;
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            List<Future<?>> done = new ArrayList<>();
            for (int t = 0; t < threads; t++) {
                Random r = new Random(seed + t);
                done.add(pool.submit(() -> {
                    for (int i = 0; i < 3000; i++) {
                        step(s, r);
                    }
                    return null;
                }));
            }
            for (Future<?> f : done) {
                f.get(90, TimeUnit.SECONDS);
            }
        }
        check(s, "", seed);
        overlay.close();
        assertThat(s.frames.usedBytes()).as("frames, seed %d", seed).isZero();
        assertThat(upper.usedBytes()).as("charged pages, seed %d", seed).isZero();
    }

    private static void step(TestSandbox s, Random r) {
        String p = path(r);
        String q = path(r);
        try {
            switch (r.nextInt(10)) {
                case 0 -> s.mkdir(p);
                case 1 -> s.rmdir(p);
                case 2 -> s.unlink(p);
                case 3 -> s.write(p, "text");
                case 4 -> s.append(p, "more");
                case 5 -> s.link(p, q);
                case 6 -> s.rename(p, q, r.nextInt(4) == 0 ? 2 : 0);
                case 7 -> s.list(p);
                case 8 -> {
                    FileDescription f = s.open(p, OpenFlags.O_RDWR);
                    TestSandbox.read(f, 10);
                    TestSandbox.write(f, "x");
                    f.decRef();
                }
                default -> s.stat(p);
            }
        } catch (ErrnoException e) {
            assertThat(e.errno().name())
                    .isIn("ENOENT", "EEXIST", "ENOTDIR", "EISDIR", "ENOTEMPTY", "EINVAL", "EXDEV", "EPERM", "EBUSY");
        }
    }

    /** What is listed is there, and no name twice. */
    private static void check(TestSandbox s, String at, long seed) throws ErrnoException {
        List<String> names = s.list(at + "/");
        assertThat(new HashSet<>(names)).as("seed %d at %s", seed, at).hasSameSizeAs(names);
        for (String n : names) {
            String p = at + "/" + n;
            if ((s.lstat(p).mode() & 0170000) == 0040000) {
                check(s, p, seed);
            } else {
                assertThat(s.read(p)).hasSize((int) s.stat(p).size());
            }
        }
    }
}
