package dev.stockade.sentry.syscalls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.kernel.EventSink;
import dev.stockade.sentry.platform.fake.FakeSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SyscallTableTest {
    @Test
    void shouldRefuseDuplicatesAndDisorder() {
        TableBuilder t = new TableBuilder();
        t.none(5, "a", Errno.ENOSYS);
        assertThatThrownBy(() -> t.none(5, "b", Errno.ENOSYS)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> t.none(4, "c", Errno.ENOSYS)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldRefuseAPartialCallWithoutAReason() {
        assertThatThrownBy(() -> new TableBuilder().partial(1, "a", (t, a) -> 0, " "))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void shouldKnowEveryNumber() {
        List<Syscall> table = SyscallTable.amd64();
        assertThat(table).extracting(Syscall::number).contains(0, 334, 424, 462);
        assertThat(table).extracting(Syscall::name).doesNotHaveDuplicates();
        // 335 to 423 are not used on x86-64.
        assertThat(table).hasSize(335 + 462 - 424 + 1);
    }

    @Test
    void shouldBeDescribedByTheDocument() throws Exception {
        Path document = repositoryRoot().resolve("docs/syscalls.md");
        String expected = SyscallDocs.markdown(SyscallTable.amd64());
        if (Boolean.getBoolean("update")) {
            Files.createDirectories(document.getParent());
            Files.writeString(document, expected);
        }
        assertThat(Files.readString(document))
                .as("docs/syscalls.md is out of date: run this test with -Dupdate=true")
                .isEqualTo(expected);
    }

    @Test
    void shouldReportAMissingCallOnce() {
        try (FakeSystem s = new FakeSystem()) {
            AtomicLong result = new AtomicLong();
            s.run(g -> {
                for (int i = 0; i < 5; i++) {
                    result.set(g.syscall(334));
                    g.syscall(100_000);
                    g.syscall(-3);
                }
            });
            assertThat(result).hasValue(-Errno.ENOSYS.number());
            assertThat(s.events)
                    .filteredOn(e -> e.type().equals(EventSink.UNIMPLEMENTED_SYSCALL))
                    .hasSize(2);
        }
    }

    private static Path repositoryRoot() {
        Path p = Path.of("").toAbsolutePath();
        while (!Files.exists(p.resolve("mvnw"))) {
            p = p.getParent();
        }
        return p;
    }
}
