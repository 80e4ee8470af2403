package dev.stockade.sentry.server.kernel;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A root directory with Debian's static busybox, from this host or from its package. */
final class BusyboxTree {
    private static final Path KEPT = Path.of("target", "busybox-static");

    private BusyboxTree() {}

    /** Fills {@code root}; skips the test where there is no busybox to be had. */
    static void make(Path root) throws Exception {
        Path busybox = find();
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxr-xr-x"));
        Path bin = Files.createDirectories(root.resolve("bin"));
        Path copy = bin.resolve("busybox");
        Files.copy(busybox, copy);
        copy.toFile().setExecutable(true, false);
        for (String applet :
                run(root, List.of(copy.toString(), "--list")).lines().toList()) {
            if (!applet.equals("busybox")) {
                Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
            }
        }
        Path etc = Files.createDirectories(root.resolve("etc"));
        Files.writeString(etc.resolve("passwd"), "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n");
        Files.writeString(etc.resolve("group"), "root:x:0:\napp:x:1000:\naudio:x:29:app\n");
        for (String d : List.of("root", "tmp", "home/app")) {
            Files.createDirectories(root.resolve(d));
        }
    }

    private static Path find() throws Exception {
        for (String p : List.of("/bin/busybox", "/usr/bin/busybox", "/usr/lib/busybox/busybox")) {
            if (Files.isExecutable(Path.of(p)) && isStatic(Path.of(p))) {
                return Path.of(p);
            }
        }
        synchronized (BusyboxTree.class) {
            Path kept = KEPT.resolve("bin/busybox");
            if (!Files.exists(kept)) {
                download();
            }
            Assumptions.assumeTrue(
                    Files.exists(kept), "no static busybox on this host, and its package can't be downloaded");
            return kept;
        }
    }

    private static boolean isStatic(Path file) throws IOException {
        // A dynamic program names its loader near its beginning.
        byte[] head = new byte[4096];
        try (InputStream in = Files.newInputStream(file)) {
            int n = in.readNBytes(head, 0, head.length);
            return !new String(head, 0, n, StandardCharsets.ISO_8859_1).contains("/ld-linux");
        }
    }

    private static void download() throws Exception {
        Files.createDirectories(KEPT);
        try {
            run(KEPT, List.of("apt-get", "-q", "-o", "APT::Sandbox::User=", "download", "busybox-static"));
        } catch (IOException e) {
            return;
        }
        try (Stream<Path> files = Files.list(KEPT)) {
            for (Path deb : files.filter(f -> f.toString().endsWith(".deb")).toList()) {
                run(KEPT, List.of("dpkg-deb", "-x", deb.getFileName().toString(), "."));
            }
        }
    }

    private static String run(Path directory, List<String> command) throws Exception {
        Process p = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        p.getOutputStream().close();
        String output = new String(p.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!p.waitFor(90, TimeUnit.SECONDS)) {
            p.destroyForcibly();
        }
        return output;
    }
}
