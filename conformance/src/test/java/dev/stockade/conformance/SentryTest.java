package dev.stockade.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.kvm.KvmPlatform;
import dev.stockade.sentry.platform.Platform;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** Every program does in the sentry, on this machine's KVM, what it does natively; hostile ones end as they should. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SentryTest {
    private Platform platform;

    @BeforeAll
    void open() throws Exception {
        Assumptions.assumeTrue(
                Files.isReadable(Path.of("/dev/kvm")) && Files.isWritable(Path.of("/dev/kvm")),
                "no /dev/kvm that may be opened here: the conformance suite in the sentry is skipped");
        platform = KvmPlatform.open();
        Suite.build();
    }

    @AfterAll
    void close() {
        if (platform != null) {
            platform.close();
        }
    }

    @TestFactory
    Stream<DynamicTest> shouldDoAsNatively() throws Exception {
        SandboxRunner runner = new SandboxRunner(platform, Suite.TREE, 120);
        return ConformanceCase.all(Suite.MODULE).stream()
                .map(c -> DynamicTest.dynamicTest(c.name(), () -> {
                    if (!c.hostile()) {
                        Suite.nativeOutcome(c);
                    }
                    Outcome actual = runner.run(c);
                    assertThat(ConformanceMain.difference(c, Suite.EXPECTED, actual))
                            .isEmpty();
                }));
    }
}
