package dev.stockade.gofer.builtin;

import dev.stockade.gofer.store.ImageConfig;
import dev.stockade.gofer.store.ImageException;
import dev.stockade.gofer.store.ImageRecord;
import dev.stockade.gofer.store.ImageStore;
import dev.stockade.gofer.store.Staging;
import dev.stockade.gofer.tree.Metadata;
import dev.stockade.gofer.tree.TreeBuilder;
import dev.stockade.gofer.tree.TreeException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The image "busybox": one static program with all its applets as hard links, and the few files that they read. Made
 * when it is first asked for, and the same every time from the same busybox.
 */
public final class BusyboxImage {
    public static final String NAME = "busybox";

    private static final String PROGRAM = "bin/busybox";
    private static final Duration LIST_DEADLINE = Duration.ofSeconds(30);
    private static final int MAX_APPLETS = 2000;
    private static final ImageConfig CONFIG = new ImageConfig(
            List.of(),
            List.of("sh"),
            List.of("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"),
            "/",
            "");

    private final ImageStore store;
    private final BusyboxBinary binary;
    /** Held while the image is made, so that it is made once. */
    private final ReentrantLock making = new ReentrantLock();

    public BusyboxImage(ImageStore store) {
        this(store, new BusyboxBinary(List.of(Path.of("/bin/busybox"), Path.of("/usr/bin/busybox"))));
    }

    BusyboxImage(ImageStore store, BusyboxBinary binary) {
        this.store = store;
        this.binary = binary;
    }

    /** The image, made now if there is none of its name. */
    public ImageRecord resolve() throws IOException, ImageException {
        making.lock();
        try {
            Optional<ImageRecord> existing = store.find(NAME);
            return existing.isPresent() ? existing.get() : make();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ImageException("interrupted while making the image " + NAME, e);
        } catch (TreeException e) {
            throw new ImageException("cannot make the image " + NAME + ": " + e.getMessage(), e);
        } finally {
            making.unlock();
        }
    }

    private ImageRecord make() throws IOException, InterruptedException, ImageException, TreeException {
        Path scratch = Files.createTempDirectory("stockade-busybox");
        try (Staging staging = store.stage()) {
            Path program = binary.find(scratch);
            TreeBuilder tree = staging.tree();
            directories(tree);
            files(staging);
            try (InputStream in = Files.newInputStream(program)) {
                Staging.StoredContent content = staging.addContent(in);
                tree.file(path(PROGRAM), Metadata.root(0755), content.size(), content.sha256());
            }
            for (String applet : applets(program, scratch)) {
                tree.hardLink(path(applet), path(PROGRAM));
            }
            return store.commit(staging, NAME, false, CONFIG);
        } finally {
            delete(scratch);
        }
    }

    private static List<String> applets(Path program, Path scratch)
            throws IOException, InterruptedException, ImageException {
        Command.Outcome listed = Command.run(scratch, LIST_DEADLINE, List.of(program.toString(), "--list-full"));
        List<String> applets = listed.output()
                .lines()
                .map(String::strip)
                .filter(a -> a.matches("(usr/)?s?bin/[^/\\s]{1,64}") && !a.equals(PROGRAM))
                .limit(MAX_APPLETS)
                .toList();
        if (!listed.succeeded() || applets.isEmpty()) {
            throw new ImageException("cannot make the image busybox: " + program + " --list-full lists no applets");
        }
        return applets;
    }

    private static void directories(TreeBuilder tree) throws TreeException {
        tree.directory(path(""), Metadata.root(0755));
        for (String directory : List.of(
                "bin",
                "dev",
                "etc",
                "home",
                "mnt",
                "opt",
                "proc",
                "run",
                "sbin",
                "sys",
                "usr",
                "usr/bin",
                "usr/lib",
                "usr/local",
                "usr/local/bin",
                "usr/local/sbin",
                "usr/sbin",
                "usr/share",
                "var",
                "var/log",
                "var/spool")) {
            tree.directory(path(directory), Metadata.root(0755));
        }
        tree.directory(path("root"), Metadata.root(0700));
        tree.directory(path("tmp"), Metadata.root(01777));
        tree.directory(path("var/tmp"), Metadata.root(01777));
        tree.symlink(path("var/run"), Metadata.root(0777), path("../run"));
    }

    private static void files(Staging staging) throws IOException, ImageException, TreeException {
        Map<String, String> files = new LinkedHashMap<>();
        files.put("etc/passwd", """
                root:x:0:0:root:/root:/bin/sh
                daemon:x:1:1:daemon:/usr/sbin:/bin/false
                bin:x:2:2:bin:/bin:/bin/false
                nobody:x:65534:65534:nobody:/:/bin/false
                """);
        files.put("etc/group", """
                root:x:0:
                daemon:x:1:
                bin:x:2:
                sys:x:3:
                adm:x:4:
                tty:x:5:
                users:x:100:
                nogroup:x:65534:
                """);
        files.put("etc/hostname", "stockade\n");
        files.put("etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        files.put("etc/resolv.conf", "# No name server: sandboxes have no network of their own yet.\n");
        files.put("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
        files.put("etc/profile", """
                export PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
                if [ "$(id -u)" = 0 ]; then PS1='# '; else PS1='$ '; fi
                export PS1
                """);
        files.put(
                "etc/os-release",
                "NAME=BusyBox\nID=busybox\nPRETTY_NAME=\"BusyBox on Stockade\"\nHOME_URL=https://busybox.net/\n");
        files.put("etc/shells", "/bin/sh\n/bin/ash\n");
        for (Map.Entry<String, String> file : files.entrySet()) {
            Staging.StoredContent content =
                    staging.addContent(new ByteArrayInputStream(file.getValue().getBytes(StandardCharsets.UTF_8)));
            staging.tree().file(path(file.getKey()), Metadata.root(0644), content.size(), content.sha256());
        }
    }

    private static byte[] path(String path) {
        return path.getBytes(StandardCharsets.UTF_8);
    }

    private static void delete(Path directory) throws IOException {
        Files.walkFileTree(directory, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path dir, @Nullable IOException e) throws IOException {
                Files.delete(dir);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
