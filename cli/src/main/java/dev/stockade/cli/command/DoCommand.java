package dev.stockade.cli.command;

import dev.stockade.cli.CliException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Only the help of `do`: the launcher starts the one-shot sentry itself, in place of this command. */
@Command(
        name = "do",
        customSynopsis = "stockade do [--rootfs DIR] COMMAND [ARG...]",
        description = {
            "Runs one program in a one-shot sentry in the command's own process: no fleet, no network.",
            "The host's files, or those of DIR, are read-only below a memory overlay."
        })
final class DoCommand implements Callable<Integer> {
    @Parameters(paramLabel = "COMMAND [ARG...]", hidden = true)
    List<String> words = new ArrayList<>();

    @Override
    public Integer call() {
        throw new CliException("do: only the launcher can start it");
    }
}
