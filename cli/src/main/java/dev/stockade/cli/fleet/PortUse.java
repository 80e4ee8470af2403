package dev.stockade.cli.fleet;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Whether a TCP port of the loopback interface is taken, and by which process. */
final class PortUse {
    private PortUse() {}

    static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            // As the services themselves bind: a connection in TIME_WAIT is no obstacle.
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** "name (pid N)" of the process that listens on the port, where this user may see it. */
    static Optional<String> listener(int port) {
        String wanted = ":" + String.format("%04X", port);
        for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
            try {
                for (String line : Files.readAllLines(Path.of(table), StandardCharsets.ISO_8859_1)) {
                    String[] fields = line.strip().split("\\s+");
                    // proc(5): local address, remote address, state (0A is LISTEN), ..., inode
                    if (fields.length > 9 && fields[1].endsWith(wanted) && fields[3].equals("0A")) {
                        return owner("socket:[" + fields[9] + "]");
                    }
                }
            } catch (IOException e) {
                continue;
            }
        }
        return Optional.empty();
    }

    private static Optional<String> owner(String socket) {
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                if (holds(process, socket)) {
                    String name = Files.readString(process.resolve("comm"), StandardCharsets.ISO_8859_1)
                            .strip();
                    return Optional.of(name + " (pid " + process.getFileName() + ")");
                }
            }
        } catch (IOException e) {
            return Optional.empty();
        }
        return Optional.empty();
    }

    private static boolean holds(Path process, String socket) {
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path descriptor : descriptors) {
                if (Files.readSymbolicLink(descriptor).toString().equals(socket)) {
                    return true;
                }
            }
        } catch (IOException e) {
            return false; // gone, or another user's
        }
        return false;
    }
}
