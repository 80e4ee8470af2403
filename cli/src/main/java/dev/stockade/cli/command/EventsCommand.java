package dev.stockade.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stockade.cli.CliException;
import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.events.EventReader;
import dev.stockade.cli.fleet.FleetState;
import dev.stockade.cli.fleet.PartName;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "events",
        description =
                "Prints the events of sandboxes, CloudEvents read back from the broker: the last ones, oldest first.")
final class EventsCommand implements Callable<Integer> {
    private static final int DEFAULT_MAX = 100;
    private static final String TYPE_PREFIX = "dev.stockade.sandbox.";
    /** Said by the columns already. */
    private static final Set<String> COLUMNS = Set.of("sandboxId", "sequence");

    @Option(
            names = "--max",
            paramLabel = "N",
            description = "end after so many (default: the last 100, or with -f no end)")
    @Nullable
    Integer max;

    @Option(
            names = {"-f", "--follow"},
            description = "go on with those that come")
    boolean follow;

    @Option(names = "--from-beginning", description = "begin with the oldest that is kept")
    boolean fromBeginning;

    @Option(names = "--json", description = "each as one line of CloudEvents JSON")
    boolean json;

    @Option(
            names = "--kafka",
            paramLabel = "HOST:PORT",
            description = "the broker (default: $STOCKADE_KAFKA, else that of the local fleet)")
    @Nullable
    String kafka;

    private int printed;

    @Override
    public Integer call() {
        int limit = max == null ? DEFAULT_MAX : max;
        try (EventReader reader = new EventReader(bootstrapServers())) {
            if (!reader.hasTopic() && !follow) {
                System.err.println("stockade: no event was published yet");
                return 0;
            }
            List<EventReader.Event> past = fromBeginning ? reader.all() : reader.last(limit);
            for (EventReader.Event event : past) {
                if (max != null && printed >= max) {
                    break;
                }
                print(event);
            }
            if (follow) {
                reader.follow(event -> {
                    if (max != null && printed >= max) {
                        return false;
                    }
                    print(event);
                    return !System.out.checkError() && (max == null || printed < max);
                });
            }
            return 0;
        } catch (KafkaException e) {
            throw new CliException("the broker does not answer: " + e.getMessage(), e);
        }
    }

    private String bootstrapServers() {
        if (kafka != null) {
            return kafka;
        }
        String configured = System.getenv("STOCKADE_KAFKA");
        if (configured != null && !configured.isEmpty()) {
            return configured;
        }
        Optional<FleetState> state = FleetOptions.localFleet().state();
        if (state.isEmpty() || !state.get().isAlive(PartName.KAFKA)) {
            throw new CliException(
                    "no broker is configured (STOCKADE_KAFKA) and the local fleet's is not up: `stockade up`");
        }
        return state.get().ports().kafkaAddress();
    }

    private void print(EventReader.Event event) {
        printed++;
        JsonNode data;
        try {
            data = ControlPlane.JSON.readTree(event.data());
        } catch (IOException e) {
            data = ControlPlane.JSON.createObjectNode();
        }
        if (json) {
            ObjectNode cloudEvent = ControlPlane.JSON.createObjectNode();
            event.attributes().forEach(cloudEvent::put);
            cloudEvent.set("data", data);
            System.out.println(cloudEvent);
            return;
        }
        String type = event.attributes().getOrDefault("type", "?");
        StringBuilder line = new StringBuilder()
                .append(event.time())
                .append("  ")
                .append(Ids.shorten(event.attributes().getOrDefault("subject", "?")))
                .append("  ")
                .append(data.path("sequence").asText("-"))
                .append("  ")
                .append(type.startsWith(TYPE_PREFIX) ? type.substring(TYPE_PREFIX.length()) : type);
        for (Map.Entry<String, JsonNode> field : data.properties()) {
            JsonNode value = field.getValue();
            if (!COLUMNS.contains(field.getKey())
                    && !value.isNull()
                    && !value.asText("x").isEmpty()) {
                line.append("  ")
                        .append(field.getKey())
                        .append('=')
                        .append(value.isValueNode() ? value.asText() : value);
            }
        }
        System.out.println(line);
    }
}
