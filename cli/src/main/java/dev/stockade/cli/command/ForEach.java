package dev.stockade.cli.command;

import dev.stockade.cli.CliException;
import dev.stockade.cli.api.UnreachableException;
import java.util.List;

/** A command over several things: each done is named on standard output, each error told, and the rest still tried. */
final class ForEach {
    private ForEach() {}

    interface Action {
        void on(String reference) throws UnreachableException, InterruptedException;
    }

    static int reference(List<String> references, Action action) throws UnreachableException, InterruptedException {
        int status = 0;
        for (String reference : references) {
            try {
                action.on(reference);
                System.out.println(reference);
            } catch (CliException e) {
                System.err.println("stockade: " + e.text());
                status = e.exitCode();
            }
        }
        return status;
    }
}
