package dev.stockade.control;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.control.fleet.ApiClient;
import dev.stockade.control.fleet.Await;
import dev.stockade.control.fleet.ControlPlaneTest;
import dev.stockade.control.fleet.FakeBroker;
import dev.stockade.control.fleet.FakeGofer;
import dev.stockade.control.fleet.FakeSentry;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@ControlPlaneTest
class NodeLossTest {
    @Inject
    FakeBroker broker;

    private final ApiClient api = new ApiClient();
    private FakeGofer gofer;
    private FakeSentry sentry;

    @BeforeEach
    void startNodes() {
        gofer = new FakeGofer("gofer-loss");
        sentry = new FakeSentry("sentry-loss-" + UUID.randomUUID());
        Await.until("it is watched", sentry::isWatched);
    }

    @AfterEach
    void stopNodes() {
        sentry.close();
        gofer.close();
    }

    private void awaitFailure(String id, String reason) {
        api.awaitState(id, "FAILED");
        assertThat(api.field(id, "reason")).isEqualTo(reason);
        Await.until("the event is published", () -> broker.typesOf(id).contains("failed"));
    }

    @Test
    void shouldFailTheSandboxesOfAKilledNodeInTime() {
        List<String> ids = List.of(api.running("hang"), api.running("hang"), api.waiting("cat"));
        long killedNs = System.nanoTime();

        sentry.kill();

        ids.forEach(id -> awaitFailure(id, "node-lost"));
        assertThat(Duration.ofNanos(System.nanoTime() - killedNs)).isLessThan(Duration.ofSeconds(15));
        assertThat(broker.typesOf(ids.getFirst())).containsExactly("created", "scheduled", "started", "failed");
        assertThat(broker.of(ids.getFirst()).getLast().data())
                .contains("\"reason\":\"node-lost\"", "\"node\":\"" + sentry.id() + "\"", "\"sequence\":4");
        assertThat(given().get("/v1/nodes").<String>path("items.find { it.id == '" + sentry.id() + "' }.state"))
                .isEqualTo("LOST");
    }

    @Test
    void shouldFailTheSandboxesOfARestartedNode() {
        String id = api.running("hang");

        sentry.restart();

        awaitFailure(id, "node-lost");
        String next = api.running("hang");
        assertThat(api.field(next, "node")).isEqualTo(sentry.id());
    }

    @Test
    void shouldFailTheSandboxesOfANodeThatShutsDown() {
        String id = api.running("hang");

        sentry.registration().silence();
        sentry.registration().deregister();

        awaitFailure(id, "node-shutdown");
    }

    @Test
    void shouldEndTheExecutionsOfALostNode() {
        String id = api.running("hang");
        String execution = api.execution(id, "hang");
        sentry.event(
                id,
                dev.stockade.proto.sentry.v1.NodeEvent.newBuilder()
                        .setType("exec-started")
                        .setExecutionId(execution)
                        .build());
        Await.until("it started", () -> broker.typesOf(id).contains("exec-started"));

        sentry.kill();

        awaitFailure(id, "node-lost");
        assertThat(broker.typesOf(id))
                .containsExactly("created", "scheduled", "started", "exec-started", "exec-exited", "failed");
    }

    @Test
    void shouldDeleteWhatANodeHoldsThatWasGivenUp() {
        String id = api.running("hang");
        sentry.cutOff();
        awaitFailure(id, "node-lost");

        FakeSentry back = sentry;
        back.reconnect();

        Await.until("the sandbox is deleted there", () -> back.deleted.contains(id));
        assertThat(api.state(id)).isEqualTo("FAILED");
    }

    @Test
    void shouldNotGiveUpANodeThatAnswersThoughItsHeartbeatsDoNotArrive() {
        String id = api.running("hang");

        sentry.registration().silence();

        String lastHeartbeat = heartbeat();
        Await.until("it was asked", () -> !heartbeat().equals(lastHeartbeat));
        assertThat(api.state(id)).isEqualTo("RUNNING");
    }

    private String heartbeat() {
        return given().get("/v1/nodes").path("items.find { it.id == '" + sentry.id() + "' }.lastHeartbeat");
    }

    @Test
    void shouldDeleteSandboxesThatNobodyKnows() {
        sentry.plant("sb-unknown");

        sentry.breakWatches();

        Await.until("it is deleted", () -> sentry.deleted.contains("sb-unknown"));
    }

    @Test
    void shouldFailASandboxThatItsNodeForgot() {
        String id = api.running("hang");
        sentry.forget(id);

        sentry.breakWatches();

        awaitFailure(id, "unknown-on-node");
    }

    @Test
    void shouldLearnWhatItMissedWhileItDidNotWatch() {
        String id = api.running("hang");
        sentry.mute(true);
        sentry.exit(id, 9, "exited");
        assertThat(api.state(id)).isEqualTo("RUNNING");

        sentry.mute(false);
        sentry.breakWatches();

        api.awaitState(id, "STOPPED");
        assertThat(api.request().get("/v1/sandboxes/" + id).<Integer>path("exitCode"))
                .isEqualTo(9);
    }
}
