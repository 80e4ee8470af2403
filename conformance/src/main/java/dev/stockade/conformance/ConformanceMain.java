package dev.stockade.conformance;

import dev.stockade.sentry.kvm.KvmPlatform;
import dev.stockade.sentry.platform.Platform;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Runs the suite in the sentry: {@code ConformanceMain SUITE TREE EXPECTED TIMEOUT-SECONDS [NAME-PATTERN]}. Prints a line
 * for each case and a count; exit status 1 if a case differs from what it did natively.
 */
public final class ConformanceMain {
    private ConformanceMain() {}

    public static void main(String[] args) throws Exception {
        Path suite = Path.of(args[0]);
        Path tree = Path.of(args[1]);
        Path expected = Path.of(args[2]);
        long timeoutSeconds = Long.parseLong(args[3]);
        Pattern only = Pattern.compile(args.length > 4 ? args[4] : ".*");
        int passed = 0;
        int failed = 0;
        List<ConformanceCase> cases = ConformanceCase.all(suite);
        try (Platform platform = KvmPlatform.open()) {
            System.out.println("platform: " + platform.describe());
            SandboxRunner runner = new SandboxRunner(platform, tree, timeoutSeconds);
            for (ConformanceCase c : cases) {
                if (!only.matcher(c.name()).matches()) {
                    continue;
                }
                long start = System.nanoTime();
                Outcome actual = runner.run(c);
                String difference = difference(c, expected, actual);
                long ms = (System.nanoTime() - start) / 1_000_000;
                System.out.println((difference.isEmpty() ? "PASS " : "FAIL ") + c.name() + " " + ms + " ms");
                if (difference.isEmpty()) {
                    passed++;
                } else {
                    failed++;
                    System.out.println(difference.indent(4));
                }
            }
            runner.unimplemented().forEach(u -> System.out.println("unimplemented: " + u));
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    /** Empty if the case did what it should. */
    static String difference(ConformanceCase c, Path expected, Outcome actual) throws IOException {
        if (c.hostile()) {
            return actual.status() == c.status()
                    ? ""
                    : "status " + actual.status() + ", should be " + c.status() + "\n" + actual.output();
        }
        return Outcome.load(c.expectation(expected)).difference(actual);
    }
}
