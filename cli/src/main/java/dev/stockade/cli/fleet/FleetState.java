package dev.stockade.cli.fleet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stockade.cli.CliException;
import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/** What a local fleet consists of, as kept in fleet.json between commands. Immutable. */
public record FleetState(PortLayout ports, Map<PartName, Part> parts) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** One started process. */
    public record Part(ProcessIdentity process, String version, long startedAtMillis) {}

    public FleetState {
        parts = parts.isEmpty() ? Map.of() : Map.copyOf(parts);
    }

    public boolean isAlive(PartName part) {
        Part found = parts.get(part);
        return found != null && found.process().isAlive();
    }

    public FleetState with(PartName name, Part part) {
        Map<PartName, Part> changed = new EnumMap<>(PartName.class);
        changed.putAll(parts);
        changed.put(name, part);
        return new FleetState(ports, changed);
    }

    static Optional<FleetState> load(Path file) {
        try {
            JsonNode root = JSON.readTree(Files.readAllBytes(file));
            Map<PartName, Part> parts = new EnumMap<>(PartName.class);
            for (Map.Entry<String, JsonNode> entry : root.path("parts").properties()) {
                JsonNode part = entry.getValue();
                parts.put(
                        PartName.ofLabel(entry.getKey()),
                        new Part(
                                new ProcessIdentity(
                                        part.path("pid").asLong(),
                                        part.path("startTicks").asLong(),
                                        part.path("bootId").asText()),
                                part.path("version").asText(),
                                part.path("startedAtMillis").asLong()));
            }
            return Optional.of(
                    new FleetState(new PortLayout(root.path("portBase").asInt()), parts));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException | IllegalArgumentException e) {
            throw new CliException("cannot read " + file + ": " + e.getMessage(), e);
        }
    }

    void save(Path file) {
        ObjectNode root = JSON.createObjectNode();
        root.put("portBase", ports.base());
        ObjectNode all = root.putObject("parts");
        parts.forEach((name, part) -> {
            ObjectNode node = all.putObject(name.label());
            node.put("pid", part.process().pid());
            node.put("startTicks", part.process().startTicks());
            node.put("bootId", part.process().bootId());
            node.put("version", part.version());
            node.put("startedAtMillis", part.startedAtMillis());
            ObjectNode numbers = node.putObject("ports");
            ports.of(name).forEach(numbers::put);
        });
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        try {
            Files.write(fresh, JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(root));
            try {
                Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } catch (AtomicMoveNotSupportedException e) {
                Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING);
            }
        } catch (IOException e) {
            throw new CliException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }
}
