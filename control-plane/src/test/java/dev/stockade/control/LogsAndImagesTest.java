package dev.stockade.control;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItems;

import com.google.protobuf.ByteString;
import dev.stockade.control.fleet.ApiClient;
import dev.stockade.control.fleet.Await;
import dev.stockade.control.fleet.ControlPlaneTest;
import dev.stockade.control.fleet.FakeGofer;
import dev.stockade.control.fleet.FakeSentry;
import dev.stockade.proto.sentry.v1.LogsResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.quarkus.test.common.http.TestHTTPResource;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@ControlPlaneTest
class LogsAndImagesTest {
    @TestHTTPResource
    String base;

    private final ApiClient api = new ApiClient();
    private FakeGofer gofer;
    private FakeGofer other;
    private FakeSentry sentry;

    @BeforeEach
    void startNodes() {
        gofer = new FakeGofer("gofer-one");
        other = new FakeGofer("gofer-two");
        sentry = new FakeSentry("sentry-logs");
    }

    @AfterEach
    void stopNodes() {
        sentry.close();
        other.close();
        gofer.close();
    }

    private static LogsResponse stdout(String text) {
        return LogsResponse.newBuilder()
                .setStdout(ByteString.copyFromUtf8(text))
                .build();
    }

    @Test
    void shouldStreamLogsAsLines() {
        String id = api.running("hang");
        sentry.logs = answer -> {
            answer.onNext(LogsResponse.newBuilder().setDroppedBytes(10).build());
            answer.onNext(stdout("out\n"));
            answer.onNext(LogsResponse.newBuilder()
                    .setStderr(ByteString.copyFromUtf8("err"))
                    .build());
            answer.onCompleted();
        };

        String body = api.request()
                .get("/v1/sandboxes/" + id + "/logs")
                .then()
                .statusCode(200)
                .contentType("application/x-ndjson")
                .extract()
                .asString();

        assertThat(body.strip().lines())
                .containsExactly(
                        "{\"stream\":\"dropped\",\"droppedBytes\":10}",
                        "{\"stream\":\"stdout\",\"data\":\"b3V0Cg==\"}",
                        "{\"stream\":\"stderr\",\"data\":\"ZXJy\"}");
    }

    @Test
    void shouldFollowLogsAndStopWhenTheClientLeaves() throws Exception {
        String id = api.running("hang");
        AtomicReference<ServerCallStreamObserver<LogsResponse>> stream = new AtomicReference<>();
        CountDownLatch cancelled = new CountDownLatch(1);
        sentry.logs = answer -> {
            answer.setOnCancelHandler(cancelled::countDown);
            answer.onNext(stdout("first"));
            stream.set(answer);
        };
        HttpClient http =
                HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
        HttpResponse<InputStream> response = http.send(
                HttpRequest.newBuilder(
                                URI.create(base.replaceFirst("/$", "") + "/v1/sandboxes/" + id + "/logs?follow=true"))
                        .header("Stockade-Tenant", api.tenant)
                        .timeout(Duration.ofSeconds(20))
                        .build(),
                HttpResponse.BodyHandlers.ofInputStream());
        BufferedReader lines = new BufferedReader(new InputStreamReader(response.body(), StandardCharsets.UTF_8));
        assertThat(lines.readLine()).contains("Zmlyc3Q=");

        Await.value("the stream is there", stream::get).onNext(stdout("second"));
        assertThat(lines.readLine()).contains("c2Vjb25k");

        response.body().close();
        http.shutdownNow();
        assertThat(cancelled.await(10, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void shouldSayThatLogsCanNotBeHad() {
        String id = api.running("hang");
        sentry.kill();
        api.awaitState(id, "FAILED");

        api.request()
                .get("/v1/sandboxes/" + id + "/logs")
                .then()
                .statusCode(503)
                .contentType("application/problem+json")
                .body("detail", containsString("node lost"));
        api.request().get("/v1/sandboxes/nosuch/logs").then().statusCode(404);
    }

    @Test
    void shouldListTheImagesOfAllGofers() {
        other.images.put(
                "extra", FakeGofer.image("extra", 5, other.images.get("busybox").getConfig()));

        given().get("/v1/images")
                .then()
                .statusCode(200)
                .body("items.find { it.name == 'busybox' }.nodes", hasItems("gofer-one", "gofer-two"))
                .body("items.find { it.name == 'extra' }.nodes", equalTo(List.of("gofer-two")));
        // A sandbox finds it wherever it is.
        api.request().body("{\"image\":\"extra\"}").post("/v1/sandboxes").then().statusCode(201);
    }

    @Test
    void shouldStreamALargeImageToEveryGofer() throws Exception {
        long bytes = 192L << 20;
        HttpClient http = HttpClient.newHttpClient();
        HttpResponse<String> response = http.send(
                HttpRequest.newBuilder(URI.create(base.replaceFirst("/$", "") + "/v1/images/big?cmd=a&cmd=b&user=5"))
                        .header("Content-Type", "application/x-tar")
                        .timeout(Duration.ofSeconds(60))
                        .PUT(HttpRequest.BodyPublishers.ofInputStream(() -> new Zeros(bytes)))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        http.shutdownNow();

        assertThat(response.statusCode()).as(response.body()).isEqualTo(201);
        assertThat(gofer.images.get("big").getSizeBytes()).isEqualTo(bytes);
        assertThat(other.images.get("big").getSizeBytes()).isEqualTo(bytes);
        assertThat(gofer.images.get("big").getConfig().getCmdList()).containsExactly("a", "b");
        assertThat(gofer.images.get("big").getConfig().getUser()).isEqualTo("5");
        given().delete("/v1/images/big").then().statusCode(204);
        given().delete("/v1/images/big").then().statusCode(404);
    }

    @Test
    void shouldNameTheGoferThatFailed() {
        other.failAfterBytes = 100_000;

        given().contentType("application/x-tar")
                .body(new byte[1 << 20])
                .put("/v1/images/partial")
                .then()
                .statusCode(502)
                .contentType("application/problem+json")
                .body("nodes.gofer-two", containsString("no space left"));
        assertThat(gofer.images).containsKey("partial");

        given().contentType("application/json")
                .body("{}")
                .put("/v1/images/x")
                .then()
                .statusCode(415);
        given().contentType("application/x-tar")
                .body(new byte[1])
                .put("/v1/images/Bad%20Name")
                .then()
                .statusCode(400);
    }

    /** So many zero bytes. */
    private static final class Zeros extends InputStream {
        private long left;

        Zeros(long bytes) {
            left = bytes;
        }

        @Override
        public int read() {
            return left-- > 0 ? 0 : -1;
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            if (left <= 0) {
                return -1;
            }
            int n = (int) Math.min(left, length);
            left -= n;
            return n;
        }
    }
}
