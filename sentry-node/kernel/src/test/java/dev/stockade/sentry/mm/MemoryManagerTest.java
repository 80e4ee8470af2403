package dev.stockade.sentry.mm;

import static dev.stockade.sentry.abi.Mman.MAP_ANONYMOUS;
import static dev.stockade.sentry.abi.Mman.MAP_FIXED;
import static dev.stockade.sentry.abi.Mman.MAP_PRIVATE;
import static dev.stockade.sentry.abi.Mman.MAP_SHARED;
import static dev.stockade.sentry.abi.Mman.PROT_EXEC;
import static dev.stockade.sentry.abi.Mman.PROT_NONE;
import static dev.stockade.sentry.abi.Mman.PROT_READ;
import static dev.stockade.sentry.abi.Mman.PROT_WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.platform.FakeMachine;
import java.util.Random;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MemoryManagerTest {
    static final int RW = PROT_READ | PROT_WRITE;
    static final int ANON = MAP_PRIVATE | MAP_ANONYMOUS;
    static final long PAGE = 4096;

    private final FakeMachine machine = new FakeMachine(64 << 20, 1L << 32);
    private final FrameAllocator frames = new FrameAllocator(machine.memory(), 48 << 20);
    private final AddressSpaces spaces = new AddressSpaces(machine, frames, new Random(1));
    private final MemoryManager mm = create();
    private boolean dead;

    private MemoryManager create() {
        try {
            return spaces.create(MemoryLimits.DEFAULT, true);
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    @AfterEach
    void shouldLeakNoFrame() {
        if (!dead) {
            mm.decUsers();
        }
        spaces.pageTables().reclaim();
        assertThat(frames.usedBytes()).isZero();
    }

    static void assertErrno(Errno errno, ThrowingCallable call) {
        assertThatThrownBy(call).isSameAs(errno.exception());
    }

    private long map(long length) throws ErrnoException {
        return mm.mmap(0, length, RW, ANON, null, 0);
    }

    /** Sets the accessed bit as the processor does. */
    private void touch(MemoryManager m, long address) {
        long table = m.tables.table(address);
        m.tables.store(table, address, m.tables.load(table, address) | PageTables.ACCESSED);
    }

    @Test
    void shouldReadZerosAndWhatWasWritten() throws ErrnoException {
        long a = map(3 * PAGE);
        assertThat(mm.readLong(a)).isZero();
        mm.writeLong(a + PAGE - 4, 0x1122334455667788L);
        assertThat(mm.readLong(a + PAGE - 4)).isEqualTo(0x1122334455667788L);
        assertThat(mm.readInt(a + PAGE)).isEqualTo(0x11223344);
        mm.copyOut(a + 10, "hello\0".getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
        assertThat(mm.copyInString(a + 10, 6)).asString().isEqualTo("hello");
        assertErrno(Errno.ENAMETOOLONG, () -> mm.copyInString(a + 10, 5));
    }

    @Test
    void shouldFillNeighboursOfAFault() throws ErrnoException {
        long a = map(2 << 20);
        assertThat(mm.handleFault(a + 5 * PAGE, 6)).isEqualTo(FaultResult.HANDLED);
        assertThat(mm.usage().residentAnonymous()).isGreaterThanOrEqualTo(8 * PAGE);
        for (long p = a; p < a + (2 << 20); p += PAGE) {
            mm.writeByte(p, (byte) 1);
        }
        assertThat(mm.usage().residentAnonymous()).isEqualTo(2 << 20);
    }

    @Test
    void shouldTellFaultsApart() throws ErrnoException {
        long a = mm.mmap(0, 2 * PAGE, PROT_READ, ANON, null, 0);
        assertThat(mm.handleFault(a, 4)).isEqualTo(FaultResult.HANDLED);
        assertThat(mm.handleFault(a, 6)).isEqualTo(FaultResult.SEGV_ACCERR);
        assertThat(mm.handleFault(a, 20)).isEqualTo(FaultResult.SEGV_ACCERR);
        assertThat(mm.handleFault(a + 2 * PAGE, 4)).isEqualTo(FaultResult.SEGV_MAPERR);
        assertThat(mm.handleFault(-1, 4)).isEqualTo(FaultResult.SEGV_MAPERR);
        assertThat(mm.handleFault(1L << 47, 4)).isEqualTo(FaultResult.SEGV_MAPERR);
        assertThat(mm.handleFault(0x8000_0000_0000_0000L, 4)).isEqualTo(FaultResult.SEGV_MAPERR);
        mm.mprotect(a, PAGE, PROT_NONE);
        assertThat(mm.handleFault(a, 4)).isEqualTo(FaultResult.SEGV_ACCERR);
        mm.mprotect(a, PAGE, PROT_READ | PROT_EXEC);
        assertThat(mm.handleFault(a, 20)).isEqualTo(FaultResult.HANDLED);
    }

    @Test
    void shouldKeepContentsThroughProtNone() throws ErrnoException {
        long a = map(PAGE);
        mm.writeInt(a, 42);
        machine.takeRevocations();
        touch(mm, a);
        mm.mprotect(a, PAGE, PROT_NONE);
        assertThat(machine.takeRevocations()).hasSize(1);
        assertErrno(Errno.EFAULT, () -> mm.readInt(a));
        mm.mprotect(a, PAGE, RW);
        assertThat(machine.takeRevocations()).isEmpty();
        assertThat(mm.readInt(a)).isEqualTo(42);
        mm.writeInt(a, 43);
    }

    @Test
    void shouldRevokeWhatIsUnmapped() throws ErrnoException {
        long a = map(64 * PAGE);
        mm.clear(a, 64 * PAGE);
        long frame = mm.tables.frame(mm.tables.walk(a + 7 * PAGE));
        mm.munmap(a + PAGE, 62 * PAGE);
        assertThat(machine.takeRevocations()).anyMatch(r -> r.covers(frame));
        assertErrno(Errno.EFAULT, () -> mm.readInt(a + PAGE));
        assertErrno(Errno.EFAULT, () -> mm.readInt(a + 62 * PAGE));
        assertThat(mm.readInt(a)).isZero();
        assertThat(mm.readInt(a + 63 * PAGE)).isZero();
    }

    @Test
    void shouldGiveEfaultForBadAddresses() throws ErrnoException {
        long a = map(PAGE);
        for (long bad : new long[] {
            0,
            1,
            a - 1,
            a + PAGE - 3,
            -1,
            -4,
            Long.MIN_VALUE,
            Long.MAX_VALUE,
            1L << 47,
            (1L << 47) - 4096,
            (1L << 47) - 2
        }) {
            assertErrno(Errno.EFAULT, () -> mm.readInt(bad));
            assertErrno(Errno.EFAULT, () -> mm.writeInt(bad, 1));
            assertErrno(Errno.EFAULT, () -> mm.copyIn(bad, new byte[8192]));
            assertErrno(Errno.EFAULT, () -> mm.copyOut(bad, new byte[8192]));
        }
    }

    @Test
    void shouldForkEagerlyAndByCopyOnWrite() throws ErrnoException {
        for (long pages : new long[] {4, 2000}) {
            long a = map(pages * PAGE);
            for (long i = 0; i < pages; i++) {
                mm.writeLong(a + i * PAGE, i);
            }
            long shared = mm.mmap(0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, null, 0);
            mm.writeInt(shared, 1);
            MemoryManager child = mm.fork();
            for (long i = 0; i < pages; i++) {
                assertThat(child.readLong(a + i * PAGE)).isEqualTo(i);
            }
            child.writeLong(a + PAGE, 77);
            mm.writeLong(a + 2 * PAGE, 88);
            assertThat(mm.readLong(a + PAGE)).isEqualTo(1);
            assertThat(child.readLong(a + 2 * PAGE)).isEqualTo(2);
            child.writeInt(shared, 5);
            assertThat(mm.readInt(shared)).isEqualTo(5);
            child.decUsers();
            mm.writeLong(a + 3 * PAGE, 9);
            assertThat(mm.readLong(a + 3 * PAGE)).isEqualTo(9);
            mm.munmap(a, pages * PAGE);
            mm.munmap(shared, PAGE);
        }
    }

    @Test
    void shouldStopAtTheMemoryLimit() throws ErrnoException {
        long a = map(1L << 40);
        FaultResult result = FaultResult.HANDLED;
        long at = a;
        while (result == FaultResult.HANDLED) {
            result = mm.handleFault(at, 6);
            at += PAGE;
        }
        assertThat(result).isEqualTo(FaultResult.OUT_OF_MEMORY);
        assertThat(frames.usedBytes()).isEqualTo(frames.limitBytes());
        mm.munmap(a, 1L << 40);
        assertThat(frames.usedBytes()).isLessThan(1 << 20);
    }

    @Test
    void shouldGrowTheStackToItsLimit() throws ErrnoException {
        long top = mm.stackTop() - PAGE;
        mm.mmap(top, PAGE, RW, ANON | MAP_FIXED | dev.stockade.sentry.abi.Mman.MAP_GROWSDOWN, null, 0);
        mm.writeInt(top - 100 * PAGE, 1);
        assertThat(mm.handleFault(mm.stackTop() - (8 << 20), 6)).isEqualTo(FaultResult.HANDLED);
        assertThat(mm.handleFault(mm.stackTop() - (8 << 20) - 1, 6)).isEqualTo(FaultResult.SEGV_MAPERR);
    }
}
