package dev.stockade.cli.command;

import dev.stockade.cli.CliException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "help", description = "Explains a command, or all of them.")
final class HelpCommand implements Callable<Integer> {
    @Parameters(paramLabel = "COMMAND", arity = "0..1", description = "the command to explain")
    @Nullable
    String command;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Override
    public Integer call() {
        CommandLine stockade = spec.parent().commandLine();
        CommandLine wanted =
                command == null ? stockade : stockade.getSubcommands().get(command);
        if (wanted == null) {
            throw new CliException("no such command: " + command);
        }
        wanted.usage(System.out);
        return 0;
    }
}
