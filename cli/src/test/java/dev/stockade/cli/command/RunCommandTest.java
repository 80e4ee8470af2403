package dev.stockade.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stockade.cli.CommandProcess;
import dev.stockade.cli.FakeControlPlane;
import dev.stockade.cli.FakeControlPlane.Answer;
import dev.stockade.cli.FakeControlPlane.Request;
import dev.stockade.cli.api.ControlPlane;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RunCommandTest {
    private static final int STDOUT = 1;
    private static final int STDERR = 2;
    private static final int STATUS = 3;

    private FakeControlPlane server;

    @BeforeEach
    void start() throws IOException {
        server = new FakeControlPlane();
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    private CommandProcess.Result stockade(String... arguments) throws IOException, InterruptedException {
        try (CommandProcess command = new CommandProcess(server.url(), arguments)) {
            return command.input("").result();
        }
    }

    @Test
    void shouldEndWithTheStatusOfTheProgramAndKeepItsStreamsApart() throws Exception {
        server.playing(stream -> {
            stream.send(STATUS, "{\"started\":true,\"pid\":1}");
            stream.send(STDOUT, "to out\n");
            stream.send(STDERR, "to err\n");
            stream.sendFragmented(STDOUT, "in two ", "frames\n");
            stream.send(STATUS, "{\"exitCode\":7,\"signal\":0}");
            stream.receive();
        });

        CommandProcess.Result result = stockade("run", "busybox", "true");

        assertThat(result).isEqualTo(new CommandProcess.Result(7, "to out\nin two frames\n", "to err\n"));
        assertThat(server.requests).noneMatch(request -> request.method().equals("DELETE"));
    }

    @Test
    void shouldSayEverythingThatTheOptionsSay() throws Exception {
        server.playing(stream -> stream.send(STATUS, "{\"exitCode\":0,\"signal\":0}"));

        stockade(
                "run",
                "-e",
                "A=1",
                "-e",
                "B=x=y",
                "-w",
                "/tmp",
                "-u",
                "1000:100",
                "-m",
                "64m",
                "--cpus",
                "2",
                "--timeout",
                "2m",
                "--hostname",
                "box",
                "--name",
                "mine",
                "--init",
                "--max-tasks",
                "9",
                "busybox",
                "echo",
                "-e",
                "@x",
                "--",
                "--rm",
                "-h");

        JsonNode body = ControlPlane.JSON.readTree(server.requests.getFirst().body());
        JsonNode expected = ControlPlane.JSON.readTree("""
            {"env":{"A":"1","B":"x=y"},"workingDir":"/tmp","user":"1000:100","stdin":true,"tty":false,
             "image":"busybox","command":["echo","-e","@x","--","--rm","-h"],"startOnAttach":true,"init":true,
             "hostname":"box","name":"mine","memoryBytes":67108864,"cpus":2,"timeoutSeconds":120,"maxTasks":9}
            """);
        assertThat(body).isEqualTo(expected);
        assertThat(server.requests.getFirst().headers().get("traceparent"))
                .matches("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]");
    }

    @Test
    void shouldForwardStandardInputAndItsEnd() throws Exception {
        server.playing(stream -> {
            byte[] message;
            while ((message = stream.receive()).length > 1) {
                stream.send(STDOUT, new String(message, 1, message.length - 1, StandardCharsets.UTF_8));
            }
            stream.send(STATUS, "{\"exitCode\":" + (message.length == 1 ? message[0] : 99) + ",\"signal\":0}");
        });

        try (CommandProcess command = new CommandProcess(server.url(), "run", "busybox", "cat")) {
            CommandProcess.Result result = command.input("from stdin\n").result();

            assertThat(result).isEqualTo(new CommandProcess.Result(0, "from stdin\n", ""));
        }
    }

    @Test
    void shouldRemoveTheSandboxAfterwardsWhenToldTo() throws Exception {
        server.playing(stream -> stream.send(STATUS, "{\"exitCode\":3,\"signal\":0}"));
        server.answering("DELETE /v1/sandboxes/0123456789abcdef", Answer.json(204, ""));

        assertThat(stockade("run", "--rm", "busybox", "false").status()).isEqualTo(3);
        assertThat(server.requests).extracting(Request::method).contains("DELETE");
    }

    @Test
    void shouldTellTheServersErrorInOneLine() throws Exception {
        server.answering("POST /v1/sandboxes", Answer.problem(404, "there is no image nosuch"));

        assertThat(stockade("run", "nosuch", "true"))
                .isEqualTo(new CommandProcess.Result(125, "", "stockade: there is no image nosuch\n"));
    }

    @Test
    void shouldEndAsAShellWouldWhenTheProgramCannotStart() throws Exception {
        server.playing(stream -> stream.send(STATUS, "{\"error\":\"nosuch: not found\",\"exitCode\":127}"));

        assertThat(stockade("run", "busybox", "nosuch"))
                .isEqualTo(new CommandProcess.Result(127, "", "stockade: nosuch: not found\n"));
    }

    @Test
    void shouldPassSigintOnAndGiveUpOnTheSecond() throws Exception {
        CountDownLatch started = new CountDownLatch(1);
        CountDownLatch interrupted = new CountDownLatch(1);
        server.playing(stream -> {
            stream.send(STATUS, "{\"started\":true,\"pid\":1}");
            stream.send(STDOUT, "ready\n");
            started.countDown();
            byte[] message;
            while ((message = stream.receive()).length > 0) {
                if (new String(message, StandardCharsets.UTF_8).equals("\4{\"signal\":2}")) {
                    interrupted.countDown();
                }
            }
        });
        try (CommandProcess command = new CommandProcess(server.url(), "run", "busybox", "sleep", "1000")) {
            assertThat(started.await(20, TimeUnit.SECONDS)).isTrue();
            assertThat(command.process().getInputStream().read()).isEqualTo('r');
            command.signal("INT");
            assertThat(interrupted.await(20, TimeUnit.SECONDS)).isTrue();
            command.signal("INT");

            CommandProcess.Result result = command.result();

            assertThat(result.status()).isEqualTo(130);
            assertThat(result.err()).contains("stockade stop 0123456789ab");
        }
    }

    @Test
    void shouldEndQuietlyAndStopTheSandboxWhenNobodyReadsItsOutput() throws Exception {
        server.answering("POST /v1/sandboxes/0123456789abcdef/stop", Answer.json(200, "{}"));
        server.playing(stream -> {
            byte[] line = "y\n".repeat(8192).getBytes(StandardCharsets.UTF_8);
            while (true) {
                stream.send(STDOUT, line);
            }
        });
        try (CommandProcess command = new CommandProcess(server.url(), "run", "busybox", "yes")) {
            command.process().getInputStream().readNBytes(4);
            command.process().getInputStream().close();

            CommandProcess.Result result = command.result("");

            assertThat(result.status()).isEqualTo(141);
            assertThat(result.err()).isEmpty();
            assertThat(server.requests).extracting(Request::path).contains("/v1/sandboxes/0123456789abcdef/stop");
        }
    }

    @Test
    void shouldTakeNoMoreOutputThanItsReaderTakes() throws Exception {
        AtomicLong sent = new AtomicLong();
        byte[] chunk = new byte[32 * 1024];
        long total = 64L << 20;
        server.playing(stream -> {
            while (sent.get() < total) {
                stream.send(STDOUT, chunk);
                sent.addAndGet(chunk.length);
            }
            stream.send(STATUS, "{\"exitCode\":0,\"signal\":0}");
            stream.receive();
        });
        try (CommandProcess command = new CommandProcess(server.url(), "run", "busybox", "cat", "/dev/zero")) {
            command.process().getInputStream().read();
            long before;
            do { // until the sender has come to a stand
                before = sent.get();
                TimeUnit.MILLISECONDS.sleep(500);
            } while (sent.get() != before);

            // The buffers of two sockets and a pipe are in between, and nothing that grows.
            assertThat(sent.get()).isLessThan(16L << 20);
            long rest = command.process().getInputStream().transferTo(java.io.OutputStream.nullOutputStream());
            assertThat(rest + 1).isEqualTo(total);
            assertThat(command.result("").status()).isZero();
        }
    }

    @Test
    void shouldSayThatTheNodeIsLost() throws Exception {
        server.playing(stream -> stream.send(STATUS, "{\"started\":true,\"pid\":1}"));
        server.answering(
                "GET /v1/sandboxes/0123456789abcdef",
                Answer.json(
                        200,
                        "{\"id\":\"0123456789abcdef\",\"state\":\"FAILED\",\"reason\":\"node-lost\","
                                + "\"message\":\"node sentry-1 is lost\"}"));

        CommandProcess.Result result = stockade("run", "busybox", "sleep", "1000");

        assertThat(result.status()).isEqualTo(125);
        assertThat(result.err())
                .isEqualTo("stockade: sandbox 0123456789ab failed (node-lost): node sentry-1 is lost\n");
    }

    @Test
    void shouldSayThatNobodyAnswers() throws Exception {
        String url = server.url();
        server.close();
        try (CommandProcess command = new CommandProcess(url, "run", "busybox", "true")) {
            CommandProcess.Result result = command.input("").result();

            assertThat(result.status()).isEqualTo(125);
            assertThat(result.err()).startsWith("stockade: no control plane answers at " + url);
        }
    }
}
