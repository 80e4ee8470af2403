package dev.stockade.control.fleet;

import static io.restassured.RestAssured.given;

import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.List;
import java.util.UUID;

/** A tenant of its own and what tests ask for again and again. */
public final class ApiClient {
    public final String tenant = "t-" + UUID.randomUUID();

    public RequestSpecification request() {
        return given().header("Stockade-Tenant", tenant).contentType("application/json");
    }

    public Response create(String... command) {
        return create(new JsonObject(), command);
    }

    public Response create(JsonObject more, String... command) {
        return request()
                .body(new JsonObject()
                        .put("image", "busybox")
                        .put("command", new JsonArray(List.of(command)))
                        .mergeIn(more)
                        .encode())
                .post("/v1/sandboxes");
    }

    /** A sandbox that runs. */
    public String running(String... command) {
        return create(command).then().statusCode(201).extract().path("id");
    }

    /** A sandbox whose command starts with its stream. */
    public String waiting(String... command) {
        return create(new JsonObject().put("startOnAttach", true), command)
                .then()
                .statusCode(201)
                .extract()
                .path("id");
    }

    public String execution(String sandbox, String... args) {
        return request()
                .body(new JsonObject().put("args", new JsonArray(List.of(args))).encode())
                .post("/v1/sandboxes/" + sandbox + "/executions")
                .then()
                .statusCode(201)
                .extract()
                .path("executionId");
    }

    public String state(String sandbox) {
        return field(sandbox, "state");
    }

    public String field(String sandbox, String name) {
        return request().get("/v1/sandboxes/" + sandbox).path(name);
    }

    public void awaitState(String sandbox, String state) {
        Await.until(sandbox + " is " + state, () -> state.equals(state(sandbox)));
    }
}
