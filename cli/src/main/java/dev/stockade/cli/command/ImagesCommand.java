package dev.stockade.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.UnreachableException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "images", description = "Lists the images.")
final class ImagesCommand implements Callable<Integer> {
    @Mixin
    final ApiMixin api = new ApiMixin();

    @Option(names = "--json", description = "one JSON object a line")
    boolean json;

    @Override
    public Integer call() throws UnreachableException, InterruptedException {
        try (ControlPlane controlPlane = api.startIfNeeded()) {
            List<JsonNode> images = controlPlane.images();
            if (json) {
                images.forEach(System.out::println);
                return 0;
            }
            Table table = new Table("NAME", "ID", "SIZE");
            for (JsonNode image : images) {
                table.row(
                        image.path("name").asText("-"),
                        Ids.shorten(image.path("id").asText("-")),
                        image.has("sizeBytes")
                                ? Quantities.bytes(image.path("sizeBytes").asLong())
                                : "-");
            }
            table.print(System.out);
            return 0;
        }
    }
}
