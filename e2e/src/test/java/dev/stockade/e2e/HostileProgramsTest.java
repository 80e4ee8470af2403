package dev.stockade.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Programs that try to break out, next to others that must not notice. */
@ExtendWith(SharedFleet.class)
class HostileProgramsTest {
    private static final Duration HOSTILE_TIME = Duration.ofSeconds(240);

    private final Fleet fleet;

    HostileProgramsTest(Fleet fleet) {
        this.fleet = fleet;
    }

    @Test
    void shouldContainHostileProgramsWhileOthersAreServed() throws Exception {
        Path root = Files.createTempDirectory("stockade-hostile");
        Path sources = Fleet.ROOT.resolve("conformance/programs/hostile");
        List<String> programs = new ArrayList<>();
        try (Stream<Path> files = Files.list(sources)) {
            for (Path source : files.filter(file -> file.toString().endsWith(".c"))
                    .sorted()
                    .toList()) {
                String name = source.getFileName().toString().replace(".c", "");
                Programs.compileFile(root.resolve(name), source);
                programs.add(name);
            }
        }
        Files.createDirectory(root.resolve("tmp"));
        Launched.Result imported = fleet.stockade("import", "hostile", root.toString());
        assertThat(imported.status()).as(imported.err()).isZero();
        long sentry = fleet.pids().get("sentry-node");

        for (String program : programs) {
            try (Launched hostile =
                    fleet.launch("run", "--rm", "-m", "128m", "--max-tasks", "64", "hostile", "/" + program)) {
                hostile.input("");
                // Others are served meanwhile.
                assertThat(fleet.stockade("run", "--rm", "busybox", "sh", "-c", "echo served | cat"))
                        .isEqualTo(new Launched.Result(0, "served\n", ""));
                Launched.Result result = hostile.await(HOSTILE_TIME);
                assertThat(result.status())
                        .as("%s: %s %s", program, result.out(), result.err())
                        .isZero();
            }
        }

        assertThat(fleet.pids().get("sentry-node")).isEqualTo(sentry);
        assertThat(fleet.stockade("status").status()).isZero();
        deleteTree(root);
    }

    @Test
    void shouldKillASandboxThatOutlivesItsTime() throws Exception {
        Launched.Result result =
                fleet.stockade("run", "--timeout", "2s", "busybox", "sh", "-c", "echo began; while :; do :; done");

        assertThat(result.out()).isEqualTo("began\n");
        assertThat(result.status()).isEqualTo(137);
    }

    private static void deleteTree(Path root) throws IOException {
        try (Stream<Path> tree = Files.walk(root)) {
            tree.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        }
    }
}
