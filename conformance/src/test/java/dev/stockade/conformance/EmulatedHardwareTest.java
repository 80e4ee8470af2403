package dev.stockade.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The same programs on hardware KVM's semantics (SYSCALL to CPL 0, nested paging), emulated by qemu. */
class EmulatedHardwareTest {
    /** One emulated core runs about 50 times slower: what is long natively is left to the machine's own KVM. */
    private static final String CASES = "linux/(hello|startup|files|directories|pipes|processes|exec|signals|faults"
            + "|memory|jobs|fpu|credentials|locks|procfs)|scripts/(shell|jobs)|hostile/kernel_addresses";

    @TestFactory
    Stream<DynamicTest> shouldDoAsNatively() throws Exception {
        String script = Suite.MODULE.resolve("qemu/run-in-qemu").toString();
        Outcome check = Suite.run(Suite.MODULE, script, "--check");
        Assumptions.assumeTrue(check.status() == 0, "no emulated hardware KVM here: " + check.output());
        Suite.build();
        List<ConformanceCase> cases = ConformanceCase.all(Suite.MODULE).stream()
                .filter(c -> c.name().matches(CASES))
                .toList();
        for (ConformanceCase c : cases) {
            if (!c.hostile()) {
                Suite.nativeOutcome(c);
            }
        }
        List<String> command = new ArrayList<>(List.of(script, "-cp", System.getProperty("java.class.path")));
        command.addAll(List.of("--file", Suite.TREE + ":/suite/tree", "--file", Suite.EXPECTED + ":/suite/expected"));
        command.addAll(List.of("--file", Suite.MODULE.resolve("programs") + ":/suite/programs"));
        command.addAll(List.of("--file", Suite.MODULE.resolve("scripts") + ":/suite/scripts", "--timeout", "900"));
        command.addAll(List.of("dev.stockade.conformance.ConformanceMain", "/suite", "/suite/tree", "/suite/expected"));
        command.addAll(List.of("300", CASES));
        Outcome run = Suite.run(Suite.MODULE, command.toArray(String[]::new));
        return cases.stream()
                .map(c -> DynamicTest.dynamicTest(
                        c.name(), () -> assertThat(run.output()).containsPattern("(?m)^PASS " + c.name() + " ")));
    }
}
