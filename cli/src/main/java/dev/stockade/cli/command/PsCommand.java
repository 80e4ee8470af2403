package dev.stockade.cli.command;

import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.Sandbox;
import dev.stockade.cli.api.UnreachableException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(name = "ps", description = "Lists the sandboxes that are not over.")
final class PsCommand implements Callable<Integer> {
    private static final int COMMAND_WIDTH = 40;

    @Mixin
    final ApiMixin api = new ApiMixin();

    @Option(
            names = {"-a", "--all"},
            description = "also those that are over")
    boolean all;

    @Option(names = "--json", description = "one JSON object a line")
    boolean json;

    @Option(
            names = {"-q", "--quiet"},
            description = "only the ids")
    boolean quiet;

    @Override
    public Integer call() throws UnreachableException, InterruptedException {
        try (ControlPlane controlPlane = api.existing()) {
            List<Sandbox> sandboxes = controlPlane.sandboxes().stream()
                    .filter(sandbox -> all ? !sandbox.state().equals("DELETED") : !sandbox.isOver())
                    .toList();
            if (json) {
                sandboxes.forEach(sandbox -> System.out.println(sandbox.json()));
            } else if (quiet) {
                sandboxes.forEach(sandbox -> System.out.println(sandbox.id()));
            } else {
                print(sandboxes);
            }
            return 0;
        }
    }

    private static void print(List<Sandbox> sandboxes) {
        Table table = new Table("ID", "NAME", "IMAGE", "COMMAND", "STATE", "NODE", "AGE");
        for (Sandbox sandbox : sandboxes) {
            table.row(
                    Ids.shorten(sandbox.id()),
                    sandbox.name().isEmpty() ? "-" : sandbox.name(),
                    sandbox.image(),
                    clip(String.join(" ", sandbox.command()).replaceAll("\\p{Cntrl}+", " ")),
                    state(sandbox),
                    sandbox.node().isEmpty() ? "-" : sandbox.node(),
                    age(sandbox.createdAt()));
        }
        table.print(System.out);
    }

    private static String state(Sandbox sandbox) {
        if (sandbox.exitCode() != null) {
            return sandbox.state() + " (" + sandbox.exitCode() + ")";
        }
        return sandbox.state() + (sandbox.reason().isEmpty() ? "" : " (" + sandbox.reason() + ")");
    }

    private static String age(@Nullable String since) {
        if (since == null) {
            return "-";
        }
        try {
            return Table.duration(Duration.between(Instant.parse(since), Instant.now()));
        } catch (DateTimeParseException e) {
            return since;
        }
    }

    private static String clip(String text) {
        return text.length() <= COMMAND_WIDTH ? text : text.substring(0, COMMAND_WIDTH - 3) + "...";
    }
}
