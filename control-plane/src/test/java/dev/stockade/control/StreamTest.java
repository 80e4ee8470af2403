package dev.stockade.control;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.equalTo;

import dev.stockade.control.fleet.ApiClient;
import dev.stockade.control.fleet.Await;
import dev.stockade.control.fleet.ControlPlaneTest;
import dev.stockade.control.fleet.FakeGofer;
import dev.stockade.control.fleet.FakeProgram;
import dev.stockade.control.fleet.FakeSentry;
import dev.stockade.control.fleet.StreamClient;
import io.quarkus.test.common.http.TestHTTPResource;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@ControlPlaneTest
class StreamTest {
    /** More than all windows and socket buffers between the node and a client hold. */
    private static final long FLOOD_BYTES = 96L << 20;

    @TestHTTPResource
    String base;

    private final ApiClient api = new ApiClient();
    private FakeGofer gofer;
    private FakeSentry sentry;

    @BeforeEach
    void startNodes() {
        gofer = new FakeGofer("gofer-stream");
        sentry = new FakeSentry("sentry-stream");
    }

    @AfterEach
    void stopNodes() {
        sentry.close();
        gofer.close();
    }

    private StreamClient attach(String sandbox, String execution) {
        return attach(sandbox, execution, true);
    }

    private StreamClient attach(String sandbox, String execution, boolean reads) {
        String root = base.replaceFirst("/$", "");
        return new StreamClient(root, api.tenant, sandbox, execution, reads);
    }

    private FakeProgram program() {
        return Await.value("the program runs", () -> sentry.programs.isEmpty() ? null : sentry.programs.getLast());
    }

    @Test
    void shouldStartTheCommandAndCarryItsStreams() {
        String id = api.waiting("cat");
        try (StreamClient client = attach(id, "main")) {
            client.send(0, "hello ".getBytes(StandardCharsets.UTF_8));
            client.send(0, "world".getBytes(StandardCharsets.UTF_8));
            client.send(4, "{\"resize\":{\"rows\":50,\"columns\":132}}".getBytes(StandardCharsets.UTF_8));
            client.send(0, new byte[0]);

            assertThat(client.last().getInteger("exitCode")).isZero();
            assertThat(client.statuses.getFirst().getBoolean("started")).isTrue();
            assertThat(client.statuses.getFirst().getInteger("pid")).isEqualTo(42);
            assertThat(client.stdout()).asString().isEqualTo("hello world");
            assertThat(program().rows).isEqualTo(50);
        }
        api.awaitState(id, "STOPPED");
    }

    @Test
    void shouldPassOnStderrAndTheExitStatus() {
        String id = api.waiting("exit", "7");
        try (StreamClient client = attach(id, "main")) {
            assertThat(client.last().getInteger("exitCode")).isEqualTo(7);
            assertThat(client.last().getInteger("signal")).isZero();
            assertThat(client.stderr()).isEqualTo("bye");
        }
    }

    @Test
    void shouldPassOnSignals() {
        String id = api.waiting("hang");
        try (StreamClient client = attach(id, "main")) {
            client.send(4, "{\"signal\":2}".getBytes(StandardCharsets.UTF_8));

            assertThat(client.last().getInteger("exitCode")).isEqualTo(130);
            assertThat(client.last().getInteger("signal")).isEqualTo(2);
        }
    }

    @Test
    void shouldRunAFurtherCommand() {
        String id = api.running("hang");
        String execution = api.execution(id, "exit", "3");
        try (StreamClient client = attach(id, execution)) {
            assertThat(client.last().getInteger("exitCode")).isEqualTo(3);
        }
        Await.until(
                "the execution is written down",
                () -> Integer.valueOf(3)
                        .equals(api.request()
                                .get("/v1/sandboxes/" + id + "/executions/" + execution)
                                .path("exitCode")));
        assertThat(api.state(id)).isEqualTo("RUNNING");
    }

    @Test
    void shouldSayWhyAProgramCanNotRun() {
        String id = api.running("hang");
        try (StreamClient client = attach(id, api.execution(id, "missing"))) {
            assertThat(client.last().getString("error")).isEqualTo("missing: not found");
            assertThat(client.last().getInteger("exitCode")).isEqualTo(127);
        }
    }

