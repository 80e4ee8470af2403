package dev.stockade.control.domain;

import java.util.List;

/**
 * A program to start, complete: the defaults of its image are already in.
 *
 * @param args the program and its arguments, at least one
 * @param env {@code NAME=value}
 * @param user "", "uid" or "uid:gid"
 * @param stdin whether standard input is connected; {@code /dev/null} otherwise
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
        args = List.copyOf(args);
        env = List.copyOf(env);
        if (args.isEmpty()) {
            throw new IllegalArgumentException("a command needs a program");
        }
    }
}
