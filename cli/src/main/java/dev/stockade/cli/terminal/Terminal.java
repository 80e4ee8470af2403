package dev.stockade.cli.terminal;

import dev.stockade.cli.CliException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The terminal on standard input, by stty(1): raw while a program of a sandbox owns it. */
public final class Terminal implements AutoCloseable {
    /** Rows and columns. */
    public record Size(int rows, int columns) {}

    private final String saved;
    private @Nullable Thread restorer;

    private Terminal(String saved) {
        this.saved = saved;
    }

    /** Whether the descriptor (0, 1 or 2) of this process is a terminal. */
    public static boolean isTerminal(int descriptor) {
        try {
            String target = Files.readSymbolicLink(Path.of("/proc/self/fd", Integer.toString(descriptor)))
                    .toString();
            return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty") || target.equals("/dev/console");
        } catch (IOException e) {
            return false;
        }
    }

    /** Takes the terminal into raw mode until closed, also when the process ends otherwise. */
    public static Terminal raw() {
        Terminal terminal = new Terminal(stty(List.of("-g"))
                .orElseThrow(() -> new CliException("cannot read the terminal's settings (stty -g)")));
        if (stty(List.of("raw", "-echo")).isEmpty()) {
            throw new CliException("cannot set the terminal to raw (stty raw)");
        }
        Thread restorer = new Thread(terminal::restore, "terminal-restore");
        Runtime.getRuntime().addShutdownHook(restorer);
        terminal.restorer = restorer;
        return terminal;
    }

    public static Optional<Size> size() {
        Optional<String> answer = stty(List.of("size"));
        if (answer.isEmpty()) {
            return Optional.empty();
        }
        String[] words = answer.get().split(" ");
        try {
            return Optional.of(new Size(Integer.parseInt(words[0]), Integer.parseInt(words[1])));
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
            return Optional.empty();
        }
    }

    private void restore() {
        stty(List.of(saved));
    }

    @Override
    public void close() {
        restore();
        Thread hook = restorer;
        if (hook != null) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                return; // the hook runs already
            }
        }
    }

    private static Optional<String> stty(List<String> arguments) {
        List<String> command = new ArrayList<>(List.of("stty"));
        command.addAll(arguments);
        try {
            Process process = new ProcessBuilder(command)
                    .redirectInput(ProcessBuilder.Redirect.INHERIT)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip();
            return process.waitFor() == 0 ? Optional.of(output) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }
}
