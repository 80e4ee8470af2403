package dev.stockade.cli.fleet;

import dev.stockade.cli.CliException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * The fleet of one STOCKADE_HOME. What runs is what fleet.json names and /proc confirms; a file lock keeps two
 * commands from starting or ending it at once.
 */
public final class LocalFleet {
    private static final Duration START_DEADLINE = Duration.ofSeconds(180);
    private static final Duration STOP_GRACE = Duration.ofSeconds(15);
    private static final long POLL_MS = 100;

    private final Path home;
    private final Progress progress;

    public LocalFleet(Path home, Progress progress) {
        this.home = home;
        this.progress = progress;
    }

    public static Path homeOfUser() {
        String configured = System.getenv("STOCKADE_HOME");
        return configured == null || configured.isEmpty()
                ? Path.of(System.getProperty("user.home"), ".stockade")
                : Path.of(configured).toAbsolutePath();
    }

    public Path home() {
        return home;
    }

    public Optional<FleetState> state() {
        return FleetState.load(stateFile());
    }

    /** True when every part is known and its process lives. */
    public boolean isComplete(FleetState state) {
        for (PartName part : PartName.values()) {
            if (!state.isAlive(part)) {
                return false;
            }
        }
        return true;
    }

    /** Starts what does not run; returns once every part is healthy. */
    public FleetState up(Installation installation, Optional<PortLayout> wantedPorts) throws InterruptedException {
        KvmAccess.require();
        return locked(() -> upLocked(installation, wantedPorts));
    }

    private FleetState upLocked(Installation installation, Optional<PortLayout> wantedPorts)
            throws InterruptedException {
        FleetState state = state().orElse(new FleetState(wantedPorts.orElse(defaultPorts()), Map.of()));
        List<PartName> missing = new ArrayList<>();
        for (PartName part : PartName.values()) {
            if (!state.isAlive(part)) {
                missing.add(part);
            }
        }
        boolean nothingRuns = missing.size() == PartName.values().length;
        if (wantedPorts.isPresent() && !wantedPorts.get().equals(state.ports())) {
            if (!nothingRuns) {
                throw new CliException("the fleet of " + home + " is up on port base "
                        + state.ports().base() + ": `stockade down` first");
            }
            state = new FleetState(wantedPorts.get(), Map.of());
        }
        if (missing.isEmpty()) {
            progress.say("the fleet is up already: " + state.ports().apiUrl());
            return state;
        }
        if (missing.contains(PartName.CONTROL_PLANE)) {
            stopPostgres();
        }
        requireFreePorts(state.ports(), missing);
        progress.say(
                nothingRuns
                        ? "starting the local fleet in " + home + " (some 15 s)"
                        : "starting again what has ended: " + labels(missing));
        PartCommand commands = new PartCommand(installation, state.ports(), home);
        Map<PartName, List<String>> commandLines = new EnumMap<>(PartName.class);
        for (PartName part : missing) {
            commandLines.put(part, commands.of(part));
        }
        Map<PartName, Process> started = new EnumMap<>(PartName.class);
        try {
            for (Map.Entry<PartName, List<String>> entry : commandLines.entrySet()) {
                PartName part = entry.getKey();
                Process process = DetachedProcess.start(entry.getValue(), home, log(part));
                started.put(part, process);
                ProcessIdentity identity =
                        ProcessIdentity.of(process.pid()).orElseThrow(() -> failed(part, "ended at once"));
                state = state.with(
                        part, new FleetState.Part(identity, installation.version(part), System.currentTimeMillis()));
                state.save(stateFile());
            }
            awaitHealth(state.ports(), started);
        } catch (CliException | InterruptedException e) {
            // Nothing half-started stays behind.
            stop(state, started.keySet());
            throw e;
        }
        progress.say("the fleet is up after " + progress.elapsed() + ": "
                + state.ports().apiUrl());
        return state;
    }

    private void requireFreePorts(PortLayout ports, List<PartName> parts) {
        List<String> taken = new ArrayList<>();
        for (PartName part : parts) {
            ports.of(part).forEach((use, port) -> {
                if (!PortUse.isFree(port)) {
                    taken.add(port + " (" + part.label() + " " + use + ") is taken"
                            + PortUse.listener(port).map(who -> " by " + who).orElse(""));
                }
            });
        }
        if (!taken.isEmpty()) {
            throw new CliException("port " + String.join(", port ", taken)
                    + "; choose others with --port-base or STOCKADE_PORT_BASE (now " + ports.base() + ")");
        }
    }

