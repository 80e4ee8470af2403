package dev.stockade.control;

import static io.restassured.RestAssured.given;
import static org.assertj.core.api.Assertions.assertThat;
import static org.hamcrest.Matchers.containsString;
import static org.hamcrest.Matchers.equalTo;
import static org.hamcrest.Matchers.everyItem;
import static org.hamcrest.Matchers.hasItem;
import static org.hamcrest.Matchers.hasSize;
import static org.hamcrest.Matchers.notNullValue;

import dev.stockade.control.fleet.ControlPlaneTest;
import dev.stockade.control.fleet.FakeGofer;
import dev.stockade.control.fleet.FakeSentry;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import io.restassured.response.ValidatableResponse;
import io.restassured.specification.RequestSpecification;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@ControlPlaneTest
class SandboxApiTest {
    private FakeGofer gofer;
    private FakeSentry sentry;
    private String tenant;

    @BeforeEach
    void startNodes() {
        gofer = new FakeGofer("gofer-api");
        sentry = new FakeSentry("sentry-api");
        tenant = "t-" + UUID.randomUUID();
    }

    @AfterEach
    void stopNodes() {
        sentry.close();
        gofer.close();
    }

    private RequestSpecification request() {
        return given().header("Stockade-Tenant", tenant).contentType("application/json");
    }

    private ValidatableResponse create(String body) {
        return request().body(body).post("/v1/sandboxes").then();
    }

    private String created(String body) {
        return create(body).statusCode(201).extract().path("id");
    }

    private static ValidatableResponse isProblem(ValidatableResponse response, int status, String type) {
        return response.statusCode(status)
                .contentType("application/problem+json")
                .body("type", equalTo("urn:stockade:problem:" + type))
                .body("status", equalTo(status))
                .body("title", notNullValue())
                .body("detail", notNullValue());
    }

    @Test
    void shouldCreateAndRunASandbox() {
        String id = create("""
                        {"image":"busybox","command":["cat","-n"],"env":{"A":"b=c"},"workingDir":"/tmp","user":"1000:1000",
                         "hostname":"box","memoryBytes":33554432,"cpus":2,"timeoutSeconds":60,"init":true,"maxTasks":17}
                        """)
                .statusCode(201)
                .header("Location", containsString("/v1/sandboxes/sb-"))
                .body("state", equalTo("RUNNING"))
                .body("desiredState", equalTo("RUNNING"))
                .body("node", equalTo("sentry-api"))
                .body("tenant", equalTo(tenant))
                .body("image", equalTo("busybox"))
                .body("command", equalTo(java.util.List.of("cat", "-n")))
                .body("memoryBytes", equalTo(33554432))
                .body("incarnation", equalTo(1))
                .body("startedAt", notNullValue())
                .extract()
                .path("id");

        SandboxSpec spec = sentry.spec(id);
        assertThat(spec.getImageId()).isEqualTo("sha256:busybox");
        assertThat(spec.getGoferAddress()).isEqualTo(gofer.address());
        assertThat(spec.getMain().getArgsList()).containsExactly("cat", "-n");
        assertThat(spec.getMain().getEnvList())
                .contains("A=b=c", "HOSTNAME=box")
                .anyMatch(e -> e.startsWith("PATH="));
        assertThat(spec.getMain().getWorkingDir()).isEqualTo("/tmp");
        assertThat(spec.getMain().getUser()).isEqualTo("1000:1000");
        assertThat(spec.getHostname()).isEqualTo("box");
        assertThat(spec.getTimeoutMs()).isEqualTo(60_000);
        assertThat(spec.getInit()).isTrue();
        assertThat(spec.getMaxTasks()).isEqualTo(17);
        assertThat(spec.getTenant()).isEqualTo(tenant);
        request().get("/v1/sandboxes/" + id).then().statusCode(200).body("state", equalTo("RUNNING"));
    }

    @Test
    void shouldUseTheImagesCommandIfNoneIsGiven() {
        create("{\"image\":\"busybox\"}").statusCode(201).body("command", equalTo(java.util.List.of("sh")));
    }

    @Test
    void shouldWaitForTheStreamWithStartOnAttach() {
        create("{\"image\":\"busybox\",\"startOnAttach\":true}")
                .statusCode(201)
                .body("state", equalTo("SCHEDULED"))
                .body("ready", equalTo(true));
    }

