package dev.stockade.conformance;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a program printed and how it ended.
 *
 * @param status exit status, or 128 + signal
 */
record Outcome(int status, String output) {
    /** Reads what {@link #save} wrote. */
    static Outcome load(Path file) throws IOException {
        String text = Files.readString(file, StandardCharsets.ISO_8859_1);
        int end = text.indexOf('\n');
        return new Outcome(Integer.parseInt(text.substring(0, end)), text.substring(end + 1));
    }

    void save(Path file) throws IOException {
        Files.writeString(file, status + "\n" + output, StandardCharsets.ISO_8859_1);
    }

    /** Empty when equal; else the first difference, for people. */
    String difference(Outcome actual) {
        if (equals(actual)) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        if (status != actual.status) {
            text.append("status ")
                    .append(actual.status)
                    .append(", natively ")
                    .append(status)
                    .append('\n');
        }
        String[] mine = output.split("\n", -1);
        String[] other = actual.output.split("\n", -1);
        int shown = 0;
        for (int i = 0; i < Math.max(mine.length, other.length) && shown < 12; i++) {
            String a = i < mine.length ? mine[i] : "(nothing)";
            String b = i < other.length ? other[i] : "(nothing)";
            if (!a.equals(b)) {
                text.append("line ")
                        .append(i + 1)
                        .append(": ")
                        .append(b)
                        .append("\n  natively: ")
                        .append(a)
                        .append('\n');
                shown++;
            }
        }
        return text.toString();
    }
}
