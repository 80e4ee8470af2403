package dev.stockade.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;

/** A fleet of this machine in a folder and on ports of its own. */
final class Fleet implements AutoCloseable {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Path ROOT =
            Path.of(System.getProperty("stockade.root", "..")).toAbsolutePath().normalize();
    static final Duration COMMAND_TIME = Duration.ofSeconds(120);
    private static final Duration UP_TIME = Duration.ofSeconds(240);
    private static final List<Integer> OFFSETS = List.of(0, 1, 10, 11, 20, 21, 30, 31, 40);

    final Path home;
    final int base;

    /** Variables that the fleet's commands have, and the parts that they start. */
    final Map<String, String> environment = new TreeMap<>();

    Fleet() throws IOException {
        home = Files.createTempDirectory("stockade-e2e");
        base = freeBase();
    }

    /** Below the range from which the kernel gives ports to clients (net.ipv4.ip_local_port_range). */
    private static int freeBase() {
        for (int attempt = 0; attempt < 100; attempt++) {
            int candidate = 20_000 + 50 * ThreadLocalRandom.current().nextInt(200);
            if (OFFSETS.stream().allMatch(offset -> isFree(candidate + offset))) {
                return candidate;
            }
        }
        throw new IllegalStateException("no free ports");
    }

    static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    List<Integer> ports() {
        return OFFSETS.stream().map(offset -> base + offset).toList();
    }

    Fleet up() throws IOException, InterruptedException {
        try (Launched command = launch("up")) {
            Launched.Result result = command.input("").await(UP_TIME);
            if (result.status() != 0) {
                throw new AssertionError("stockade up ended with " + result.status() + ": " + result.err());
            }
            return this;
        }
    }

    String url() {
        return "http://127.0.0.1:" + base;
    }

    String kafka() {
        return "127.0.0.1:" + (base + 30);
    }

    /** The launcher with this fleet's environment; its standard input stays open. */
    Launched launch(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(ROOT.resolve("stockade").toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment()
                .keySet()
                .removeIf(key -> key.startsWith("STOCKADE_") || key.startsWith("OTEL_") || key.equals("TRACEPARENT"));
        builder.environment().put("STOCKADE_NO_BUILD", "1");
        builder.environment().put("STOCKADE_HOME", home.toString());
        builder.environment().put("STOCKADE_PORT_BASE", Integer.toString(base));
        builder.environment().putAll(environment);
        return new Launched(builder);
    }

    /** One command with empty standard input. */
    Launched.Result stockade(String... arguments) throws IOException, InterruptedException {
        return stockadeWithInput("", arguments);
    }

    Launched.Result stockadeWithInput(String input, String... arguments) throws IOException, InterruptedException {
        try (Launched command = launch(arguments)) {
            return command.input(input).await(COMMAND_TIME);
        }
    }

    /** Process numbers by part, as fleet.json has them. */
    Map<String, Long> pids() throws IOException {
        Map<String, Long> pids = new TreeMap<>();
        JsonNode parts = JSON.readTree(home.resolve("fleet.json").toFile()).path("parts");
        parts.properties()
                .forEach(part ->
                        pids.put(part.getKey(), part.getValue().path("pid").asLong()));
        return pids;
    }

    /** Every process of this machine that works in this fleet's folder or names it: numbers with command lines. */
    Map<Long, String> processes() throws IOException {
        Map<Long, String> found = new TreeMap<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                try {
                    String commandLine = Files.readString(process.resolve("cmdline"), StandardCharsets.ISO_8859_1)
                            .replace('\0', ' ');
                    String directory =
                            Files.readSymbolicLink(process.resolve("cwd")).toString();
                    if (commandLine.contains(home.toString()) || directory.startsWith(home.toString())) {
                        found.put(Long.parseLong(process.getFileName().toString()), commandLine);
                    }
                } catch (IOException e) {
                    continue; // it has ended meanwhile
                }
            }
        }
        return found;
    }

    /** A zombie that nobody has waited for yet is not running: it holds nothing. */
    static boolean isRunning(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
            return stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
        } catch (IOException e) {
            return false;
        }
    }

    /** How many descriptors of /dev/kvm, VMs and vCPUs a process holds. */
    static long kvmDescriptors(long pid) throws IOException {
        long count = 0;
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            for (Path descriptor : descriptors) {
                try {
                    String target = Files.readSymbolicLink(descriptor).toString();
                    count += target.contains("kvm") ? 1 : 0;
                } catch (IOException e) {
                    continue; // closed meanwhile
                }
            }
        }
        return count;
    }

    String log(String part) throws IOException {
        Path file = home.resolve("logs").resolve(part + ".log");
        return Files.exists(file) ? Files.readString(file, StandardCharsets.ISO_8859_1) : "";
    }

    @Override
    public void close() throws IOException {
        try {
            stockade("down");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        for (long pid : processes().keySet()) {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        }
        try (Stream<Path> tree = Files.walk(home)) {
            tree.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        }
    }
}