    @Test
    void shouldStopASandboxAndKeepItsStatus() {
        String id = created("{\"image\":\"busybox\",\"command\":[\"cat\"]}");

        request()
                .body("{\"graceSeconds\":1}")
                .post("/v1/sandboxes/" + id + "/stop")
                .then()
                .statusCode(200)
                .body("state", equalTo("STOPPED"))
                .body("desiredState", equalTo("STOPPED"))
                .body("exitCode", equalTo(143))
                .body("signal", equalTo(15))
                .body("finishedAt", notNullValue());
        request().post("/v1/sandboxes/" + id + "/stop").then().statusCode(200).body("state", equalTo("STOPPED"));
    }

    @Test
    void shouldDeleteARunningSandboxByForceOnly() {
        String id = created("{\"image\":\"busybox\",\"command\":[\"cat\"]}");

        isProblem(request().delete("/v1/sandboxes/" + id).then(), 409, "wrong-state")
                .body("detail", containsString("force=true"));
        request().delete("/v1/sandboxes/" + id + "?force=true").then().statusCode(204);
        isProblem(request().get("/v1/sandboxes/" + id).then(), 404, "not-found");
        assertThat(sentry.held()).doesNotContain(id);
    }

    @Test
    void shouldKeepTenantsApart() {
        String id = created("{\"image\":\"busybox\",\"name\":\"mine\"}");

        given().header("Stockade-Tenant", "other-" + tenant.substring(0, 20))
                .get("/v1/sandboxes/" + id)
                .then()
                .statusCode(404);
        given().header("Stockade-Tenant", "other-" + tenant.substring(0, 20))
                .get("/v1/sandboxes")
                .then()
                .body("items", hasSize(0));
        request().get("/v1/sandboxes/mine").then().statusCode(200).body("id", equalTo(id));
        isProblem(
                given().header("Stockade-Tenant", "No Such!")
                        .get("/v1/sandboxes")
                        .then(),
                400,
                "invalid-request");
    }

    @Test
    void shouldRefuseANameThatIsTaken() {
        String id = created("{\"image\":\"busybox\",\"name\":\"web\"}");

        isProblem(create("{\"image\":\"busybox\",\"name\":\"web\"}"), 409, "name-taken");
        request().delete("/v1/sandboxes/" + id + "?force=true").then().statusCode(204);
        create("{\"image\":\"busybox\",\"name\":\"web\"}").statusCode(201);
    }

    @Test
    void shouldPageThroughTheListNewestFirst() {
        String first = created("{\"image\":\"busybox\"}");
        String second = created("{\"image\":\"busybox\"}");
        String third = created("{\"image\":\"busybox\"}");

        String next = request()
                .get("/v1/sandboxes?limit=2")
                .then()
                .body("items.id", equalTo(java.util.List.of(third, second)))
                .extract()
                .path("next");
        request()
                .get("/v1/sandboxes?limit=2&after=" + next)
                .then()
                .body("items.id", equalTo(java.util.List.of(first)))
                .body("next", equalTo(null));
        request().get("/v1/sandboxes?state=stopped").then().body("items", hasSize(0));
        request().get("/v1/sandboxes?state=RUNNING").then().body("items.state", everyItem(equalTo("RUNNING")));
    }

    @Test
    void shouldCreateOnceForAnIdempotencyKey() {
        String body = "{\"image\":\"busybox\",\"command\":[\"cat\"]}";
        String id = request()
                .header("Idempotency-Key", "k1")
                .body(body)
                .post("/v1/sandboxes")
                .then()
                .statusCode(201)
                .extract()
                .path("id");

        request()
                .header("Idempotency-Key", "k1")
                .body(body)
                .post("/v1/sandboxes")
                .then()
                .statusCode(201)
                .header("Idempotency-Replayed", equalTo("true"))
                .body("id", equalTo(id));
        isProblem(
                request()
                        .header("Idempotency-Key", "k1")
                        .body("{\"image\":\"busybox\"}")
                        .post("/v1/sandboxes")
                        .then(),
                422,
                "idempotency-key-reused");
        request().get("/v1/sandboxes").then().body("items", hasSize(1));
    }

