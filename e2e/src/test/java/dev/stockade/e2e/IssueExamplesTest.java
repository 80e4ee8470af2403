package dev.stockade.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What a user sees of `stockade run` and its neighbours. */
@ExtendWith(SharedFleet.class)
class IssueExamplesTest {
    private final Fleet fleet;

    IssueExamplesTest(Fleet fleet) {
        this.fleet = fleet;
    }

    @Test
    void shouldRunAShellWithPipesSubshellsAndJobs() throws Exception {
        Launched.Result result = fleet.stockade(
                "run",
                "busybox",
                "sh",
                "-c",
                "echo \"hello from $(uname -s) pid $$\"; ls / | sort | head -3; (echo b; echo a) | sort;"
                        + " sleep 100 & kill -TERM $!; wait $!");

        assertThat(result.status()).as(result.err()).isEqualTo(143);
        List<String> lines = result.out().lines().toList();
        assertThat(lines).hasSize(6);
        assertThat(lines.getFirst()).isEqualTo("hello from Linux pid 1");
        assertThat(lines.subList(1, 4)).isSorted();
        assertThat(lines.subList(4, 6)).containsExactly("a", "b");
    }

    @Test
    void shouldForwardStandardInput() throws Exception {
        assertThat(fleet.stockadeWithInput("from stdin\n", "run", "busybox", "cat"))
                .isEqualTo(new Launched.Result(0, "from stdin\n", ""));
    }

    @Test
    void shouldRunPipelinesInParallel() throws Exception {
        Launched.Result result = fleet.stockade(
                "run",
                "busybox",
                "sh",
                "-c",
                "for i in 1 2 3 4 5 6 7 8; do (dd if=/dev/urandom bs=64k count=16 2>/dev/null | md5sum > /tmp/$i) & done;"
                        + " wait; ls /tmp | wc -l; exit 7");

        assertThat(result).isEqualTo(new Launched.Result(7, "8\n", ""));
    }

    @Test
    void shouldCarryMuchInputAndOutputWithoutLoss() throws Exception {
        String text = "0123456789abcde\n".repeat(256 * 1024); // 4 MiB
        Launched.Result result = fleet.stockadeWithInput(text, "run", "busybox", "cat");

        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.out().length()).isEqualTo(text.length());
        assertThat(result.out()).isEqualTo(text);
    }

    @Test
    void shouldKeepStandardOutputAndErrorApart() throws Exception {
        assertThat(fleet.stockade("run", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3"))
                .isEqualTo(new Launched.Result(3, "out\n", "err\n"));
    }

    @Test
    void shouldEndAsShellsDoForCommandsThatCannotRun() throws Exception {
        assertThat(fleet.stockade("run", "busybox", "nosuchcommand").status()).isEqualTo(127);
        assertThat(fleet.stockade("run", "busybox", "/etc").status()).isEqualTo(126);
        Launched.Result noImage = fleet.stockade("run", "nosuchimage", "true");
        assertThat(noImage.status()).isEqualTo(125);
        assertThat(noImage.err()).contains("nosuchimage");
    }

    @Test
    void shouldGiveEnvironmentDirectoryUserAndHostname() throws Exception {
        Launched.Result result = fleet.stockade(
                "run",
                "--rm",
                "-e",
                "GREETING=hej då",
                "-w",
                "/tmp",
                "-u",
                "1000:100",
                "--hostname",
                "box",
                "busybox",
                "sh",
                "-c",
                "echo $GREETING; pwd; id -u; id -g; hostname");

        assertThat(result).isEqualTo(new Launched.Result(0, "hej då\n/tmp\n1000\n100\nbox\n", ""));
    }

    @Test
    void shouldPassSigintOnToTheProgram() throws Exception {
        try (Launched command = fleet.launch(
                "run",
                "busybox",
                "sh",
                "-c",
                "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 1; done")) {
            Await.until(Fleet.COMMAND_TIME, command::out, "ready\n"::equals);
            command.signal("INT");

            Launched.Result result = command.await(Fleet.COMMAND_TIME);

            assertThat(result.status()).as(result.err()).isEqualTo(9);
            assertThat(result.out()).isEqualTo("ready\ninterrupted\n");
        }
    }

    @Test
    void shouldExecLogsStopAndRemove() throws Exception {
        Launched.Result detached = fleet.stockade(
                "run",
                "-d",
                "--name",
                "box-one",
                "busybox",
                "sh",
                "-c",
                "echo logged; trap 'exit 0' TERM; sleep 1000 & wait");
        assertThat(detached.status()).as(detached.err()).isZero();
        String id = detached.out().strip();

        assertThat(fleet.stockade("ps").out()).contains("box-one").contains("RUNNING");
        assertThat(fleet.stockadeWithInput("inner\n", "exec", "box-one", "sh", "-c", "cat; exit 4"))
                .isEqualTo(new Launched.Result(4, "inner\n", ""));
        assertThat(fleet.stockade("exec", id.substring(0, 10), "hostname").status())
                .isZero();
        Await.until(Fleet.COMMAND_TIME, () -> fleet.stockade("logs", id).out(), "logged\n"::equals);
        assertThat(fleet.stockade("stop", "-t", "5", "box-one").status()).isZero();
        assertThat(fleet.stockade("ps").out()).doesNotContain("box-one");
        assertThat(fleet.stockade("ps", "-a").out()).contains("box-one").contains("STOPPED");
        assertThat(fleet.stockade("rm", "box-one").status()).isZero();
        assertThat(fleet.stockade("ps", "-a").out()).doesNotContain("box-one");
    }

    @Test
    void shouldPrintEventsAsTheBrokerHasThem() throws Exception {
        assertThat(fleet.stockade("run", "busybox", "true").status()).isZero();

        Await.until(
                Duration.ofSeconds(20),
                () -> fleet.stockade("events", "--max", "20").out(),
                text -> text.contains("stopped"));
        Launched.Result json = fleet.stockade("events", "--max", "3", "--json");
        assertThat(json.status()).isZero();
        List<String> lines = json.out().lines().toList();
        assertThat(lines).hasSize(3);
        for (String line : lines) {
            JsonNode event = Fleet.JSON.readTree(line);
            assertThat(event.path("specversion").asText()).isEqualTo("1.0");
            assertThat(event.path("type").asText()).startsWith("dev.stockade.sandbox.");
            assertThat(event.path("data").path("sequence").asLong()).isPositive();
        }
    }

    @Test
    void shouldDoAProgramWithoutAFleet(@TempDir Path root) throws Exception {
        Programs.compile(root.resolve("hello"), """
            #include <stdio.h>
            int main(int argc, char **argv) { printf("hello %s\\n", argv[1]); return 42; }
            """);

        assertThat(fleet.stockade("do", "--rootfs", root.toString(), "/hello", "there"))
                .isEqualTo(new Launched.Result(42, "hello there\n", ""));
    }

    @Test
    void shouldListImagesWithBusyboxOutOfTheBox() throws Exception {
        assertThat(fleet.stockade("run", "busybox", "true").status()).isZero(); // made on first use
        assertThat(fleet.stockade("images").out()).contains("busybox");
    }
}
