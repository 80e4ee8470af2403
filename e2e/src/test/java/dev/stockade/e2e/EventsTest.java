package dev.stockade.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(SharedFleet.class)
class EventsTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    private final Fleet fleet;
    private final Api api;

    EventsTest(Fleet fleet) {
        this.fleet = fleet;
        api = new Api(fleet);
    }

    @Test
    void shouldPublishEveryStepOfALifeInOrder() throws Exception {
        String id = api.create("sleep", "1000");
        api.awaitState(id, "RUNNING", SOON);
        assertThat(fleet.stockade("exec", id, "sh", "-c", "exit 5").status()).isEqualTo(5);
        assertThat(fleet.stockade("stop", "-t", "0", id).status()).isZero();
        assertThat(fleet.stockade("rm", id).status()).isZero();

        try (EventLog log = new EventLog(fleet)) {
            List<EventLog.Event> events = log.awaitType(id, "deleted", SOON);

            assertThat(steps(events))
                    .containsExactly(
                            "created", "scheduled", "started", "exec-started", "exec-exited", "stopped", "deleted");
            shouldHaveNoHoles(events);
            for (EventLog.Event event : events) {
                assertThat(event.headers())
                        .containsEntry("ce_specversion", "1.0")
                        .containsEntry("ce_source", "/stockade/control-plane")
                        .containsEntry("ce_subject", id)
                        .containsKey("ce_id");
                assertThat(event.headers().get("content-type")).startsWith("application/json");
                assertThat(Instant.parse(event.headers().get("ce_time"))).isBefore(Instant.now());
                assertThat(event.data().path("sandboxId").asText()).isEqualTo(id);
                assertThat(event.data().path("tenant").asText()).isEqualTo("default");
                assertThat(event.data().path("incarnation").asLong()).isEqualTo(1);
            }
            assertThat(events).extracting(event -> event.headers().get("ce_id")).doesNotHaveDuplicates();
            assertThat(events)
                    .filteredOn(event -> event.type().equals("exec-exited"))
                    .extracting(event -> event.data().path("exitCode").asInt())
                    .containsExactly(5);
        }
    }

    @Test
    void shouldPublishForManySandboxesAtOnce() throws Exception {
        List<String> ids = java.util.stream.IntStream.range(0, 5)
                .mapToObj(i -> api.create("sh", "-c", "exit " + i))
                .toList();

        try (EventLog log = new EventLog(fleet)) {
            for (int i = 0; i < ids.size(); i++) {
                List<EventLog.Event> events = log.awaitType(ids.get(i), "stopped", SOON);
                assertThat(steps(events)).containsExactly("created", "scheduled", "started", "stopped");
                shouldHaveNoHoles(events);
                assertThat(events.getLast().data().path("exitCode").asInt()).isEqualTo(i);
            }
        }
    }

    /** What happened, without what a program happened to ask for in vain. */
    static List<String> steps(List<EventLog.Event> events) {
        return events.stream()
                .map(EventLog.Event::type)
                .filter(type -> !type.equals("unimplemented-syscall"))
                .distinct()
                .toList();
    }

    static void shouldHaveNoHoles(List<EventLog.Event> events) {
        assertThat(events)
                .extracting(EventLog.Event::sequence)
                .containsExactlyElementsOf(
                        LongStream.rangeClosed(1, events.size()).boxed().toList());
    }
}
