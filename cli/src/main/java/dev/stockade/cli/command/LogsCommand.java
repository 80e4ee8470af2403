package dev.stockade.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stockade.cli.CliException;
import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.UnreachableException;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "logs", description = "Prints the kept output of a sandbox's command, standard output and error apart.")
final class LogsCommand implements Callable<Integer> {
    private static final int BROKEN_PIPE = 141;

    @Mixin
    final ApiMixin api = new ApiMixin();

    @Option(
            names = {"-f", "--follow"},
            description = "go on until the command ends")
    boolean follow;

    @Parameters(paramLabel = "SANDBOX", description = "an id, the beginning of one, or a name")
    String reference = "";

    @Override
    public Integer call() throws UnreachableException, InterruptedException {
        try (ControlPlane controlPlane = api.existing()) {
            String id = controlPlane.find(reference).id();
            try (BufferedReader lines =
                    new BufferedReader(new InputStreamReader(controlPlane.logs(id, follow), StandardCharsets.UTF_8))) {
                return print(lines);
            } catch (IOException e) {
                throw new CliException("the log of sandbox " + Ids.shorten(id) + " broke off: " + e.getMessage(), e);
            }
        }
    }

    private static int print(BufferedReader lines) throws IOException {
        OutputStream stdout = new FileOutputStream(FileDescriptor.out);
        OutputStream stderr = new FileOutputStream(FileDescriptor.err);
        String line;
        while ((line = lines.readLine()) != null) {
            if (line.isBlank()) {
                continue;
            }
            JsonNode entry = ControlPlane.JSON.readTree(line);
            long dropped = entry.path("droppedBytes").asLong();
            if (dropped > 0) {
                System.err.println("stockade: " + dropped + " earlier bytes are not kept any more");
            }
            byte[] data = entry.path("data").binaryValue();
            if (data == null) {
                continue;
            }
            try {
                (entry.path("stream").asText().equals("stderr") ? stderr : stdout).write(data);
            } catch (IOException e) {
                return BROKEN_PIPE;
            }
        }
        return 0;
    }
}
