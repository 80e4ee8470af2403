package dev.stockade.sentry.kvm.selftest;

import dev.stockade.sentry.kvm.KvmPlatform;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs the checks of the platform and prints PASS or FAIL for each; exits with 1 if one failed. Arguments, if any, are
 * parts of the names of the checks to run.
 */
public final class KvmSelfTest {
    private KvmSelfTest() {}

    /** All checks. */
    public static List<Check> checks() {
        List<Check> all = new ArrayList<>();
        all.addAll(RunChecks.all());
        all.addAll(MemoryChecks.all());
        all.addAll(AddressSpaceChecks.all());
        all.addAll(FpuChecks.all());
        all.addAll(HostileChecks.all());
        return all;
    }

    /** Says where everything stands if the whole takes longer than it ever should. */
    private static void watch(PrintStream out) {
        long limitMs = Long.getLong("stockade.selftest.watch-ms", 450_000);
        Thread.ofPlatform().daemon().name("watch").start(() -> {
            try {
                Thread.sleep(limitMs);
            } catch (InterruptedException e) {
                return;
            }
            out.println("still running after " + limitMs + " ms:");
            Thread.getAllStackTraces().forEach((thread, frames) -> {
                out.println(thread.getName() + " " + thread.getState());
                for (StackTraceElement frame : frames) {
                    out.println("    at " + frame);
                }
            });
        });
    }

    public static void main(String[] args) throws Exception {
        PrintStream out = System.out;
        watch(out);
        int failed = 0;
        int passed = 0;
        try (KvmPlatform platform = KvmPlatform.open()) {
            out.println("platform: " + platform.describe());
            for (Check check : checks()) {
                if (args.length > 0 && List.of(args).stream().noneMatch(check.name()::contains)) {
                    continue;
                }
                long start = System.nanoTime();
                try {
                    check.body().run(platform);
                    out.println("PASS " + check.name() + " (" + (System.nanoTime() - start) / 1_000_000 + " ms)");
                    passed++;
                } catch (Exception | AssertionError e) {
                    out.println("FAIL " + check.name() + ": " + e);
                    for (StackTraceElement frame : e.getStackTrace()) {
                        out.println("       at " + frame);
                    }
                    failed++;
                }
            }
        }
        out.println("checks: " + passed + " passed, " + failed + " failed");
        System.exit(failed == 0 && passed > 0 ? 0 : 1);
    }
}
