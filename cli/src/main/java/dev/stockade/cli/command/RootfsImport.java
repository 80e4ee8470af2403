package dev.stockade.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stockade.cli.CliException;
import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.UnreachableException;
import dev.stockade.cli.archive.TarSource;
import java.nio.file.Files;
import java.nio.file.Path;

/** A directory as an image under a name made from its content, sent only once. */
final class RootfsImport {
    private static final int NAME_DIGITS = 16;

    private final ControlPlane controlPlane;

    RootfsImport(ControlPlane controlPlane) {
        this.controlPlane = controlPlane;
    }

    String ensure(Path directory) throws UnreachableException, InterruptedException {
        if (!Files.isDirectory(directory)) {
            throw new CliException("--rootfs: no such directory: " + directory);
        }
        TarSource tar = TarSource.ofDirectory(directory);
        String name = "rootfs-" + tar.digest().substring(0, NAME_DIGITS);
        for (JsonNode image : controlPlane.images()) {
            if (image.path("name").asText().equals(name)) {
                return name;
            }
        }
        System.err.println("stockade: importing " + directory + " as " + name);
        try (Upload upload = new Upload(tar)) {
            controlPlane.importImage(name, upload.body());
            upload.finished();
        }
        return name;
    }
}
