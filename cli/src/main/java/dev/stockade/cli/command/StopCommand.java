package dev.stockade.cli.command;

import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.UnreachableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "stop",
        description = "Ends sandboxes: SIGTERM to the command, SIGKILL to everything after the grace time.")
final class StopCommand implements Callable<Integer> {
    @Mixin
    final ApiMixin api = new ApiMixin();

    @Option(
            names = {"-t", "--time"},
            paramLabel = "TIME",
            converter = Quantities.Time.class,
            description = "the grace time, as 30s (default: 10s)")
    Duration grace = Duration.ofSeconds(10);

    @Parameters(paramLabel = "SANDBOX", arity = "1..*", description = "ids, beginnings of ids, or names")
    List<String> references = new ArrayList<>();

    @Override
    public Integer call() throws UnreachableException, InterruptedException {
        try (ControlPlane controlPlane = api.existing()) {
            return ForEach.reference(references, reference -> {
                controlPlane.stop(controlPlane.find(reference).id(), (int) grace.toSeconds());
            });
        }
    }
}
