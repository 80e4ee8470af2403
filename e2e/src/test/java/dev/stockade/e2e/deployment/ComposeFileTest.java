package dev.stockade.e2e.deployment;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.file.Files;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ComposeFileTest {
    private static final JsonObject SERVICES =
            Manifests.read("docker-compose.yml").getFirst().getAsJsonObject("services");

    @Test
    void shouldHoldTheWholeFleet() {
        assertThat(SERVICES.keySet())
                .containsExactlyInAnyOrder(
                        "broker", "postgres", "control-plane", "gofer-1", "gofer-2", "sentry-1", "sentry-2");
    }

    @Test
    void shouldGiveTheKvmDeviceToSentriesAlone() {
        for (Map.Entry<String, JsonElement> e : SERVICES.entrySet()) {
            JsonObject service = e.getValue().getAsJsonObject();
            assertThat(service.has("privileged")).as(e.getKey()).isFalse();
            assertThat(service.has("devices"))
                    .as(e.getKey())
                    .isEqualTo(e.getKey().startsWith("sentry"));
        }
    }

    @Test
    void shouldReferToThingsThatExist() {
        for (Map.Entry<String, JsonElement> e : SERVICES.entrySet()) {
            JsonObject service = e.getValue().getAsJsonObject();
            if (service.has("build")) {
                String dockerfile =
                        service.getAsJsonObject("build").get("dockerfile").getAsString();
                assertThat(Repository.top().resolve(dockerfile)).exists();
            }
            if (service.has("depends_on")) {
                assertThat(SERVICES.keySet())
                        .containsAll(service.getAsJsonObject("depends_on").keySet());
            }
            if (service.has("environment")
                    && service.getAsJsonObject("environment").has("STOCKADE_NODE_ADDRESS")) {
                String address = service.getAsJsonObject("environment")
                        .get("STOCKADE_NODE_ADDRESS")
                        .getAsString();
                assertThat(address).startsWith(e.getKey() + ":");
            }
        }
        JsonObject volumes = Manifests.read("docker-compose.yml").getFirst().getAsJsonObject("volumes");
        for (Map.Entry<String, JsonElement> e : SERVICES.entrySet()) {
            JsonElement mounts = e.getValue().getAsJsonObject().get("volumes");
            for (JsonElement m : mounts == null
                    ? List.<JsonElement>of()
                    : mounts.getAsJsonArray().asList()) {
                assertThat(volumes.keySet()).contains(m.getAsString().split(":")[0]);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "control-plane, control-plane",
        "gofer-node, gofer-node",
        "sentry-node/server, sentry-node/server",
    })
    void shouldExposeThePortsOfTheService(String module, String jarModule) {
        String dockerfile = Repository.read(module + "/src/main/docker/Dockerfile");
        var settings = Repository.settings(module);
        assertThat(dockerfile)
                .contains("EXPOSE ")
                .contains(settings.getProperty("quarkus.http.port"))
                .contains(settings.getProperty("quarkus.grpc.server.port"))
                .contains("COPY --chown=root:root " + jarModule + "/target/quarkus-app/")
                .contains("USER 10001:10001");
        assertThat(Repository.read(".dockerignore")).contains("!" + jarModule + "/target/quarkus-app/**");
        assertThat(Files.exists(Repository.top().resolve(module + "/pom.xml"))).isTrue();
    }
}
