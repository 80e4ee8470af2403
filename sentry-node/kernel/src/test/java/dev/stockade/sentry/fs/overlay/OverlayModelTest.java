package dev.stockade.sentry.fs.overlay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.fs.gofer.FakeGofer;
import dev.stockade.sentry.fs.gofer.GoferFilesystem;
import dev.stockade.sentry.vfs.TestSandbox;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The same random calls on an overlay, on a plain tmpfs that begins with the same files, and on a model of nested maps:
 * they must agree, but for directories of the lower layer that cannot be moved.
 */
class OverlayModelTest {
    private static final String[] NAMES = {"a", "b", "c"};

    /** A directory is a map, a file its contents in a one-element array (so that hard links share it). */
    private final Map<String, Object> model = new TreeMap<>();

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);

    @Test
    void shouldAgreeWithAPlainFileSystemAndAModel() throws ErrnoException {
        for (int round = 0; round < 4; round++) {
            model.clear();
            run(round == 0 ? 4 : 16384);
        }
    }

    private void run(int dentries) throws ErrnoException {
        FakeGofer gofer = new FakeGofer();
        TestSandbox plain = new TestSandbox(dentries);
        plain.root(plain.newTmpfs());
        for (String x : NAMES) {
            gofer.directory("/" + x);
            plain.mkdir("/" + x);
            Map<String, Object> top = new TreeMap<>();
            model.put(x, top);
            for (String y : NAMES) {
                if (y.equals("c")) {
                    gofer.directory("/" + x + "/c").file("/" + x + "/c/a", "deep" + x);
                    plain.mkdir("/" + x + "/c");
                    plain.write("/" + x + "/c/a", "deep" + x);
                    Map<String, Object> deep = new TreeMap<>();
                    deep.put("a", new String[] {"deep" + x});
                    top.put("c", deep);
                } else {
                    gofer.file("/" + x + "/" + y, x + y);
                    plain.write("/" + x + "/" + y, x + y);
                    top.put(y, new String[] {x + y});
                }
            }
        }
        TestSandbox over = new TestSandbox(dentries);
        GoferFilesystem lower = new GoferFilesystem(over.vfs, over.frames, gofer);
        OverlayFilesystem overlay = new OverlayFilesystem(over.vfs, lower, over.newTmpfs(), over.contextOf(lower));
        over.root(overlay);
        for (int step = 0; step < 600; step++) {
            step(over, plain, step);
        }
        compare(over, plain, "", -1);
        overlay.close();
        assertThat(over.frames.usedBytes()).as("frames, seed %d", seed).isZero();
    }

    private String path() {
        StringBuilder b = new StringBuilder();
        for (int depth = 1 + random.nextInt(3); depth > 0; depth--) {
            b.append('/').append(NAMES[random.nextInt(NAMES.length)]);
        }
        return b.toString();
    }

    private interface On {
        void run(TestSandbox s) throws ErrnoException;
    }

    private void step(TestSandbox over, TestSandbox plain, int step) throws ErrnoException {
        String p = path();
        String q = path();
        String text = "t" + step;
        int kind = random.nextInt(8);
        On call = switch (kind) {
            case 0 -> s -> s.mkdir(p);
            case 1 -> s -> s.rmdir(p);
            case 2 -> s -> s.unlink(p);
            case 3 -> s -> s.write(p, text);
            case 4 -> s -> s.append(p, text);
            case 5 -> s -> s.link(p, q);
            case 6 -> s -> s.chmod(p, 0755);
            default -> s -> s.rename(p, q);
        };
        String what = "seed %d step %d: %s %s %s"
                .formatted(
                        seed,
                        step,
                        List.of("mkdir", "rmdir", "unlink", "write", "append", "link", "chmod", "rename")
                                .get(kind),
                        p,
                        q);
        Errno ofOverlay = TestSandbox.errnoOf(() -> call.run(over));
        if (ofOverlay == Errno.EXDEV) {
            return;
        }
        Errno ofPlain = TestSandbox.errnoOf(() -> call.run(plain));
        assertThat(ofOverlay).as(what).isEqualTo(ofPlain);
        Errno ofModel = model(kind, p, q, text);
        assertThat(ofModel).as("model, " + what).isEqualTo(ofPlain);
        if (step % 20 == 0) {
            compare(over, plain, "", step);
        }
    }

    // ---- the model ----

    @SuppressWarnings("unchecked")
    private Object find(String path) {
        Object o = model;
        for (String name : path.substring(1).split("/")) {
            if (!(o instanceof Map)) {
                return Errno.ENOTDIR;
            }
            o = ((Map<String, Object>) o).get(name);
            if (o == null) {
                return Errno.ENOENT;
            }
        }
        return o;
    }

    @SuppressWarnings("unchecked")
    private Object parent(String path) {
        int slash = path.lastIndexOf('/');
        Object o = slash == 0 ? model : find(path.substring(0, slash));
        return o instanceof Errno || o instanceof Map ? o : Errno.ENOTDIR;
    }

    private static String last(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    @SuppressWarnings("unchecked")
    private Errno model(int kind, String p, String q, String text) {
        Object parent = parent(p);
        if (parent instanceof Errno e) {
            return e;
        }
        Map<String, Object> d = (Map<String, Object>) parent;
        Object o = d.get(last(p));
        switch (kind) {
            case 0 -> {
                if (o != null) {
                    return Errno.EEXIST;
                }
                d.put(last(p), new TreeMap<String, Object>());
            }
            case 1 -> {
                if (o == null) {
                    return Errno.ENOENT;
                }
                if (!(o instanceof Map<?, ?> m)) {
                    return Errno.ENOTDIR;
                }
                if (!m.isEmpty()) {
                    return Errno.ENOTEMPTY;
                }
                d.remove(last(p));
            }
            case 2 -> {
                if (o == null) {
                    return Errno.ENOENT;
                }
                if (o instanceof Map) {
                    return Errno.EISDIR;
                }
                d.remove(last(p));
            }
            case 3 -> {
                if (o instanceof Map) {
                    return Errno.EISDIR;
                }
                if (o == null) {
                    d.put(last(p), new String[] {text});
                } else {
                    ((String[]) o)[0] = text;
                }
            }
            case 4 -> {
                if (o == null) {
                    return Errno.ENOENT;
                }
                if (o instanceof Map) {
                    return Errno.EISDIR;
                }
                ((String[]) o)[0] += text;
            }
            case 5 -> {
                if (o == null) {
                    return Errno.ENOENT;
                }
                Object to = parent(q);
                if (to instanceof Errno e) {
                    return e;
                }
                if (((Map<String, Object>) to).containsKey(last(q))) {
                    return Errno.EEXIST;
                }
                if (o instanceof Map) {
                    return Errno.EPERM;
                }
                ((Map<String, Object>) to).put(last(q), o);
            }
            case 6 -> {
                return o == null ? Errno.ENOENT : null;
            }
            default -> {
                return modelRename(d, p, q, o);
            }
        }
        return null;
    }

    @SuppressWarnings("unchecked")
    private Errno modelRename(Map<String, Object> d, String p, String q, Object o) {
        Object to = parent(q);
        if (to instanceof Errno e) {
            return e;
        }
        if (o == null) {
            return Errno.ENOENT;
        }
        if (q.startsWith(p + "/")) {
            return Errno.EINVAL;
        }
        Map<String, Object> t = (Map<String, Object>) to;
        Object target = t.get(last(q));
        if (p.startsWith(q + "/")) {
            return Errno.ENOTEMPTY;
        }
        if (target == o) {
            return null;
        }
        if (target != null) {
            if (o instanceof Map && !(target instanceof Map)) {
                return Errno.ENOTDIR;
            }
            if (!(o instanceof Map) && target instanceof Map) {
                return Errno.EISDIR;
            }
            if (target instanceof Map<?, ?> m && !m.isEmpty()) {
                return Errno.ENOTEMPTY;
            }
        }
        t.put(last(q), o);
        d.remove(last(p));
        return null;
    }

    // ---- comparing ----

    @SuppressWarnings("unchecked")
    private void compare(TestSandbox over, TestSandbox plain, String at, int step) throws ErrnoException {
        Object o = at.isEmpty() ? model : find(at);
        String what = "seed " + seed + " step " + step + " at " + at;
        if (o instanceof Map) {
            List<String> names = new ArrayList<>(((Map<String, Object>) o).keySet());
            assertThat(sorted(over.list(at + "/"))).as(what).isEqualTo(names);
            assertThat(sorted(plain.list(at + "/"))).as(what).isEqualTo(names);
            for (String n : names) {
                compare(over, plain, at + "/" + n, step);
            }
        } else {
            assertThat(over.read(at)).as(what).isEqualTo(((String[]) o)[0]);
            assertThat(plain.read(at)).as(what).isEqualTo(((String[]) o)[0]);
        }
    }

    private static List<String> sorted(List<String> names) {
        List<String> s = new ArrayList<>(names);
        Collections.sort(s);
        return s;
    }
}
