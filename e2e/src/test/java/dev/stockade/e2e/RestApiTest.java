package dev.stockade.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.notNullValue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(SharedFleet.class)
class RestApiTest {
    private static final Duration SOON = Duration.ofSeconds(60);

    private final Fleet fleet;
    private final Api api;

    RestApiTest(Fleet fleet) {
        this.fleet = fleet;
        api = new Api(fleet);
    }

    @Test
    void shouldLeadASandboxThroughItsLife() throws Exception {
        String id = api.create("sh", "-c", "echo to the log; sleep 1000");
        api.awaitState(id, "RUNNING", SOON);
        api.request().get("/v1/sandboxes").then().statusCode(200).body("items.id", hasItem(id));

        api.request()
                .body(Map.of("graceSeconds", 0))
                .post("/v1/sandboxes/" + id + "/stop")
                .then()
                .statusCode(200)
                .body("state", equalTo("STOPPED"))
                .body("finishedAt", notNullValue());
        String logs = api.request().get("/v1/sandboxes/" + id + "/logs").asString();
        String data = Fleet.JSON
                .readTree(logs.lines().findFirst().orElse("{}"))
                .path("data")
                .asText();
        assertThat(new String(Base64.getDecoder().decode(data), java.nio.charset.StandardCharsets.UTF_8))
                .isEqualTo("to the log\n");

        api.request().delete("/v1/sandboxes/" + id).then().statusCode(204);
        api.get(id).then().statusCode(404).contentType(containsString("application/problem+json"));
    }

    @Test
    void shouldExplainWhatIsWrongWithARequest() {
        api.request()
                .body(Map.of("image", "nosuchimage", "command", List.of("true")))
                .post("/v1/sandboxes")
                .then()
                .statusCode(422)
                .contentType(containsString("application/problem+json"))
                .body("detail", containsString("nosuchimage"));
        api.request()
                .body(Map.of("command", List.of("true")))
                .post("/v1/sandboxes")
                .then()
                .statusCode(400)
                .contentType(containsString("application/problem+json"));
        api.request().get("/v1/sandboxes/nosuch").then().statusCode(404);
    }

    @Test
    void shouldShowTheNodesThatRegistered() {
        api.request()
                .get("/v1/nodes")
                .then()
                .statusCode(200)
                .body(containsString("sentry-1"))
                .body(containsString("gofer-1"));
    }

    @Test
    void shouldDescribeItself() {
        api.request().get("/openapi").then().statusCode(200).body(containsString("/v1/sandboxes"));
    }

    @Test
    void shouldServeTenSandboxesAtOnceOnOneNode() throws Exception {
        List<String> ids = new ArrayList<>();
        try {
            for (int i = 0; i < 10; i++) {
                ids.add(api.create("sh", "-c", "echo sandbox " + i + "; sleep 1000"));
            }
            for (String id : ids) {
                api.awaitState(id, "RUNNING", SOON);
            }
            for (int i = 0; i < 10; i++) {
                String expected = "sandbox " + i + "\n";
                String id = ids.get(i);
                assertThat(api.get(id).<String>path("node")).isEqualTo("sentry-1");
                Await.until(SOON, () -> fleet.stockade("logs", id).out(), expected::equals);
                // Each has a file system and processes of its own.
                assertThat(fleet.stockade("exec", id, "sh", "-c", "echo " + i + " >> /tmp/mark; cat /tmp/mark")
                                .out())
                        .isEqualTo(i + "\n");
            }
        } finally {
            ids.forEach(api::delete);
        }
        long sentry = fleet.pids().get("sentry-node");
        // Nothing of their virtual machines stays in the node.
        Await.until(
                SOON,
                () -> api.request().get("/v1/sandboxes").<List<String>>path("items.id"),
                left -> left.stream().noneMatch(ids::contains));
        assertThat(Fleet.kvmDescriptors(sentry)).isLessThan(10);
    }
}
