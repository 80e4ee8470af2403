package dev.stockade.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Parts of a fleet that are killed: what the others say and do, and that it mends. */
class FleetFailureTest {
    private static final Duration NODE_LOSS = Duration.ofSeconds(15);
    private static final Duration SOON = Duration.ofSeconds(60);
    private static Fleet fleet;
    private static Api api;

    @BeforeAll
    static void start() throws Exception {
        SharedFleet.assumeKvm();
        fleet = new Fleet();
        api = new Api(fleet);
    }

    /** Whatever the test before has killed. */
    @BeforeEach
    void makeWhole() throws Exception {
        fleet.up();
    }

    @AfterAll
    static void end() throws Exception {
        if (fleet != null) {
            fleet.close();
        }
    }

    private static void kill(String part) throws IOException {
        ProcessHandle.of(fleet.pids().get(part)).ifPresent(ProcessHandle::destroyForcibly);
    }

    @Test
    void shouldFailTheSandboxesOfANodeThatIsKilled() throws Exception {
        String background = api.create("sleep", "1000");
        api.awaitState(background, "RUNNING", SOON);
        try (Launched attached = fleet.launch("run", "busybox", "sh", "-c", "echo ready; sleep 1000")) {
            Await.until(SOON, attached::out, "ready\n"::equals);

            kill("sentry-node");

            api.awaitState(background, "FAILED", NODE_LOSS);
            Launched.Result result = attached.await(SOON);
            assertThat(result.status()).isEqualTo(125);
            assertThat(result.err()).contains("lost").contains("sentry-1");
        }
        try (EventLog log = new EventLog(fleet)) {
            List<EventLog.Event> events = log.awaitType(background, "failed", NODE_LOSS);
            EventsTest.shouldHaveNoHoles(events);
        }
        assertThat(fleet.stockade("status").status()).isEqualTo(1);

        Launched.Result again = fleet.stockade("run", "busybox", "echo", "back");
        assertThat(again.status()).as(again.err()).isZero();
        assertThat(again.out()).isEqualTo("back\n");
        assertThat(again.err()).contains("sentry-node");
        assertThat(fleet.stockade("status").status()).isZero();
    }

    @Test
    void shouldLoseNoEventWhileTheBrokerIsDown() throws Exception {
        kill("kafka");
        long until = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        List<String> ids = new ArrayList<>();
        while (System.nanoTime() < until) {
            // Requests keep working, without waiting for the broker.
            long began = System.nanoTime();
            String id = api.create("sh", "-c", "exit 3");
            api.awaitState(id, "STOPPED", SOON);
            assertThat(Duration.ofNanos(System.nanoTime() - began)).isLessThan(Duration.ofSeconds(15));
            ids.add(id);
            TimeUnit.SECONDS.sleep(1); // the time that the broker is away is what is tested
        }

        fleet.up();

        try (EventLog log = new EventLog(fleet)) {
            for (String id : ids) {
                List<EventLog.Event> events = log.awaitType(id, "stopped", SOON);
                assertThat(EventsTest.steps(events)).containsExactly("created", "scheduled", "started", "stopped");
                // At least once: a repeated event has the same number, and none is missing.
                List<Long> numbers =
                        events.stream().map(EventLog.Event::sequence).distinct().toList();
                assertThat(numbers)
                        .containsExactlyElementsOf(LongStream.rangeClosed(1, numbers.size())
                                .boxed()
                                .toList());
            }
        }
    }
}
