package dev.stockade.sentry.oneshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class DoOptionsTest {
    private static DoOptions parse(String... words) throws UsageException {
        return DoOptions.parse(List.of(words));
    }

    @Test
    void shouldTakeOptionsBeforeTheCommandOnly() throws Exception {
        DoOptions o = parse(
                "--rootfs",
                "/r",
                "-e",
                "A=b=c",
                "-w",
                "/w",
                "-u",
                "1:2",
                "-m",
                "64m",
                "--timeout=5s",
                "--init",
                "ls",
                "-l",
                "--init");
        assertThat(o.rootfs()).isEqualTo(Path.of("/r"));
        assertThat(o.env()).containsExactly("A=b=c");
        assertThat(o.workingDir()).isEqualTo("/w");
        assertThat(o.user()).isEqualTo("1:2");
        assertThat(o.memoryBytes()).isEqualTo(64L << 20);
        assertThat(o.timeout()).isEqualTo(Duration.ofSeconds(5));
        assertThat(o.init()).isTrue();
        assertThat(o.command()).containsExactly("ls", "-l", "--init");
    }

    @Test
    void shouldEndOptionsAtTwoDashes() throws Exception {
        assertThat(parse("--", "--init").command()).containsExactly("--init");
        assertThat(parse("true").init()).isFalse();
    }

    @Test
    void shouldRefuseWhatMakesNoSense() {
        assertThatThrownBy(() -> parse()).hasMessage("no command is given");
        assertThatThrownBy(() -> parse("--rootfs")).hasMessage("--rootfs needs a value");
        assertThatThrownBy(() -> parse("--nope", "x")).hasMessage("unknown option --nope");
        assertThatThrownBy(() -> parse("-m", "lots", "x")).hasMessageContaining("-m needs a size");
        assertThatThrownBy(() -> parse("-m", "0", "x")).hasMessageContaining("out of range");
        assertThatThrownBy(() -> parse("-m", "99999999t", "x")).hasMessageContaining("out of range");
        assertThatThrownBy(() -> parse("--timeout", "soon", "x")).hasMessageContaining("--timeout needs a time");
        assertThatThrownBy(() -> parse("-w", "here", "x")).hasMessageContaining("absolute");
        assertThatThrownBy(() -> parse("-e", "=x", "x")).hasMessageContaining("NAME=VALUE");
    }
}
