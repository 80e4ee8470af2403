package dev.stockade.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Linux is the specification: every program passes natively first. */
class NativeTest {
    @TestFactory
    Stream<DynamicTest> shouldPassOnLinux() throws Exception {
        Suite.build();
        return ConformanceCase.all(Suite.MODULE).stream()
                .filter(c -> !c.hostile())
                .map(c -> DynamicTest.dynamicTest(c.name(), () -> {
                    Outcome o = Suite.nativeOutcome(c);
                    assertThat(o.output()).doesNotContainPattern("(?m)^FAIL");
                    assertThat(o.status()).isEqualTo(c.name().equals("linux/hello") ? 42 : 0);
                }));
    }
}
