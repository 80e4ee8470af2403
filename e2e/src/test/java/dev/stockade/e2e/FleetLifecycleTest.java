package dev.stockade.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** up, status and down on fleets of their own. */
class FleetLifecycleTest {
    @BeforeAll
    static void requireKvm() {
        SharedFleet.assumeKvm();
    }

    @Test
    void shouldComeUpOnceAndLeaveNothingBehind() throws Exception {
        try (Fleet fleet = new Fleet()) {
            assertThat(fleet.stockade("status").status()).isEqualTo(1);
            fleet.up();
            Map<String, Long> pids = fleet.pids();
            assertThat(pids.keySet()).containsExactlyInAnyOrder("kafka", "control-plane", "gofer-node", "sentry-node");

            Launched.Result again = fleet.stockade("up");
            assertThat(again.status()).isZero();
            assertThat(again.err()).contains("is up already");
            assertThat(fleet.pids()).isEqualTo(pids);
            Launched.Result status = fleet.stockade("status");
            assertThat(status.status()).as(status.out()).isZero();
            assertThat(status.out()).contains(Integer.toString(fleet.base + 30));
            assertThat(fleet.stockade("run", "busybox", "echo", "works").out()).isEqualTo("works\n");

            // A control plane that is killed leaves its database behind; the next up mends that.
            ProcessHandle.of(pids.get("control-plane")).orElseThrow().destroyForcibly();
            Await.until(Fleet.COMMAND_TIME, () -> fleet.stockade("status").status(), seen -> seen == 1);
            fleet.up();
            assertThat(fleet.pids().get("kafka")).isEqualTo(pids.get("kafka"));
            assertThat(fleet.stockade("run", "busybox", "echo", "mended").out()).isEqualTo("mended\n");

            Map<Long, String> before = fleet.processes();
            assertThat(before).hasSizeGreaterThan(4); // the database's too
            assertThat(fleet.stockade("down").status()).isZero();

            assertThat(fleet.processes()).isEmpty();
            assertThat(before.keySet()).noneMatch(Fleet::isRunning);
            assertThat(fleet.ports()).allMatch(Fleet::isFree);
            Launched.Result downAgain = fleet.stockade("down");
            assertThat(downAgain.status()).isZero();
            assertThat(downAgain.err()).contains("no fleet was up");
        }
    }

    @Test
    void shouldNameThePortThatIsTaken() throws Exception {
        try (Fleet fleet = new Fleet();
                ServerSocket taken = new ServerSocket()) {
            taken.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), fleet.base + 20));

            Launched.Result result = fleet.stockade("up");

            assertThat(result.status()).isEqualTo(125);
            assertThat(result.err())
                    .contains(Integer.toString(fleet.base + 20))
                    .contains("sentry-node")
                    .contains("--port-base")
                    .contains("(pid " + ProcessHandle.current().pid() + ")");
            assertThat(fleet.processes()).isEmpty();
        }
    }
}
