package dev.stockade.cli.command;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stockade.cli.CliException;
import dev.stockade.cli.terminal.Terminal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What run and exec say about the program they start. */
final class ProgramOptions {
    @Option(
            names = {"-i", "--interactive"},
            description = "forward standard input also when it is a terminal (else it is always forwarded)")
    boolean interactive;

    @Option(
            names = {"-t", "--tty"},
            description = "give the program a terminal")
    boolean tty;

    @Option(
            names = {"-e", "--env"},
            paramLabel = "K=V",
            description = "an environment variable; K alone takes its value from here")
    List<String> env = new ArrayList<>();

    @Option(names = "--env-file", paramLabel = "FILE", description = "a file of K=V lines; # begins a comment line")
    List<Path> envFiles = new ArrayList<>();

    @Option(
            names = {"-w", "--workdir"},
            paramLabel = "DIR",
            description = "the working directory")
    @Nullable
    String workingDirectory;

    @Option(
            names = {"-u", "--user"},
            paramLabel = "UID[:GID]",
            description = "the user, by number")
    @Nullable
    String user;

    /** Standard input goes to the program unless it is the user's terminal and was not asked for. */
    boolean forwardsInput() {
        return interactive || tty || !Terminal.isTerminal(0);
    }

    /** Adds what was said to the JSON of a sandbox or an execution. */
    void describe(ObjectNode json, boolean detached) {
        boolean input = !detached && forwardsInput();
        if (tty && !detached && !Terminal.isTerminal(0)) {
            throw new CliException("-t needs a terminal on standard input");
        }
        ObjectNode variables = json.putObject("env");
        for (Path file : envFiles) {
            try {
                for (String line : Files.readAllLines(file)) {
                    if (!line.isBlank() && !line.startsWith("#")) {
                        putVariable(variables, line);
                    }
                }
            } catch (IOException e) {
                throw new CliException("cannot read " + file, e);
            }
        }
        env.forEach(setting -> putVariable(variables, setting));
        if (workingDirectory != null) {
            json.put("workingDir", workingDirectory);
        }
        if (user != null) {
            json.put("user", user);
        }
        json.put("stdin", input);
        json.put("tty", tty);
        if (tty) {
            Terminal.size().ifPresent(size -> json.put("rows", size.rows()).put("columns", size.columns()));
        }
    }

    private static void putVariable(ObjectNode variables, String setting) {
        int equals = setting.indexOf('=');
        if (equals == 0) {
            throw new CliException("no environment variable: " + setting);
        }
        if (equals > 0) {
            variables.put(setting.substring(0, equals), setting.substring(equals + 1));
            return;
        }
        String value = System.getenv(setting);
        if (value != null) {
            variables.put(setting, value);
        }
    }
}
