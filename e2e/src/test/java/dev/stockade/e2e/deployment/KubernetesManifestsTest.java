package dev.stockade.e2e.deployment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.kubernetes.client.openapi.models.V1DaemonSet;
import io.kubernetes.client.openapi.models.V1Deployment;
import io.kubernetes.client.openapi.models.V1Namespace;
import io.kubernetes.client.openapi.models.V1NetworkPolicy;
import io.kubernetes.client.openapi.models.V1PodDisruptionBudget;
import io.kubernetes.client.openapi.models.V1Service;
import io.kubernetes.client.openapi.models.V1ServiceAccount;
import io.kubernetes.client.openapi.models.V1StatefulSet;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KubernetesManifestsTest {
    @FunctionalInterface
    interface Validator {
        void validate(JsonElement element) throws IOException;
    }

    private static final Map<String, Validator> VALIDATORS = Map.of(
            "Namespace", V1Namespace::validateJsonElement,
            "ServiceAccount", V1ServiceAccount::validateJsonElement,
            "Service", V1Service::validateJsonElement,
            "Deployment", V1Deployment::validateJsonElement,
            "StatefulSet", V1StatefulSet::validateJsonElement,
            "DaemonSet", V1DaemonSet::validateJsonElement,
            "NetworkPolicy", V1NetworkPolicy::validateJsonElement,
            "PodDisruptionBudget", V1PodDisruptionBudget::validateJsonElement);

    private static final Map<String, String> MODULES = Map.of(
            "control-plane", "control-plane",
            "gofer-node", "gofer-node",
            "sentry-node", "sentry-node/server");

    @ParameterizedTest
    @ValueSource(strings = {"k8s/base", "k8s/local", "k8s/device-plugin"})
    void shouldBeValidResources(String folder) {
        List<JsonObject> all = Manifests.resources(folder);
        assertThat(all).isNotEmpty();
        Set<String> seen = new HashSet<>();
        for (JsonObject o : all) {
            String id = Manifests.kind(o) + "/" + Manifests.name(o);
            assertThat(seen.add(id)).as("only once: " + id).isTrue();
            assertThat(VALIDATORS).as(id).containsKey(Manifests.kind(o));
            assertThatCode(() -> VALIDATORS.get(Manifests.kind(o)).validate(o))
                    .as(id)
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void shouldPatchOnlyResourcesThatExist() {
        Set<String> ids = new HashSet<>();
        Manifests.resources("k8s/local").forEach(o -> ids.add(Manifests.kind(o) + "/" + Manifests.name(o)));
        for (JsonElement p :
                Manifests.read("k8s/local/kustomization.yaml").getFirst().getAsJsonArray("patches")) {
            String path = p.getAsJsonObject().get("path").getAsString();
            for (JsonObject patch : Manifests.read("k8s/local/" + path)) {
                assertThat(ids).contains(Manifests.kind(patch) + "/" + Manifests.name(patch));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"control-plane", "gofer-node", "sentry-node"})
    void shouldRunUnprivileged(String name) {
        JsonObject workload = workload(name);
        JsonObject pod = Manifests.podSpec(workload).getAsJsonObject("securityContext");
        assertThat(pod.get("runAsNonRoot").getAsBoolean()).isTrue();
        assertThat(pod.get("runAsUser").getAsInt()).isPositive();
        assertThat(pod.getAsJsonObject("seccompProfile").get("type").getAsString())
                .isEqualTo("RuntimeDefault");
        JsonObject own = Manifests.container(workload).getAsJsonObject("securityContext");
        assertThat(own.get("allowPrivilegeEscalation").getAsBoolean()).isFalse();
        assertThat(own.get("readOnlyRootFilesystem").getAsBoolean()).isTrue();
        assertThat(own.has("privileged")).isFalse();
        assertThat(own.getAsJsonObject("capabilities")
                        .getAsJsonArray("drop")
                        .get(0)
                        .getAsString())
                .isEqualTo("ALL");
        assertThat(Manifests.podSpec(workload)
                        .get("automountServiceAccountToken")
                        .getAsBoolean())
                .isFalse();
        assertThat(Manifests.podSpec(workload).toString()).doesNotContain("hostPath", "hostNetwork", "hostPID");
    }

    @ParameterizedTest
    @ValueSource(strings = {"control-plane", "gofer-node", "sentry-node"})
    void shouldHaveProbesResourcesBudgetAndPolicy(String name) {
        JsonObject container = Manifests.container(workload(name));
        for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
            assertThat(container.has(probe)).as(probe).isTrue();
            JsonObject get = container.getAsJsonObject(probe).getAsJsonObject("httpGet");
            assertThat(get.get("path").getAsString()).startsWith("/q/health/");
            assertThat(get.get("port").getAsString()).isEqualTo("http");
        }
        assertThat(container.getAsJsonObject("resources").keySet()).contains("requests", "limits");
        List<JsonObject> all = Manifests.resources("k8s/base");
        assertThat(all)
                .anyMatch(o -> Manifests.kind(o).equals("PodDisruptionBudget")
                        && Manifests.name(o).equals(name))
                .anyMatch(o -> Manifests.kind(o).equals("NetworkPolicy")
                        && Manifests.name(o).equals(name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"control-plane", "gofer-node", "sentry-node"})
    void shouldUseThePortsOfTheService(String name) {
        var settings = Repository.settings(MODULES.get(name));
        Map<String, Integer> expected = Map.of(
                "http", Integer.parseInt(settings.getProperty("quarkus.http.port")),
                "grpc", Integer.parseInt(settings.getProperty("quarkus.grpc.server.port")));
        for (JsonElement p : Manifests.container(workload(name)).getAsJsonArray("ports")) {
            JsonObject port = p.getAsJsonObject();
            assertThat(port.get("containerPort").getAsInt())
                    .isEqualTo(expected.get(port.get("name").getAsString()));
        }
        JsonObject service = Manifests.resources("k8s/base").stream()
                .filter(o ->
                        Manifests.kind(o).equals("Service") && Manifests.name(o).equals(name))
                .findFirst()
                .orElseThrow();
        for (JsonElement p : service.getAsJsonObject("spec").getAsJsonArray("ports")) {
            JsonObject port = p.getAsJsonObject();
            assertThat(port.get("port").getAsInt())
                    .isEqualTo(expected.get(port.get("name").getAsString()));
        }
    }

    @Test
    void shouldGiveSentriesTheKvmDeviceAsAResource() {
        JsonObject resources = Manifests.container(workload("sentry-node")).getAsJsonObject("resources");
        String plugin = Repository.read("k8s/device-plugin/device-plugin.yaml");
        assertThat(resources.getAsJsonObject("limits").keySet()).anyMatch(k -> k.endsWith("/kvm"));
        assertThat(plugin).contains("/dev/kvm");
        assertThat(Manifests.podSpec(workload("sentry-node"))
                        .getAsJsonObject("securityContext")
                        .has("supplementalGroups"))
                .isTrue();
    }

    private static JsonObject workload(String name) {
        return Manifests.resources("k8s/base").stream()
                .filter(o -> Set.of("Deployment", "StatefulSet").contains(Manifests.kind(o))
                        && Manifests.name(o).equals(name))
                .findFirst()
                .orElseThrow();
    }
}
