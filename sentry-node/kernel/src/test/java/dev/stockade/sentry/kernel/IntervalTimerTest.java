package dev.stockade.sentry.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class IntervalTimerTest {
    private static final long MS = 1_000_000;

    @Test
    void shouldKeepThePeriod() {
        assertThat(IntervalTimer.next(10 * MS, MS, 10 * MS + 5)).isEqualTo(11 * MS);
        assertThat(IntervalTimer.next(10 * MS, MS, 20 * MS)).isEqualTo(21 * MS);
    }

    @Test
    void shouldLeaveOutWhatNobodyCouldTellApart() {
        assertThat(IntervalTimer.next(10 * MS, 1000, 10 * MS)).isEqualTo(10 * MS + 100_000);
    }

    @Test
    void shouldNotCountPastTheEndOfTime() {
        assertThat(IntervalTimer.next(10 * MS, Long.MAX_VALUE, 10 * MS)).isEqualTo(Long.MAX_VALUE - 1);
        assertThat(IntervalTimer.next(10 * MS, Long.MAX_VALUE / 2, Long.MAX_VALUE / 2 + 11 * MS))
                .isEqualTo(Long.MAX_VALUE - 1);
    }
}