    private void awaitHealth(PortLayout ports, Map<PartName, Process> started) throws InterruptedException {
        long deadline = System.nanoTime() + START_DEADLINE.toNanos();
        Map<PartName, String> answers = new EnumMap<>(PartName.class);
        try (HealthProbe probe = new HealthProbe(ports)) {
            while (true) {
                for (Map.Entry<PartName, Process> entry : started.entrySet()) {
                    PartName part = entry.getKey();
                    if (!entry.getValue().isAlive()) {
                        throw failed(
                                part, "ended with status " + entry.getValue().exitValue());
                    }
                    if (!HealthProbe.isHealthy(answers.getOrDefault(part, ""))) {
                        String answer = probe.ask(part);
                        answers.put(part, answer);
                        if (HealthProbe.isHealthy(answer)) {
                            progress.say("  " + part.label() + " is healthy after " + progress.elapsed());
                        }
                    }
                }
                if (answers.values().stream().allMatch(HealthProbe::isHealthy)) {
                    return;
                }
                if (System.nanoTime() > deadline) {
                    for (PartName part : started.keySet()) {
                        if (!HealthProbe.isHealthy(answers.getOrDefault(part, ""))) {
                            throw failed(part, answers.get(part) + " for " + START_DEADLINE.toSeconds() + " s");
                        }
                    }
                }
                TimeUnit.MILLISECONDS.sleep(POLL_MS);
            }
        }
    }

    private CliException failed(PartName part, String what) {
        StringBuilder message = new StringBuilder(
                "the " + part.label() + " did not start: " + what + "; the end of " + log(part) + ":");
        for (String line : DetachedProcess.tail(log(part), 20)) {
            message.append("\n  ").append(line);
        }
        return new CliException(message.toString());
    }

    /** Ends every part; true if there was one to end. */
    public boolean down() throws InterruptedException {
        if (!Files.isDirectory(home)) {
            return false;
        }
        return locked(this::downLocked);
    }

    private boolean downLocked() throws InterruptedException, IOException {
        Optional<FleetState> state = state();
        boolean any =
                !new EmbeddedPostgres(home.resolve("data/postgres")).running().isEmpty();
        if (state.isPresent()) {
            for (PartName part : PartName.values()) {
                any |= state.get().isAlive(part);
            }
            stop(state.get(), List.of(PartName.values()));
            Files.deleteIfExists(stateFile());
        }
        stopPostgres();
        return any;
    }

    /** Asks every part how it is. */
    public List<PartStatus> status(FleetState state) throws InterruptedException {
        List<PartStatus> all = new ArrayList<>();
        try (HealthProbe probe = new HealthProbe(state.ports())) {
            for (PartName name : PartName.values()) {
                FleetState.Part part = state.parts().get(name);
                Map<String, Integer> ports = state.ports().of(name);
                if (part == null || !part.process().isAlive()) {
                    all.add(new PartStatus(
                            name, 0, part == null ? "not started" : "ended", Duration.ofSeconds(-1), "-", ports));
                } else {
                    Duration uptime = Duration.ofMillis(System.currentTimeMillis() - part.startedAtMillis());
                    all.add(new PartStatus(name, part.process().pid(), probe.ask(name), uptime, part.version(), ports));
                }
            }
        }
        return all;
    }

    private void stop(FleetState state, Iterable<PartName> parts) throws InterruptedException {
        List<PartName> order = new ArrayList<>();
        parts.forEach(order::addFirst);
        for (PartName part : order) {
            FleetState.Part found = state.parts().get(part);
            if (found != null && found.process().isAlive()) {
                long began = System.nanoTime();
                String how = ProcessEnd.end(found.process(), STOP_GRACE);
                progress.say("  " + part.label() + " " + how + " in " + Progress.seconds(System.nanoTime() - began));
            }
            if (part == PartName.CONTROL_PLANE) {
                stopPostgres();
            }
        }
    }

    private void stopPostgres() throws InterruptedException {
        for (ProcessIdentity postmaster : new EmbeddedPostgres(home.resolve("data/postgres")).running()) {
            ProcessEnd.end(postmaster, STOP_GRACE);
            progress.say("  the control plane's database, left behind, has ended");
        }
    }

    private interface Step<T> {
        T run() throws IOException, InterruptedException;
    }

    private <T> T locked(Step<T> step) throws InterruptedException {
        try {
            Files.createDirectories(home);
            // Closing the channel gives the lock back.
            try (FileChannel channel =
                    FileChannel.open(home.resolve("fleet.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
                if (channel.tryLock() == null) {
                    progress.say("another stockade is starting or ending this fleet: waiting for it");
                    channel.lock();
                }
                return step.run();
            }
        } catch (IOException e) {
            throw new CliException("cannot use " + home + ": " + e.getMessage(), e);
        }
    }

    private static PortLayout defaultPorts() {
        return new PortLayout(PortLayout.DEFAULT_BASE);
    }

    private static String labels(List<PartName> parts) {
        return String.join(", ", parts.stream().map(PartName::label).toList());
    }

    public Path log(PartName part) {
        return home.resolve("logs").resolve(part.label() + ".log");
    }

    private Path stateFile() {
        return home.resolve("fleet.json");
    }
}