    @Test
    void shouldSayWhyNoNodeCanTakeIt() {
        isProblem(create("{\"image\":\"busybox\",\"memoryBytes\":1000000000000}"), 503, "no-capacity")
                .body("nodes.sentry-api", containsString("MiB"));
        isProblem(create("{\"image\":\"busybox\",\"nodeLabels\":{\"kvm\":\"hardware\"}}"), 503, "no-capacity")
                .body("nodes.sentry-api", equalTo("label kvm is not hardware"));
    }

    @Test
    void shouldSayThatAnImageIsMissing() {
        isProblem(create("{\"image\":\"nosuch\"}"), 422, "image-not-found").body("detail", containsString("import it"));
    }

    @Test
    void shouldShowWhatTheNodeRefused() {
        sentry.refusal = "no memory left";

        create("{\"image\":\"busybox\"}")
                .statusCode(201)
                .body("state", equalTo("FAILED"))
                .body("reason", equalTo("create-refused"))
                .body("message", equalTo("no memory left"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"command\":[\"a\"]} | image",
                "{\"image\":\"busybox\",\"user\":\"root\"} | user",
                "{\"image\":\"busybox\",\"cpus\":-1} | cpus",
                "{\"image\":\"busybox\",\"name\":\"Bad Name\"} | name",
                "{\"image\":\"busybox\",\"workingDir\":\"tmp\"} | workingDir",
                "{\"image\":\"busybox\",\"env\":{\"A=B\":\"c\"}} | env",
                "{\"image\":\"busybox\",\"memoryBytes\":1} | memoryBytes",
                "{\"image\":\"busybox\",\"nosuch\":1} | nosuch",
                "{\"image\":\"busybox\",\"command\":\"a b\"} | command",
                "{\"image\":\"busybox\",\"command\":[\"a\\u0000b\"]} | command",
                "{\"image\":\"busybox\",\"cpus\":5000} | cpus",
            })
    void shouldNameTheFieldThatIsNotValid(String body, String field) {
        isProblem(create(body), 400, "invalid-request").body("detail", containsString(field));
    }

    @Test
    void shouldAnswerEveryErrorWithAProblem() {
        isProblem(create("{\"image\":"), 400, "malformed-json");
        isProblem(create("[]"), 400, "malformed-json");
        isProblem(create(""), 400, "invalid-request");
        isProblem(request().get("/v1/sandboxes/nosuch").then(), 404, "not-found");
        isProblem(request().get("/v1/nosuch").then(), 404, "not-found");
        isProblem(request().put("/v1/sandboxes").then(), 405, "method-not-allowed");
        isProblem(
                given().contentType("text/plain")
                        .body("x")
                        .post("/v1/sandboxes")
                        .then(),
                415,
                "unsupported-media-type");
        isProblem(given().accept("image/png").get("/v1/sandboxes").then(), 406, "not-acceptable");
        isProblem(create("\"" + "x".repeat(2 << 20) + "\""), 413, "too-large");
        isProblem(request().get("/v1/sandboxes?limit=0").then(), 400, "invalid-request");
        isProblem(request().get("/v1/sandboxes?limit=x").then(), 404, "not-found");
        isProblem(request().get("/v1/sandboxes/a/executions/main/stream").then(), 426, "upgrade-required");
    }

    @Test
    void shouldListTheNodes() {
        created("{\"image\":\"busybox\",\"memoryBytes\":33554432}");

        given().get("/v1/nodes")
                .then()
                .statusCode(200)
                .body("items.id", hasItem("gofer-api"))
                .body("items.find { it.id == 'sentry-api' }.state", equalTo("READY"))
                .body("items.find { it.id == 'sentry-api' }.labels.kvm", equalTo("software"))
                .body("items.find { it.id == 'sentry-api' }.reserved.memoryBytes", equalTo(33554432))
                .body("items.find { it.id == 'sentry-api' }.reserved.sandboxes", equalTo(1));
    }

    @Test
    void shouldDescribeItself() {
        String openapi =
                given().get("/openapi").then().statusCode(200).extract().asString();

        assertThat(openapi).contains("/v1/sandboxes/{id}/stop", "/v1/images/{name}", "/v1/nodes", "Idempotency-Key");
        given().get("/swagger-ui/").then().statusCode(200);
        given().get("/q/health/ready")
                .then()
                .statusCode(200)
                .body("checks.find { it.name == 'events' }.data.broker", equalTo("ok"));
        assertThat(given().get("/q/metrics").then().statusCode(200).extract().asString())
                .contains("stockade_sandboxes{", "stockade_events_pending", "stockade_leader");
    }
}
