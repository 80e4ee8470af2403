package dev.stockade.sentry.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class FrameAllocatorTest {
    private final ArenaMemory memory = new ArenaMemory(16 << 20);
    private final FrameAllocator frames = new FrameAllocator(memory, 12 << 20);

    private void soil(long frame) {
        memory.segment().asSlice(frame, 4096).fill((byte) 0x5a);
    }

    private boolean isZero(long frame) {
        for (int i = 0; i < 4096; i += 8) {
            if (memory.segment().get(ValueLayout.JAVA_LONG, frame + i) != 0) {
                return false;
            }
        }
        return true;
    }

    @Test
    void shouldZeroFramesThatWereUsedBefore() throws ErrnoException {
        for (int round = 0; round < 3; round++) {
            List<Long> all = new ArrayList<>();
            for (int i = 0; i < 2000; i++) {
                long f = frames.allocate();
                assertThat(isZero(f)).isTrue();
                soil(f);
                all.add(f);
            }
            assertThat(new HashSet<>(all)).hasSize(2000);
            all.forEach(frames::decRef);
        }
        assertThat(frames.usedBytes()).isZero();
        assertThat(frames.peakBytes()).isEqualTo(2000 * 4096);
    }

    @Test
    void shouldGiveMemoryBackToTheHost() throws ErrnoException {
        long[] run = new long[2048];
        assertThat(frames.allocate(run, 2048, true)).isEqualTo(2048);
        frames.decRef(run, 2048);
        assertThat(memory.released()).isGreaterThan(4 << 20);
        assertThat(frames.dirtyBytes()).isLessThanOrEqualTo(4 << 20);
        frames.trim();
        assertThat(memory.released()).isEqualTo(2048 * 4096);
        assertThat(frames.dirtyBytes()).isZero();
    }

    @Test
    void shouldCountReferences() throws ErrnoException {
        long f = frames.allocate();
        frames.incRef(f);
        assertThat(frames.references(f)).isEqualTo(2);
        frames.decRef(f);
        assertThat(frames.usedBytes()).isEqualTo(4096);
        frames.decRef(f);
        assertThat(frames.usedBytes()).isZero();
        assertThatThrownBy(() -> frames.decRef(f)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldRefuseFramesThatDoNotExist() {
        for (long bad : new long[] {-4096, 1, 16 << 20, Long.MAX_VALUE & -4096}) {
            assertThatThrownBy(() -> frames.incRef(bad)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void shouldStopAtTheLimitAndAskReclaimersFirst() throws ErrnoException {
        long[] all = new long[3072];
        assertThat(frames.allocate(all, 4000 - 928, true)).isEqualTo(3072);
        assertThatThrownBy(frames::allocate).isSameAs(Errno.ENOMEM.exception());
        assertThatThrownBy(() -> frames.allocateRun(1, 1)).isSameAs(Errno.ENOMEM.exception());
        int[] left = {2};
        frames.addReclaimer(() -> {
            if (left[0] == 0) {
                return false;
            }
            frames.decRef(all[--left[0]]);
            return true;
        });
        long a = frames.allocate();
        long b = frames.allocate();
        assertThatThrownBy(frames::allocate).isSameAs(Errno.ENOMEM.exception());
        assertThat(a).isNotEqualTo(b);
    }

    @Test
    void shouldAllocateAlignedRuns() throws ErrnoException {
        frames.allocate();
        long run = frames.allocateRun(512, 512);
        assertThat(run % (2 << 20)).isZero();
        for (int i = 0; i < 512; i++) {
            assertThat(frames.references(run + i * 4096L)).isEqualTo(1);
        }
        // Freed runs can be had again, though they are dirty first.
        for (int i = 0; i < 512; i++) {
            soil(run + i * 4096L);
            frames.decRef(run + i * 4096L);
        }
        long[] rest = new long[3000];
        int n = frames.allocate(rest, 2500, false);
        frames.decRef(rest, n);
        frames.trim();
        long again = frames.allocateRun(2048, 512);
        for (int i = 0; i < 2048; i++) {
            assertThat(isZero(again + i * 4096L)).isTrue();
        }
    }

    @Test
    void shouldWaitForFramesThatAreGoingBackToTheHost() throws Exception {
        // As large as the limit: whatever is free but for these frames is none.
        ArenaMemory small = new ArenaMemory(8 << 20);
        FrameAllocator tight = new FrameAllocator(small, 8 << 20);
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 2; t++) {
            threads.add(Thread.ofPlatform().start(() -> {
                long[] mine = new long[1024];
                for (int i = 0; i < 300 && failure.get() == null; i++) {
                    try {
                        int n = 0;
                        while (n < mine.length) {
                            mine[n++] = tight.allocate();
                        }
                        tight.decRef(mine, n);
                        tight.trim();
                    } catch (Throwable e) {
                        failure.compareAndSet(null, e);
                    }
                }
            }));
        }
        for (Thread t : threads) {
            t.join();
        }
        assertThat(failure.get()).isNull();
    }

    @Test
    void shouldKeepCountWithManyThreads() throws Exception {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            long seed = 31L * t + 7;
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    Random random = new Random(seed);
                    Set<Long> mine = new HashSet<>();
                    long[] batch = new long[100];
                    for (int i = 0; i < 3000; i++) {
                        if (mine.size() < 500 && random.nextBoolean()) {
                            int n = frames.allocate(batch, 1 + random.nextInt(100), true);
                            for (int k = 0; k < n; k++) {
                                assertThat(memory.segment().get(ValueLayout.JAVA_LONG, batch[k]))
                                        .isZero();
                                memory.segment().set(ValueLayout.JAVA_LONG, batch[k], seed);
                                assertThat(mine.add(batch[k])).isTrue();
                            }
                        } else if (!mine.isEmpty()) {
                            long f = mine.iterator().next();
                            assertThat(memory.segment().get(ValueLayout.JAVA_LONG, f))
                                    .isEqualTo(seed);
                            mine.remove(f);
                            frames.decRef(f);
                        }
                    }
                    mine.forEach(frames::decRef);
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                }
            }));
        }
        for (Thread t : threads) {
            t.join();
        }
        assertThat(failure.get()).isNull();
        assertThat(frames.usedBytes()).isZero();
    }
}
