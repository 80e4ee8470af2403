package dev.stockade.conformance;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Builds the programs and the tree they live in, and runs them natively. */
final class Suite {
    static final Path MODULE = Path.of("").toAbsolutePath();
    static final Path TREE = MODULE.resolve("target/tree");
    static final Path EXPECTED = MODULE.resolve("target/expected");
    private static final Map<String, Outcome> NATIVE = new ConcurrentHashMap<>();

    private Suite() {}

    /** Compiles every program that is older than its source, and lays out the tree. */
    static void build() throws IOException, InterruptedException {
        Files.createDirectories(EXPECTED);
        Path busybox = busybox();
        Path bin = Files.createDirectories(TREE.resolve("bin"));
        if (!Files.exists(bin.resolve("busybox"))) {
            Files.copy(busybox, bin.resolve("busybox"), StandardCopyOption.COPY_ATTRIBUTES);
            for (String applet :
                    run(MODULE, busybox.toString(), "--list").output().split("\n")) {
                if (!applet.equals("busybox") && !Files.exists(bin.resolve(applet), LinkOption.NOFOLLOW_LINKS)) {
                    Files.createSymbolicLink(bin.resolve(applet), Path.of("busybox"));
                }
            }
        }
        for (String folder : List.of("etc", "tmp", "root", "proc", "dev", "sys", "work")) {
            Files.createDirectories(TREE.resolve(folder));
        }
        Files.writeString(TREE.resolve("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
        Files.writeString(TREE.resolve("etc/group"), "root:x:0:\n");
        Path header = MODULE.resolve("programs/conform.h");
        for (String kind : List.of("linux", "hostile")) {
            Path to = Files.createDirectories(TREE.resolve("programs").resolve(kind));
            try (Stream<Path> sources = Files.list(MODULE.resolve("programs").resolve(kind))) {
                for (Path source : sources.sorted().toList()) {
                    String name = source.getFileName().toString().replace(".c", "");
                    compile(source, header, to.resolve(name));
                }
            }
        }
        Path scripts = Files.createDirectories(TREE.resolve("scripts"));
        try (Stream<Path> sources = Files.list(MODULE.resolve("scripts"))) {
            for (Path source : sources.toList()) {
                Files.copy(source, scripts.resolve(source.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private static void compile(Path source, Path header, Path program) throws IOException, InterruptedException {
        if (Files.exists(program)
                && Files.getLastModifiedTime(program).compareTo(Files.getLastModifiedTime(source)) > 0
                && Files.getLastModifiedTime(program).compareTo(Files.getLastModifiedTime(header)) > 0) {
            return;
        }
        Outcome gcc = run(
                MODULE,
                "gcc",
                "-static",
                "-O1",
                "-Wall",
                "-Wextra",
                "-Wno-infinite-recursion",
                "-Wno-stringop-overread",
                "-Werror",
                "-o",
                program.toString(),
                source.toString(),
                "-lpthread");
        if (gcc.status() != 0) {
            throw new IOException("gcc " + source + " ended with " + gcc.status() + ":\n" + gcc.output());
        }
    }

    /** A static busybox: the host's, or that of Debian's package busybox-static. */
    private static Path busybox() throws IOException, InterruptedException {
        for (Path candidate : List.of(Path.of("/bin/busybox"), Path.of("/usr/bin/busybox"))) {
            if (Files.isExecutable(candidate) && isStatic(candidate)) {
                return candidate;
            }
        }
        Path unpacked = MODULE.resolve("target/busybox-static");
        Path binary = unpacked.resolve("bin/busybox");
        if (!Files.exists(binary)) {
            Files.createDirectories(unpacked);
            Outcome download = run(unpacked, "apt-get", "download", "busybox-static");
            if (download.status() != 0) {
                run(unpacked, "apt-get", "update");
                download = run(unpacked, "apt-get", "download", "busybox-static");
            }
            if (download.status() != 0) {
                throw new IOException("no static busybox: apt-get install busybox-static\n" + download.output());
            }
            Outcome unpack = run(unpacked, "sh", "-c", "dpkg-deb -x busybox-static_*.deb .");
            if (unpack.status() != 0) {
                throw new IOException(unpack.output());
            }
        }
        return binary;
    }

    private static boolean isStatic(Path program) throws IOException, InterruptedException {
        return !run(MODULE, "sh", "-c", "LC_ALL=C readelf -lW \"$0\" 2>&1", program.toString())
                .output()
                .contains("INTERP");
    }

    /** What a case did as a process of this machine: run once in this JVM, and kept in {@link #EXPECTED}. */
    static Outcome nativeOutcome(ConformanceCase c) throws IOException, InterruptedException {
        Outcome known = NATIVE.get(c.name());
        if (known == null) {
            known = runNatively(c);
            NATIVE.put(c.name(), known);
        }
        return known;
    }

    private static Outcome runNatively(ConformanceCase c) throws IOException, InterruptedException {
        Path folder = Files.createTempDirectory("conformance");
        try {
            List<String> command = new ArrayList<>(List.of("env", "-i", "HOME=/root"));
            command.add("PATH=" + TREE.resolve("bin"));
            // Nothing that a case starts survives it.
            command.addAll(List.of("/usr/bin/timeout", "-s", "KILL", "120"));
            for (String arg : c.args()) {
                command.add(arg.startsWith("/") ? TREE + arg : arg.equals("sh") ? TREE.resolve("bin/sh") + "" : arg);
            }
            Outcome o = run(folder, command.toArray(String[]::new));
            o.save(c.expectation(EXPECTED));
            return o;
        } finally {
            delete(folder);
        }
    }

    static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path f : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(f);
            }
        }
    }

    /** Runs a command with its output in one string. */
    static Outcome run(Path folder, String... command) throws IOException, InterruptedException {
        Path out = Files.createTempFile("conformance", ".out");
        try {
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectOutput(out.toFile());
            Process p = builder.start();
            try {
                if (!p.waitFor(10, TimeUnit.MINUTES)) {
                    throw new IOException("not over after 10 minutes: " + String.join(" ", command));
                }
            } finally {
                p.descendants().forEach(ProcessHandle::destroyForcibly);
                p.destroyForcibly();
            }
            return new Outcome(p.exitValue(), Files.readString(out, StandardCharsets.ISO_8859_1));
        } finally {
            Files.delete(out);
        }
    }
}
