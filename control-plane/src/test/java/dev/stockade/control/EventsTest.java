package dev.stockade.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.control.fleet.ApiClient;
import dev.stockade.control.fleet.Await;
import dev.stockade.control.fleet.ControlPlaneTest;
import dev.stockade.control.fleet.FakeBroker;
import dev.stockade.control.fleet.FakeGofer;
import dev.stockade.control.fleet.FakeSentry;
import dev.stockade.control.storage.EventRow;
import dev.stockade.proto.sentry.v1.ExitStatus;
import dev.stockade.proto.sentry.v1.NodeEvent;
import io.restassured.RestAssured;
import io.smallrye.reactive.messaging.ce.OutgoingCloudEventMetadata;
import io.smallrye.reactive.messaging.kafka.api.OutgoingKafkaRecordMetadata;
import io.smallrye.reactive.messaging.memory.InMemoryConnector;
import io.vertx.core.json.JsonObject;
import jakarta.inject.Inject;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.LongStream;
import org.eclipse.microprofile.reactive.messaging.Message;
import org.eclipse.microprofile.reactive.messaging.spi.Connector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@ControlPlaneTest
class EventsTest {
    @Inject
    FakeBroker broker;

    @Inject
    @Connector("smallrye-in-memory")
    InMemoryConnector channels;

    private final ApiClient api = new ApiClient();
    private FakeGofer gofer;
    private FakeSentry sentry;

    @BeforeEach
    void startNodes() {
        gofer = new FakeGofer("gofer-events");
        sentry = new FakeSentry("sentry-events");
        Await.until("it is watched", sentry::isWatched);
    }

    @AfterEach
    void stopNodes() {
        broker.setDown(false);
        broker.setLosesAnswers(false);
        sentry.close();
        gofer.close();
    }

    private void awaitTypes(String id, String... types) {
        Await.until(id + " has " + List.of(types), () -> broker.typesOf(id).equals(List.of(types)));
    }

    private static void assertWithoutHoles(List<EventRow> events) {
        assertThat(events.stream().map(EventRow::sequence).distinct())
                .containsExactlyElementsOf(
                        LongStream.rangeClosed(1, events.getLast().sequence())
                                .boxed()
                                .toList());
    }

    @Test
    void shouldTellOfAWholeLifeInOrder() {
        String id = api.running("cat");
        String execution = api.execution(id, "exit", "3");
        sentry.event(
                id,
                NodeEvent.newBuilder()
                        .setType("exec-started")
                        .setExecutionId(execution)
                        .build());
        sentry.event(
                id,
                NodeEvent.newBuilder()
                        .setType("unimplemented-syscall")
                        .putAttributes("syscall", "io_uring_setup")
                        .build());
        sentry.event(
                id,
                NodeEvent.newBuilder()
                        .setType("exec-exited")
                        .setExecutionId(execution)
                        .setExit(ExitStatus.newBuilder().setCode(3))
                        .build());
        sentry.event(id, NodeEvent.newBuilder().setType("oom-kill").build());
        awaitTypes(
                id,
                "created",
                "scheduled",
                "started",
                "exec-started",
                "unimplemented-syscall",
                "exec-exited",
                "oom-kill");
        sentry.exit(id, 137, "oom-killed");
        api.awaitState(id, "STOPPED");
        api.request().delete("/v1/sandboxes/" + id).then().statusCode(204);

        awaitTypes(
                id,
                "created",
                "scheduled",
                "started",
                "exec-started",
                "unimplemented-syscall",
                "exec-exited",
                "oom-kill",
                "stopped",
                "deleted");
        List<EventRow> events = broker.of(id);
        assertWithoutHoles(events);
        JsonObject exited = new JsonObject(events.get(5).data());
        assertThat(exited.getString("executionId")).isEqualTo(execution);
        assertThat(exited.getInteger("exitCode")).isEqualTo(3);
        JsonObject stopped = new JsonObject(events.get(7).data());
        assertThat(stopped.getString("tenant")).isEqualTo(api.tenant);
        assertThat(stopped.getString("reason")).isEqualTo("oom-killed");
        assertThat(stopped.getInteger("signal")).isEqualTo(9);
        assertThat(new JsonObject(events.get(4).data()).getString("syscall")).isEqualTo("io_uring_setup");
    }

