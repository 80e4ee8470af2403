package dev.stockade.sentry.kernel;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class RankedLockTest {
    private final RankedLock tasks = new RankedLock(RankedLock.Rank.TASK_SET);
    private final RankedLock signals = new RankedLock(RankedLock.Rank.SIGNAL_HANDLERS);
    private final RankedLock otherSignals = new RankedLock(RankedLock.Rank.SIGNAL_HANDLERS);

    @Test
    void shouldAllowTheLockOrder() {
        assertThatCode(() -> {
                    tasks.lock();
                    signals.lock();
                    signals.unlock();
                    otherSignals.lock();
                    otherSignals.unlock();
                    tasks.unlock();
                })
                .doesNotThrowAnyException();
    }

    @Test
    void shouldRefuseAnInnerLockFirst() {
        signals.lock();
        try {
            assertThatThrownBy(tasks::lock).isInstanceOf(AssertionError.class).hasMessageContaining("TASK_SET");
        } finally {
            signals.unlock();
        }
    }

    @Test
    void shouldRefuseTwoOfOneRank() {
        signals.lock();
        try {
            assertThatThrownBy(otherSignals::lock).isInstanceOf(AssertionError.class);
            assertThatThrownBy(signals::lock).isInstanceOf(AssertionError.class);
        } finally {
            signals.unlock();
        }
    }
}
