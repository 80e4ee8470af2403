package dev.stockade.e2e.deployment;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** Reads YAML documents strictly: a key twice is an error. */
final class Manifests {
    private Manifests() {}

    static List<JsonObject> read(String relative) {
        LoaderOptions options = new LoaderOptions();
        options.setAllowDuplicateKeys(false);
        List<JsonObject> all = new ArrayList<>();
        for (Object document : new Yaml(new SafeConstructor(options)).loadAll(Repository.read(relative))) {
            JsonElement element = new Gson().toJsonTree(document);
            if (element.isJsonObject()) {
                all.add(element.getAsJsonObject());
            }
        }
        return all;
    }

    /** Every resource that a kustomization and those it builds on list, with patches not applied. */
    static List<JsonObject> resources(String folder) {
        List<JsonObject> all = new ArrayList<>();
        for (JsonElement r : read(folder + "/kustomization.yaml").getFirst().getAsJsonArray("resources")) {
            if (r.getAsString().endsWith(".yaml")) {
                all.addAll(read(folder + "/" + r.getAsString()));
            } else {
                all.addAll(resources(java.nio.file.Path.of(folder, r.getAsString())
                        .normalize()
                        .toString()));
            }
        }
        return all;
    }

    static String kind(JsonObject o) {
        return o.get("kind").getAsString();
    }

    static String name(JsonObject o) {
        return o.getAsJsonObject("metadata").get("name").getAsString();
    }

    /** The pod template of a workload. */
    static JsonObject podSpec(JsonObject workload) {
        return workload.getAsJsonObject("spec").getAsJsonObject("template").getAsJsonObject("spec");
    }

    static JsonObject container(JsonObject workload) {
        return podSpec(workload).getAsJsonArray("containers").get(0).getAsJsonObject();
    }
}