    @Test
    void shouldSendCloudEventsKeyedBySandbox() {
        String id = api.running("cat");
        awaitTypes(id, "created", "scheduled", "started");

        Message<?> message = channels.sink("sandbox-events").received().stream()
                .filter(m -> cloudEvent(m).getSubject().equals(Optional.of(id)))
                .findFirst()
                .orElseThrow();

        OutgoingCloudEventMetadata<?> cloudEvent = cloudEvent(message);
        assertThat(cloudEvent.getType()).isEqualTo("dev.stockade.sandbox.created");
        assertThat(cloudEvent.getSource()).isEqualTo(URI.create("/stockade/control-plane"));
        assertThat(cloudEvent.getId())
                .isEqualTo(broker.of(id).getFirst().eventId().toString());
        assertThat(cloudEvent.getDataContentType()).contains("application/json");
        assertThat(message.getMetadata(OutgoingKafkaRecordMetadata.class)
                        .orElseThrow()
                        .getKey())
                .isEqualTo(id);
        assertThat(new JsonObject(new String((byte[]) message.getPayload(), java.nio.charset.StandardCharsets.UTF_8))
                        .getString("sandboxId"))
                .isEqualTo(id);
    }

    private static OutgoingCloudEventMetadata<?> cloudEvent(Message<?> message) {
        return message.getMetadata(OutgoingCloudEventMetadata.class).orElseThrow();
    }

    @Test
    void shouldServeRequestsAndLoseNothingWhileTheBrokerIsDown() {
        broker.setDown(true);
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            String id = api.running("cat");
            api.request()
                    .body("{}")
                    .post("/v1/sandboxes/" + id + "/stop")
                    .then()
                    .statusCode(200);
            ids.add(id);
        }
        Await.until(
                "the health says so",
                () -> RestAssured.get("/q/health/ready")
                        .<String>path("checks.find { it.name == 'events' }.data.broker")
                        .contains("down"));
        RestAssured.get("/q/health/ready").then().statusCode(200);
        assertThat(ids).allSatisfy(id -> assertThat(broker.of(id)).isEmpty());

        broker.setDown(false);

        ids.forEach(id -> awaitTypes(id, "created", "scheduled", "started", "stopped"));
    }

    @Test
    void shouldSendAgainWithTheSameIdWhatWasNotAcknowledged() {
        broker.setLosesAnswers(true);
        String id = api.running("cat");
        Await.until("it was sent twice", () -> broker.of(id).size() >= 2);
        assertThat(broker.of(id).stream().map(EventRow::eventId).distinct()).hasSize(1);

        broker.setLosesAnswers(false);

        Await.until("the rest came", () -> broker.typesOf(id).contains("started"));
        assertWithoutHoles(broker.of(id));
    }

    @Test
    void shouldKeepTheOrderOfEachSandboxUnderLoad() throws Exception {
        try (ExecutorService clients = Executors.newFixedThreadPool(4)) {
            List<Future<String>> lives = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                lives.add(clients.submit(() -> {
                    String id = api.running("cat");
                    for (int n = 0; n < 5; n++) {
                        sentry.event(
                                id, NodeEvent.newBuilder().setType("oom-kill").build());
                    }
                    sentry.exit(id, 0, "exited");
                    Await.until(id + " stopped", () -> broker.typesOf(id).contains("stopped"));
                    api.request().delete("/v1/sandboxes/" + id).then().statusCode(204);
                    return id;
                }));
            }
            for (Future<String> life : lives) {
                String id = life.get();
                Await.until(id + " is over", () -> broker.typesOf(id).contains("deleted"));
                assertThat(broker.of(id).stream().map(EventRow::sequence).toList())
                        .containsExactlyElementsOf(
                                LongStream.rangeClosed(1, 10).boxed().toList());
            }
        }
    }

    @Test
    void shouldNotTakeMoreThanThereIs() throws Exception {
        int room = 5;
        try (FakeSentry small = new FakeSentry("sentry-small-" + UUID.randomUUID(), FakeSentry.capacity(room));
                ExecutorService clients = Executors.newFixedThreadPool(16)) {
            JsonObject there = new JsonObject().put("nodeLabels", new JsonObject().put("kvm", "software"));
            sentry.close();
            List<Future<Integer>> answers = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                answers.add(clients.submit(() -> api.create(there, "cat").statusCode()));
            }
            List<Integer> codes = new ArrayList<>();
            for (Future<Integer> answer : answers) {
                codes.add(answer.get());
            }
            assertThat(codes).containsOnly(201, 503);
            assertThat(codes).filteredOn(code -> code == 201).hasSize(room);
            assertThat(small.held()).hasSize(room);

            // What ended makes room.
            small.exit(small.held().iterator().next(), 0, "exited");
            Await.until("there is room again", () -> api.create(there, "cat").statusCode() == 201);
        }
    }
}
