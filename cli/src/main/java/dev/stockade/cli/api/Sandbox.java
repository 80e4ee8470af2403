package dev.stockade.cli.api;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A sandbox as the control plane tells it; absent times and statuses are null. */
public record Sandbox(
        String id,
        String name,
        String image,
        List<String> command,
        String state,
        String node,
        @Nullable String createdAt,
        @Nullable String startedAt,
        @Nullable String finishedAt,
        @Nullable Integer exitCode,
        String reason,
        String message,
        JsonNode json) {

    static Sandbox of(JsonNode node) {
        List<String> command = new ArrayList<>();
        node.path("command").forEach(word -> command.add(word.asText()));
        return new Sandbox(
                node.path("id").asText(),
                text(node, "name"),
                text(node, "image"),
                List.copyOf(command),
                text(node, "state"),
                text(node, "node"),
                node.path("createdAt").asText(null),
                node.path("startedAt").asText(null),
                node.path("finishedAt").asText(null),
                node.path("exitCode").isNumber()
                        ? Integer.valueOf(node.path("exitCode").asInt())
                        : null,
                text(node, "reason"),
                text(node, "message"),
                node);
    }

    private static String text(JsonNode node, String field) {
        JsonNode value = node.path(field);
        return value.isTextual() ? value.asText() : "";
    }

    public boolean isOver() {
        return state.equals("STOPPED") || state.equals("FAILED") || state.equals("DELETED");
    }
}
