package dev.stockade.sentry.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.ExitReason;
import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.platform.PlatformException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Nothing of the host is lost. */
class KvmResourcesTest {
    private static final long CODE = 0x40_0000;

    @BeforeEach
    void needKvm() {
        Assumptions.assumeTrue(Files.isReadable(Path.of("/dev/kvm")), "no /dev/kvm that this user may open");
    }

    private static long count(String directory) throws IOException {
        try (Stream<Path> entries = Files.list(Path.of(directory))) {
            return entries.count();
        }
    }

    private static long ourMappings() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(l -> l.contains("stockade") || l.contains("kvm-vcpu"))
                    .count();
        }
    }

    private static long shmemKb() throws IOException {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(l -> l.startsWith("RssShmem:"))
                    .mapToLong(l -> Long.parseLong(l.replaceAll("\\D+", "")))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** A root at frame 0 with one page of code; frames 0 to 4. */
    private static void load(Machine machine, byte[] code) {
        MemorySegment memory = machine.memory().segment();
        long base = machine.guestPhysicalBase();
        for (int level = 0; level < 3; level++) {
            long index = level == 2 ? CODE >>> 21 : 0;
            memory.set(ValueLayout.JAVA_LONG, level * 4096L + index * 8, base + (level + 1) * 4096L | 0x67);
        }
        memory.set(ValueLayout.JAVA_LONG, 3 * 4096L, base + 4 * 4096L | 0x65);
        MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, 4 * 4096L, code.length);
        machine.installKernelMappings(0);
    }

    private static Context start(Machine machine) {
        Context c = machine.newContext();
        c.registers().rip = CODE;
        return c;
    }

    @Test
    void shouldLeakNothingOverManyMachines() throws Exception {
        byte[] code = new Assembler(CODE).syscall().assemble();
        try (KvmPlatform platform = KvmPlatform.open(2)) {
            long fds = 0;
            long mappings = 0;
            for (int i = 0; i < 100; i++) {
                try (Machine machine = platform.newMachine(16 << 20)) {
                    load(machine, code);
                    try (Context c = start(machine);
                            Context other = start(machine)) {
                        assertThat(c.run(0)).isEqualTo(ExitReason.SYSCALL);
                        assertThat(other.run(0)).isEqualTo(ExitReason.SYSCALL);
                    }
                }
                if (i == 4) {
                    fds = count("/proc/self/fd");
                    mappings = ourMappings();
                }
            }
            assertThat(count("/proc/self/fd")).isLessThanOrEqualTo(fds);
            assertThat(ourMappings()).isEqualTo(mappings).isZero();
        }
    }

    @Test
    void shouldOpenAndCloseThePlatformAgain() throws Exception {
        long fds = 0;
        for (int i = 0; i < 5; i++) {
            try (KvmPlatform platform = KvmPlatform.open(1)) {
                assertThat(platform.describe()).startsWith("kvm (");
            }
            if (i == 1) {
                fds = count("/proc/self/fd");
            }
        }
        assertThat(count("/proc/self/fd")).isLessThanOrEqualTo(fds);
    }

    @Test
    void shouldGiveReleasedMemoryBackToTheHost() throws Exception {
        long size = 64 << 20;
        try (KvmPlatform platform = KvmPlatform.open(1);
                Machine machine = platform.newMachine(size)) {
            long before = shmemKb();
            machine.memory().segment().fill((byte) 1);
            assertThat(shmemKb()).isGreaterThan(before + 60_000);
            machine.memory().release(0, size);
            assertThat(shmemKb()).isLessThan(before + 4_000);
            assertThat(machine.memory().segment().get(ValueLayout.JAVA_BYTE, size / 2))
                    .isZero();
        }
    }

    @Test
    void shouldEndARunWhenTheMachineCloses() throws Exception {
        Assembler a = new Assembler(CODE);
        a.jmp(a.here());
        try (KvmPlatform platform = KvmPlatform.open(1)) {
            Machine machine = platform.newMachine(1 << 20);
            load(machine, a.assemble());
            Context c = start(machine);
            Context waiting = start(machine);
            AtomicReference<ExitReason> first = new AtomicReference<>();
            AtomicReference<ExitReason> second = new AtomicReference<>();
            Thread one = Thread.ofPlatform().daemon().start(() -> first.set(c.run(0)));
            Thread two = Thread.ofPlatform().daemon().start(() -> second.set(waiting.run(0)));
            machine.close();
            one.join(30_000);
            two.join(30_000);
            assertThat(first.get()).isEqualTo(ExitReason.FAILED);
            assertThat(second.get()).isEqualTo(ExitReason.FAILED);
            assertThat(c.failure()).contains("closed");
            assertThatThrownBy(() -> machine.memory().segment().get(ValueLayout.JAVA_BYTE, 0))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> machine.revoke(0, 4096)).isInstanceOf(IllegalStateException.class);
            c.interrupt();
            c.close();
            machine.close();
        }
    }

    @Test
    void shouldRefuseRangesOutsideTheMemory() throws PlatformException {
        try (KvmPlatform platform = KvmPlatform.open(1);
                Machine machine = platform.newMachine(1 << 20);
                Context c = machine.newContext()) {
            assertThatThrownBy(() -> machine.revoke(-4096, 4096)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> machine.revoke(0, 2 << 20)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> machine.memory().release(1, 4096)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> machine.installKernelMappings(1 << 20))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> c.run(123)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> platform.newMachine(5)).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
