package dev.stockade.cli.command;

import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.UnreachableException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "rm", description = "Removes sandboxes that are over.")
final class RmCommand implements Callable<Integer> {
    @Mixin
    final ApiMixin api = new ApiMixin();

    @Option(
            names = {"-f", "--force"},
            description = "also those that run, killing them first")
    boolean force;

    @Parameters(paramLabel = "SANDBOX", arity = "1..*", description = "ids, beginnings of ids, or names")
    List<String> references = new ArrayList<>();

    @Override
    public Integer call() throws UnreachableException, InterruptedException {
        try (ControlPlane controlPlane = api.existing()) {
            return ForEach.reference(references, reference -> {
                controlPlane.delete(controlPlane.find(reference).id(), force);
            });
        }
    }
}
