package dev.stockade.e2e;

import io.restassured.RestAssured;
import io.restassured.http.ContentType;
import io.restassured.response.Response;
import io.restassured.specification.RequestSpecification;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The REST API as a program without the command would use it. */
final class Api {
    private final Fleet fleet;

    Api(Fleet fleet) {
        this.fleet = fleet;
    }

    RequestSpecification request() {
        return RestAssured.given().baseUri(fleet.url()).contentType(ContentType.JSON);
    }

    /** Makes a sandbox that starts at once; answers its id. */
    String create(String... command) {
        return request()
                .body(Map.of("image", "busybox", "command", List.of(command)))
                .post("/v1/sandboxes")
                .then()
                .statusCode(201)
                .extract()
                .path("id");
    }

    Response get(String id) {
        return request().get("/v1/sandboxes/" + id);
    }

    String awaitState(String id, String state, Duration time) throws Exception {
        return Await.until(time, () -> get(id).path("state"), state::equals);
    }

    void delete(String id) {
        request().delete("/v1/sandboxes/" + id + "?force=true");
    }
}
