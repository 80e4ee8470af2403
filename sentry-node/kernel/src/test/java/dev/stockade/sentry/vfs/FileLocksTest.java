package dev.stockade.sentry.vfs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.KernelHeap;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FileLocksTest {
    private final KernelHeap heap = new KernelHeap(1 << 20);
    private final FileLocks locks = new FileLocks(heap);

    /** Random locks of three owners on thirty bytes against one cell per owner and byte. */
    @Test
    void shouldAgreeWithALockOnEachByte() throws ErrnoException {
        long seed = System.nanoTime();
        Random r = new Random(seed);
        Object[] owners = {"a", "b", "c"};
        int[][] model = new int[3][30];
        for (int step = 0; step < 20_000; step++) {
            int o = r.nextInt(3);
            int start = r.nextInt(30);
            int end = start + 1 + r.nextInt(30 - start);
            int kind = r.nextInt(3);
            if (kind == 0) {
                locks.unlock(owners[o], start, end);
                Arrays.fill(model[o], start, end, 0);
                continue;
            }
            boolean free = true;
            for (int other = 0; other < 3; other++) {
                for (int i = start; other != o && i < end; i++) {
                    free &= model[other][i] == 0 || (kind == 1 && model[other][i] == 1);
                }
            }
            boolean set = locks.tryLock(new FileLocks.Range(owners[o], kind == 2, start, end, 1));
            assertThat(set).as("seed %d step %d", seed, step).isEqualTo(free);
            if (set) {
                Arrays.fill(model[o], start, end, kind);
            }
            assertThat(locks.count(owners[o])).isLessThanOrEqualTo(30);
        }
        for (Object o : owners) {
            locks.unlock(o, 0, Long.MAX_VALUE);
        }
        assertThat(heap.usedBytes()).isZero();
    }

    @Test
    void shouldStopAtTheHeapAccount() throws ErrnoException {
        Errno e = null;
        for (int i = 0; i < 1 << 20 && e == null; i++) {
            int at = 2 * i;
            e = TestSandbox.errnoOf(() -> locks.tryLock(new FileLocks.Range("a", true, at, at + 1, 1)));
        }
        assertThat(e).isEqualTo(Errno.ENOLCK);
        locks.unlock("a", 0, Long.MAX_VALUE);
        assertThat(heap.usedBytes()).isZero();
    }

    @Test
    void shouldConvertFlocks() {
        assertThat(locks.tryFlock("a", false)).isTrue();
        assertThat(locks.tryFlock("b", false)).isTrue();
        assertThat(locks.tryFlock("a", true)).as("loses its own").isFalse();
        assertThat(locks.tryFlock("b", true)).isTrue();
        assertThat(locks.tryFlock("a", false)).isFalse();
        locks.unflock("b");
        assertThat(locks.tryFlock("a", true)).isTrue();
    }
}
