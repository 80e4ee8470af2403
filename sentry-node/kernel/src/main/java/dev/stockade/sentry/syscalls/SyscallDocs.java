package dev.stockade.sentry.syscalls;

import dev.stockade.sentry.syscalls.Syscall.Completeness;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Writes docs/syscalls.md from the table. */
final class SyscallDocs {
    private SyscallDocs() {}

    static String markdown(List<Syscall> table) {
        StringBuilder b = new StringBuilder("# System calls (x86-64)\n\n"
                + "Generated from the table in `SyscallTable.java`; a test fails when this file is out of date"
                + " (`-Dupdate=true` writes it).\n\n");
        b.append("Full: ").append(count(table, Completeness.FULL));
        b.append(", partial: ").append(count(table, Completeness.PARTIAL));
        b.append(", not implemented: ").append(count(table, Completeness.NONE)).append(".\n\n");
        b.append("| number | name | support | note |\n| ---: | --- | --- | --- |\n");
        for (Syscall s : table) {
            String support = switch (s.completeness()) {
                case FULL -> "full";
                case PARTIAL -> "partial";
                case NONE -> String.valueOf(s.errno());
            };
            b.append("| ").append(s.number());
            b.append(" | ").append(s.name());
            b.append(" | ").append(support);
            b.append(" | ").append(s.note()).append(" |\n");
        }
        return b.toString();
    }

    private static long count(List<Syscall> table, Completeness c) {
        return table.stream().filter(s -> s.completeness() == c).count();
    }

    /** Writes the file named by the first argument. */
    public static void main(String[] arguments) throws IOException {
        Files.writeString(Path.of(arguments[0]), markdown(SyscallTable.amd64()));
    }
}
