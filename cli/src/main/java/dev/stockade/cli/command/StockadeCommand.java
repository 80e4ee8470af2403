package dev.stockade.cli.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command without a command: it only explains itself. */
@Command(
        name = "stockade",
        description = "Runs untrusted Linux programs in sandboxes, on a Linux kernel written in Java.",
        versionProvider = StockadeCommand.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            RunCommand.class,
            DoCommand.class,
            PsCommand.class,
            ExecCommand.class,
            LogsCommand.class,
            StopCommand.class,
            RmCommand.class,
            EventsCommand.class,
            ImagesCommand.class,
            ImportCommand.class,
            RmiCommand.class,
            UpCommand.class,
            DownCommand.class,
            StatusCommand.class,
            HelpCommand.class
        },
        footer = {
            "",
            "Also: `stockade test` runs all tests, as CI does.",
            "",
            "Exit status: the program's for run, exec and do (128+N for signal N);",
            "126 and 127 as in shells; 125 for Stockade's own errors.",
            "",
            "Environment:",
            "  STOCKADE_API        URL of the control plane (default: the local fleet's)",
            "  STOCKADE_KAFKA      host:port of the broker (default: the local fleet's)",
            "  STOCKADE_TENANT     whose sandboxes (default: default)",
            "  STOCKADE_HOME       folder of the local fleet (default: ~/.stockade)",
            "  STOCKADE_PORT_BASE  first port of the local fleet (default: 7400)"
        })
public final class StockadeCommand implements Runnable {
    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "explain this command")
    boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "print the version")
    boolean version;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which command?");
    }

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = StockadeCommand.class.getPackage().getImplementationVersion();
            return new String[] {"stockade " + (version == null ? "development" : version), "JDK " + Runtime.version()};
        }
    }
}
