package dev.stockade.conformance;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * One program of the suite.
 *
 * @param name e.g. {@code linux/pipes}, {@code hostile/fork_bomb}, {@code scripts/shell}
 * @param args how it is started inside the tree
 * @param hostile never run natively: it ends with {@code status}, whatever it prints
 * @param status what a hostile one ends with
 * @param maxTasks task limit of its sandbox; 0: the default
 * @param memoryBytes memory limit of its sandbox
 */
record ConformanceCase(String name, List<String> args, boolean hostile, int status, int maxTasks, long memoryBytes) {
    private static final long DEFAULT_MEMORY = 512L << 20;
    private static final Pattern EXPECT = Pattern.compile("expect: status (\\d+)");
    private static final Pattern TASKS = Pattern.compile("limit: tasks (\\d+)");
    private static final Pattern MEMORY = Pattern.compile("limit: memory (\\d+)M");

    /** All of a suite's folder, in order. */
    static List<ConformanceCase> all(Path suite) throws IOException {
        List<ConformanceCase> cases = new ArrayList<>();
        for (Path source : sources(suite.resolve("programs/linux"), ".c")) {
            String name = stem(source);
            cases.add(new ConformanceCase(
                    "linux/" + name, List.of("/programs/linux/" + name), false, 0, 0, DEFAULT_MEMORY));
        }
        for (Path source : sources(suite.resolve("scripts"), ".sh")) {
            String name = stem(source);
            cases.add(new ConformanceCase(
                    "scripts/" + name, List.of("sh", "/scripts/" + name + ".sh"), false, 0, 0, DEFAULT_MEMORY));
        }
        for (Path source : sources(suite.resolve("programs/hostile"), ".c")) {
            String name = stem(source);
            String text = Files.readString(source);
            cases.add(new ConformanceCase(
                    "hostile/" + name,
                    List.of("/programs/hostile/" + name),
                    true,
                    (int) number(EXPECT, text, 0),
                    (int) number(TASKS, text, 0),
                    number(MEMORY, text, DEFAULT_MEMORY >> 20) << 20));
        }
        return cases;
    }

    /** The file that keeps what it did natively. */
    Path expectation(Path folder) {
        return folder.resolve(name.replace('/', '-').toLowerCase(Locale.ROOT) + ".expected");
    }

    private static long number(Pattern pattern, String text, long otherwise) {
        Matcher m = pattern.matcher(text);
        return m.find() ? Long.parseLong(m.group(1)) : otherwise;
    }

    private static List<Path> sources(Path folder, String ending) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.toString().endsWith(ending)).sorted().toList();
        }
    }

    private static String stem(Path file) {
        String name = file.getFileName().toString();
        return name.substring(0, name.lastIndexOf('.'));
    }
}
