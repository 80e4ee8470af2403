package dev.stockade.sentry.boot;

import java.util.List;

/**
 * A program to run, as a container engine's configuration has it.
 *
 * @param args argv; the first is looked up along PATH unless it has a slash
 * @param env {@code NAME=value}, in place of the defaults (PATH, HOME, HOSTNAME, TERM on a terminal)
 * @param workingDir absolute, made if it does not exist; "" is "/"
 * @param user "", "uid", "uid:gid" or names of the image's
 * @param tty the streams are a terminal
 * @param stdin false: standard input is /dev/null
 * @param rows of the terminal
 */
public record Command(
        List<String> args,
        List<String> env,
        String workingDir,
        String user,
        boolean tty,
        boolean stdin,
        int rows,
        int columns) {
    public Command {
        if (args.isEmpty()) {
            throw new IllegalArgumentException("no program");
        }
        args = List.copyOf(args);
        env = List.copyOf(env);
    }

    /** A command with standard input, as root, in "/". */
    public static Command of(String... args) {
        return new Command(List.of(args), List.of(), "", "", false, true, 0, 0);
    }

    public Command withEnv(List<String> entries) {
        return new Command(args, entries, workingDir, user, tty, stdin, rows, columns);
    }

    public Command withWorkingDir(String directory) {
        return new Command(args, env, directory, user, tty, stdin, rows, columns);
    }

    public Command withUser(String name) {
        return new Command(args, env, workingDir, name, tty, stdin, rows, columns);
    }
}
