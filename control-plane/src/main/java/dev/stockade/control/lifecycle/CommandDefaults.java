package dev.stockade.control.lifecycle;

import dev.stockade.control.domain.Command;
import dev.stockade.control.lifecycle.CreateRequest.CommandRequest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Completes a command with what its image says, as container engines do: the entry point comes before the
 * arguments, the image's own arguments are used where none are given, and the environment of the request
 * wins over the image's.
 */
final class CommandDefaults {
    private static final String PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private final List<String> entrypoint;
    private final List<String> cmd;
    private final List<String> env;
    private final String workingDir;
    private final String user;

    CommandDefaults(List<String> entrypoint, List<String> cmd, List<String> env, String workingDir, String user) {
        this.entrypoint = entrypoint;
        this.cmd = cmd;
        this.env = env;
        this.workingDir = workingDir;
        this.user = user;
    }

    /** For a further command of a sandbox: its environment and place are the main command's. */
    static CommandDefaults of(Command main) {
        return new CommandDefaults(List.of(), List.of(), main.env(), main.workingDir(), main.user());
    }

    Command complete(CommandRequest request, @Nullable String hostname) {
        List<String> args = new ArrayList<>(entrypoint);
        args.addAll(request.args().isEmpty() ? cmd : request.args());
        if (args.isEmpty()) {
            throw new InvalidRequestException("command", "the image has no command of its own: give one");
        }
        String place = request.workingDir() == null ? workingDir : request.workingDir();
        String who = request.user() == null ? user : request.user();
        Map<String, String> variables = new LinkedHashMap<>();
        variables.put("PATH", PATH);
        variables.put("HOME", who.isEmpty() || who.equals("0") || who.startsWith("0:") ? "/root" : "/");
        if (hostname != null) {
            variables.put("HOSTNAME", hostname);
        }
        if (request.tty()) {
            variables.put("TERM", "xterm");
        }
        for (String entry : env) {
            int equals = entry.indexOf('=');
            if (equals > 0) {
                variables.put(entry.substring(0, equals), entry.substring(equals + 1));
            }
        }
        variables.putAll(request.env());
        return new Command(
                args,
                variables.entrySet().stream()
                        .map(variable -> variable.getKey() + "=" + variable.getValue())
                        .toList(),
                place,
                who,
                request.tty(),
                request.stdin() || request.tty(),
                request.rows(),
                request.columns());
    }
}
