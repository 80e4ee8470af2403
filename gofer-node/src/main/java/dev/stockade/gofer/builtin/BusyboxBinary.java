package dev.stockade.gofer.builtin;

import dev.stockade.gofer.store.ImageException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Where a static busybox comes from: the host if it has one, else Debian's package of it. Needs no root. */
final class BusyboxBinary {
    private static final String PACKAGE = "busybox-static";
    private static final Duration DOWNLOAD_DEADLINE = Duration.ofSeconds(90);
    private static final Duration UNPACK_DEADLINE = Duration.ofSeconds(30);
    private static final List<String> IN_PACKAGE = List.of("bin/busybox", "usr/bin/busybox");

    private final List<Path> hostPaths;

    BusyboxBinary(List<Path> hostPaths) {
        this.hostPaths = hostPaths;
    }

    /** A static busybox on the host or below the scratch directory. */
    Path find(Path scratch) throws IOException, InterruptedException, ImageException {
        Optional<Path> onHost = staticOneOf(hostPaths);
        return onHost.isPresent() ? onHost.get() : download(scratch);
    }

    private static Optional<Path> staticOneOf(List<Path> candidates) throws IOException {
        for (Path candidate : candidates) {
            if (Files.isRegularFile(candidate) && Files.isReadable(candidate) && StaticElf.isStatic(candidate)) {
                return Optional.of(candidate);
            }
        }
        return Optional.empty();
    }

    private static Path download(Path scratch) throws IOException, InterruptedException, ImageException {
        Command.Outcome downloaded = Command.run(
                scratch, DOWNLOAD_DEADLINE, List.of("apt-get", "-q", "-o", "APT::Sandbox::User=", "download", PACKAGE));
        if (!downloaded.succeeded()) {
            throw missing("apt-get download " + PACKAGE + " says: " + lastLine(downloaded.output()));
        }
        try (DirectoryStream<Path> packages = Files.newDirectoryStream(scratch, PACKAGE + "*.deb")) {
            for (Path file : packages) {
                Path tree = scratch.resolve("package");
                Command.Outcome unpacked = Command.run(
                        scratch, UNPACK_DEADLINE, List.of("dpkg-deb", "-x", file.toString(), tree.toString()));
                if (!unpacked.succeeded()) {
                    throw missing("dpkg-deb says: " + lastLine(unpacked.output()));
                }
                Optional<Path> found =
                        staticOneOf(IN_PACKAGE.stream().map(tree::resolve).toList());
                if (found.isPresent()) {
                    return found.get();
                }
            }
        }
        throw missing("the package " + PACKAGE + " has no static busybox for x86-64");
    }

    private static ImageException missing(String why) {
        return new ImageException("cannot make the image busybox: this host has no static busybox and " + why
                + ". Install one (on Debian: apt-get install " + PACKAGE
                + ", after apt-get update) or import an image of that name");
    }

    private static String lastLine(String output) {
        return output.strip().lines().reduce((first, second) -> second).orElse("nothing");
    }
}