    @Test
    void shouldMakeTheProgramWaitForASlowClientAndLoseNothing() {
        String id = api.waiting("flood", Long.toString(FLOOD_BYTES));
        try (StreamClient client = attach(id, "main", false)) {
            FakeProgram flood = program();
            Await.until("the first bytes are on their way", () -> flood.written.get() > 0);
            long held = settled(flood);
            assertThat(held).as("bytes written for a client that reads none").isLessThan(FLOOD_BYTES / 2);

            client.read();
            assertThat(client.last().getInteger("exitCode")).isZero();
            assertThat(client.stdoutBytes.get()).isEqualTo(FLOOD_BYTES);
            byte[] stdout = client.stdout();
            for (int i = 0; i < stdout.length; i += 1021) {
                // FakeProgram counts per chunk of 64 KiB.
                assertThat(stdout[i]).isEqualTo((byte) (((i / 65536) * 65536L + i % 65536) % 251));
            }
        }
    }

    /** The value that does not grow any more. */
    private static long settled(FakeProgram flood) {
        long before = -1;
        while (before != flood.written.get()) {
            before = flood.written.get();
            try {
                TimeUnit.MILLISECONDS.sleep(300);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
        return before;
    }

    @Test
    void shouldMakeTheClientWaitForASlowProgram() throws Exception {
        String id = api.waiting("sink");
        try (StreamClient client = attach(id, "main")) {
            FakeProgram sink = program();
            byte[] chunk = new byte[64 << 10];
            int sent = 0;
            var last = client.sendAsync(0, chunk);
            while (sent < 1000) {
                try {
                    last.get(2, TimeUnit.SECONDS);
                } catch (java.util.concurrent.TimeoutException e) {
                    break;
                }
                sent++;
                last = client.sendAsync(0, chunk);
            }
            assertThat(sent)
                    .as("chunks taken from the client though the program reads none")
                    .isLessThan(600);

            sink.read(100_000);
            last.get(20, TimeUnit.SECONDS);
            long expected = (sent + 1L) * chunk.length;
            Await.until("everything arrived", () -> sink.received.get() == expected);
        }
    }

    @Test
    void shouldLeaveTheCommandAloneWhenTheClientGoesAway() throws Exception {
        String id = api.waiting("hang");
        StreamClient client = attach(id, "main");
        Await.until("it runs", () -> !client.statuses.isEmpty());

        client.abort();

        assertThat(program().cancelled.await(10, TimeUnit.SECONDS)).isTrue();
        api.awaitState(id, "RUNNING");
        client.close();
    }

    @Test
    void shouldSayThatTheNodeWasLost() {
        String id = api.waiting("hang");
        try (StreamClient client = attach(id, "main")) {
            Await.until("it runs", () -> !client.statuses.isEmpty());

            sentry.kill();

            assertThat(client.last().getString("error")).startsWith("node lost");
            assertThat(client.last().getInteger("exitCode")).isEqualTo(125);
        }
        api.awaitState(id, "FAILED");
    }

    @Test
    void shouldSayWhatIsWrongInAStatusFrame() {
        String id = api.waiting("hang");
        try (StreamClient client = attach("nosuch", "main")) {
            assertThat(client.last().getString("error")).contains("no sandbox nosuch");
            assertThat(client.last().getInteger("exitCode")).isEqualTo(125);
        }
        try (StreamClient client = attach(id, "ex-nosuch")) {
            assertThat(client.last().getString("error")).contains("no execution ex-nosuch");
        }
        try (StreamClient client = attach(id, "main")) {
            client.send(9, new byte[] {1});
            assertThat(client.last().getString("error")).contains("channel 9");
        }
        try (StreamClient client = attach(id, "main")) {
            client.send(4, "{\"signal\":\"TERM\"}".getBytes(StandardCharsets.UTF_8));
            assertThat(client.last().getString("error")).contains("control frame");
        }
        try (StreamClient client = attach(id, "main")) {
            client.sendText("hello");
            assertThat(client.last().getString("error")).contains("binary");
        }
    }

    @Test
    void shouldRefuseOtherPages() {
        given().header("Connection", "Upgrade")
                .header("Upgrade", "websocket")
                .header("Sec-WebSocket-Version", "13")
                .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
                .header("Origin", "https://elsewhere.example")
                .get("/v1/sandboxes/x/executions/main/stream")
                .then()
                .statusCode(403)
                .body("type", equalTo("urn:stockade:problem:origin-not-allowed"));
    }
}
