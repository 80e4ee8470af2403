package dev.stockade.sentry.oneshot;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The command line of {@code stockade do}.
 *
 * @param rootfs null: the host's root
 * @param workingDir null: the host's, if the tree has it
 * @param memoryBytes 0: the default
 * @param timeout null: none
 */
record DoOptions(
        @Nullable Path rootfs,
        List<String> env,
        @Nullable String workingDir,
        String user,
        long memoryBytes,
        @Nullable Duration timeout,
        boolean init,
        boolean help,
        List<String> command) {

    static final String USAGE = """
            Usage: stockade do [--rootfs DIR] [-e NAME=VALUE]... [-w DIR] [-u USER[:GROUP]]
                               [-m MEMORY] [--timeout TIME] [--init] [--] COMMAND [ARGUMENT...]
            Runs one program in a sandbox of this process. It sees the host's files, or those
            below DIR, and what it writes stays in memory and is gone with it.

              --rootfs DIR         the tree that it sees as its root; else the host's
              -e, --env NAME=VALUE set a variable; NAME alone takes the present value
              -w, --workdir DIR    working directory; else this one if the tree has it, else /
              -u, --user USER      user (and group), names or numbers; else root
              -m, --memory MEMORY  limit, e.g. 256m or 2g; else 1g
              --timeout TIME       kill it after e.g. 500ms, 30s or 5m
              --init               a reaper as PID 1 before the command
            Exit status: the program's, 128+n if signal n killed it, 127 not found,
            126 not executable, 125 for anything else that kept it from running.
            """;

    private static final Pattern SIZE = Pattern.compile("([0-9]{1,15})([kmgt]?)i?b?");
    private static final Pattern TIME = Pattern.compile("([0-9]{1,12})(ms|s|m|h|)");

    static DoOptions parse(List<String> words) throws UsageException {
        Parser p = new Parser(words);
        return p.parse();
    }

    private static final class Parser {
        private final List<String> words;
        private int next;

        Parser(List<String> words) {
            this.words = words;
        }

        DoOptions parse() throws UsageException {
            Path rootfs = null;
            List<String> env = new ArrayList<>();
            String workingDir = null;
            String user = "";
            long memory = 0;
            Duration timeout = null;
            boolean init = false;
            boolean help = false;
            while (next < words.size()) {
                String w = words.get(next);
                if (!w.startsWith("-") || w.equals("-")) {
                    break;
                }
                next++;
                if (w.equals("--")) {
                    break;
                }
                int equals = w.startsWith("--") ? w.indexOf('=') : -1;
                String name = equals < 0 ? w : w.substring(0, equals);
                String inline = equals < 0 ? null : w.substring(equals + 1);
                switch (name) {
                    case "--rootfs" -> rootfs = Path.of(value(name, inline));
                    case "-e", "--env" -> env(env, value(name, inline));
                    case "-w", "--workdir" -> workingDir = absolute(value(name, inline));
                    case "-u", "--user" -> user = value(name, inline);
                    case "-m", "--memory" -> memory = size(value(name, inline));
                    case "--timeout" -> timeout = time(value(name, inline));
                    case "--init" -> init = true;
                    case "-h", "--help" -> help = true;
                    default -> throw new UsageException("unknown option " + w);
                }
            }
            List<String> command = List.copyOf(words.subList(next, words.size()));
            if (command.isEmpty() && !help) {
                throw new UsageException("no command is given");
            }
            return new DoOptions(rootfs, List.copyOf(env), workingDir, user, memory, timeout, init, help, command);
        }

        private String value(String option, @Nullable String inline) throws UsageException {
            if (inline != null) {
                return inline;
            }
            if (next >= words.size()) {
                throw new UsageException(option + " needs a value");
            }
            return words.get(next++);
        }
    }

    private static void env(List<String> env, String entry) throws UsageException {
        int equals = entry.indexOf('=');
        if (equals == 0 || entry.isEmpty()) {
            throw new UsageException("-e needs NAME=VALUE or NAME, not '" + entry + "'");
        }
        if (equals > 0) {
            env.add(entry);
            return;
        }
        String value = System.getenv(entry);
        if (value != null) {
            env.add(entry + "=" + value);
        }
    }

    private static String absolute(String directory) throws UsageException {
        if (!directory.startsWith("/")) {
            throw new UsageException("-w needs an absolute path, not '" + directory + "'");
        }
        return directory;
    }

    static long size(String text) throws UsageException {
        Matcher m = SIZE.matcher(text.toLowerCase(Locale.ROOT));
        if (!m.matches()) {
            throw new UsageException("-m needs a size like 256m or 2g, not '" + text + "'");
        }
        int shift = switch (m.group(2)) {
            case "k" -> 10;
            case "m" -> 20;
            case "g" -> 30;
            case "t" -> 40;
            default -> 0;
        };
        long n = Long.parseLong(m.group(1));
        if (n == 0 || n > (1L << 40) >> shift) {
            throw new UsageException("-m is out of range: " + text);
        }
        return n << shift;
    }

    static Duration time(String text) throws UsageException {
        Matcher m = TIME.matcher(text);
        if (!m.matches()) {
            throw new UsageException("--timeout needs a time like 500ms, 30s or 5m, not '" + text + "'");
        }
        long n = Long.parseLong(m.group(1));
        if (n == 0) {
            throw new UsageException("--timeout must be more than 0");
        }
        return switch (m.group(2)) {
            case "ms" -> Duration.ofMillis(n);
            case "m" -> Duration.ofMinutes(n);
            case "h" -> Duration.ofHours(n);
            default -> Duration.ofSeconds(n);
        };
    }
}
