package dev.stockade.sentry.mm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.platform.FakeMachine;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PageTablesTest {
    private final FakeMachine machine = new FakeMachine(32 << 20, 1L << 32);
    private final FrameAllocator frames = new FrameAllocator(machine.memory(), 32 << 20);
    private final PageTableAllocator allocator = new PageTableAllocator(machine, frames);

    @ParameterizedTest
    @ValueSource(longs = {1, 0})
    void shouldBehaveAsAMap(long fixedSeed) throws ErrnoException {
        long seed = fixedSeed != 0 ? fixedSeed : System.nanoTime();
        Random random = new Random(seed);
        PageTables tables = new PageTables(machine, allocator);
        TreeMap<Long, Long> model = new TreeMap<>();
        long[] places = new long[60];
        for (int i = 0; i < places.length; i++) {
            places[i] = (random.nextLong() & (Layout.TASK_SIZE - 1)) >>> random.nextInt(30) & -4096;
        }
        for (int i = 0; i < 20_000; i++) {
            long address = places[random.nextInt(places.length)] + random.nextInt(16) * 4096L;
            if (random.nextBoolean()) {
                long entry = tables.entry(random.nextInt(1000) * 4096L, PageTables.PRESENT | PageTables.USER);
                tables.store(tables.makeTable(address), address, entry);
                model.put(address, entry);
            } else {
                long expected = model.getOrDefault(address, 0L);
                assertThat(tables.walk(address)).as("seed %d", seed).isEqualTo(expected);
                long at = tables.translate(address + 5, false);
                assertThat(at).isEqualTo(expected == 0 ? PageTables.NONE : tables.frame(expected) + 5);
            }
        }
        Map<Long, Long> seen = new TreeMap<>();
        long end = Layout.TASK_SIZE;
        for (long a = tables.skipAbsent(0, end); a < end; a = tables.skipAbsent(PageEntries.tableEnd(a, end), end)) {
            long table = tables.table(a);
            for (long p = a; p < PageEntries.tableEnd(a, end); p += 4096) {
                if (tables.load(table, p) != 0) {
                    seen.put(p, tables.load(table, p));
                }
            }
        }
        assertThat(seen).as("seed %d", seed).isEqualTo(model);
        tables.destroy();
        allocator.reclaim();
        assertThat(frames.usedBytes()).isZero();
    }

    @Test
    void shouldReuseTablesOnlyAfterTheMachineForgotThem() throws ErrnoException {
        int made = 0;
        while (machine.timesForgotten() == 0) {
            PageTables tables = new PageTables(machine, allocator);
            long root = tables.root();
            tables.makeTable(0x40_0000);
            tables.destroy();
            made++;
            assertThat(tables.walk(0x40_0000)).isZero();
            assertThat(frames.references(root)).isEqualTo(1);
        }
        assertThat(made).isGreaterThan(50);
        assertThat(allocator.quarantined()).isLessThan(10);
    }

    @Test
    void shouldGiveTablesBackWhenMemoryRunsOut() throws ErrnoException {
        PageTables tables = new PageTables(machine, allocator);
        tables.destroy();
        long[] all = new long[8192];
        int n = frames.allocate(all, 8191, false);
        assertThat(n).isEqualTo(8191);
        frames.allocate();
        assertThat(machine.timesForgotten()).isEqualTo(1);
    }
}
