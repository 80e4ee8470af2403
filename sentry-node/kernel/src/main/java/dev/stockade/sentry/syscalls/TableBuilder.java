package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.kernel.ControlHandler;
import dev.stockade.sentry.kernel.SyscallHandler;
import dev.stockade.sentry.syscalls.Syscall.Completeness;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Collects the lines of the table and refuses duplicates and disorder. */
final class TableBuilder {
    private final List<Syscall> lines = new ArrayList<>();

    void full(int number, String name, SyscallHandler handler) {
        add(number, name, Completeness.FULL, "", handler, null, null);
    }

    void partial(int number, String name, SyscallHandler handler, String missing) {
        add(number, name, Completeness.PARTIAL, missing, handler, null, null);
    }

    void control(int number, String name, ControlHandler handler) {
        add(number, name, Completeness.FULL, "", null, handler, null);
    }

    void partialControl(int number, String name, ControlHandler handler, String missing) {
        add(number, name, Completeness.PARTIAL, missing, null, handler, null);
    }

    void none(int number, String name, Errno errno) {
        none(number, name, errno, "");
    }

    void none(int number, String name, Errno errno, String why) {
        add(number, name, Completeness.NONE, why, null, null, errno);
    }

    private void add(
            int number,
            String name,
            Completeness completeness,
            String note,
            @Nullable SyscallHandler handler,
            @Nullable ControlHandler control,
            @Nullable Errno errno) {
        if (!lines.isEmpty() && lines.getLast().number() >= number) {
            throw new IllegalStateException("system call " + number + " (" + name + ") stands after "
                    + lines.getLast().number());
        }
        if (completeness == Completeness.PARTIAL && note.isBlank()) {
            throw new IllegalStateException("system call " + name + " is partial: say what is missing");
        }
        lines.add(new Syscall(number, name, completeness, note, handler, control, errno));
    }

    List<Syscall> build() {
        return List.copyOf(lines);
    }
}
