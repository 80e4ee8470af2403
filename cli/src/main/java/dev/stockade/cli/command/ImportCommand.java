package dev.stockade.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stockade.cli.CliException;
import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.UnreachableException;
import dev.stockade.cli.archive.TarSource;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "import",
        description = {
            "Makes an image of a directory or a tar file (also compressed with gzip).",
            "Modes, owners, times, symbolic and hard links of a directory are kept; \"-\" reads a tar from standard input."
        })
final class ImportCommand implements Callable<Integer> {
    @Mixin
    final ApiMixin api = new ApiMixin();

    @Parameters(index = "0", paramLabel = "NAME", description = "the image's name; an image of that name is replaced")
    String name = "";

    @Parameters(index = "1", paramLabel = "DIR|TAR", description = "what becomes the image")
    String source = "";

    @Override
    public Integer call() throws UnreachableException, InterruptedException {
        TarSource tar = tar();
        try (ControlPlane controlPlane = api.startIfNeeded();
                Upload upload = new Upload(tar)) {
            JsonNode image = controlPlane.importImage(name, upload.body());
            upload.finished();
            System.out.println(name + (image.has("id") ? " " + image.path("id").asText() : ""));
            return 0;
        }
    }

    private TarSource tar() {
        if (source.equals("-")) {
            return TarSource.ofStandardInput();
        }
        Path path = Path.of(source);
        if (Files.isDirectory(path)) {
            return TarSource.ofDirectory(path);
        }
        if (!Files.isReadable(path)) {
            throw new CliException("no such directory or tar file: " + source);
        }
        return TarSource.ofFile(path);
    }
}
