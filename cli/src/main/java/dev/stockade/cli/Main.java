package dev.stockade.cli;

import dev.stockade.cli.api.UnreachableException;
import dev.stockade.cli.command.StockadeCommand;
import java.io.PrintStream;
import java.util.List;
import picocli.CommandLine;

/** The command's entry point; the launcher `stockade` starts it. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        int status = run(args);
        System.out.flush();
        System.err.flush();
        // Not a return: threads of the HTTP client or one that reads standard input may still run.
        System.exit(status);
    }

    /** Runs one command in this process and answers its exit status. */
    public static int run(String... args) {
        CommandLine commandLine = new CommandLine(new StockadeCommand());
        // Everything after IMAGE or ID is the program's, also what looks like an option or an @file.
        commandLine.setExpandAtFiles(false);
        for (String name : List.of("run", "exec", "do")) {
            CommandLine command = commandLine.getSubcommands().get(name);
            if (command != null) {
                command.setStopAtPositional(true);
            }
        }
        commandLine.setUsageHelpAutoWidth(true);
        commandLine.setExecutionExceptionHandler((error, command, result) -> fail(error));
        commandLine.setParameterExceptionHandler((error, arguments) -> {
            PrintStream err = System.err;
            boolean unknown = error instanceof CommandLine.UnmatchedArgumentException
                    && error.getCommandLine().getParent() == null
                    && arguments.length > 0
                    && !arguments[0].startsWith("-");
            err.println("stockade: " + (unknown ? "no such command: " + arguments[0] : error.getMessage()));
            CommandLine.UnmatchedArgumentException.printSuggestions(error, err);
            String name = error.getCommandLine().getCommandSpec().qualifiedName();
            err.println("Try `" + name + " --help`.");
            return CliException.OWN_ERROR;
        });
        return commandLine.execute(args);
    }

    private static int fail(Exception error) {
        return switch (error) {
            case CliException e -> {
                System.err.println("stockade: " + e.text());
                yield e.exitCode();
            }
            case InterruptedException e -> {
                System.err.println("stockade: interrupted");
                yield 130;
            }
            case UnreachableException e -> {
                System.err.println("stockade: " + e.getMessage() + ": is it up? (stockade status)");
                yield CliException.OWN_ERROR;
            }
            default -> {
                System.err.println("stockade: " + error);
                if (System.getenv("STOCKADE_DEBUG") != null) {
                    for (StackTraceElement frame : error.getStackTrace()) {
                        System.err.println("    at " + frame);
                    }
                }
                yield CliException.OWN_ERROR;
            }
        };
    }
}
