package dev.stockade.sentry.kvm;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stockade.sentry.kvm.selftest.KvmSelfTest;
import dev.stockade.sentry.platform.PlatformException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The self test's checks on this machine's KVM. */
class KvmPlatformTest {
    private static KvmPlatform platform;

    @BeforeAll
    static void openPlatform() throws PlatformException {
        Assumptions.assumeTrue(Files.isReadable(Path.of("/dev/kvm")), "no /dev/kvm that this user may open");
        platform = KvmPlatform.open();
        System.out.println(platform.describe());
    }

    @AfterAll
    static void closePlatform() {
        if (platform != null) {
            platform.close();
        }
    }

    @TestFactory
    Stream<DynamicTest> shouldPassTheSelfTest() {
        return KvmSelfTest.checks().stream()
                .map(check ->
                        DynamicTest.dynamicTest(check.name(), () -> check.body().run(platform)));
    }

    @Test
    void shouldSayWhatIsMissingWithoutADevice() {
        assertThatThrownBy(() -> KvmPlatform.open("/dev/no-such-kvm", 4))
                .isInstanceOf(PlatformException.class)
                .hasMessageContaining("there is no /dev/no-such-kvm");
    }
}
