package dev.stockade.cli.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

class QuantitiesTest {
    @ParameterizedTest
    @CsvSource({"65536,65536", "512k,524288", "64m,67108864", "64MiB,67108864", "2G,2147483648"})
    void shouldReadSizes(String text, long bytes) {
        assertThat(new Quantities.Bytes().convert(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "m", "-1", "1.5g", "64x", "99999999999999999999"})
    void shouldRefuseWhatIsNoSize(String text) {
        assertThatThrownBy(() -> new Quantities.Bytes().convert(text)).isInstanceOf(TypeConversionException.class);
    }

    @Test
    void shouldReadTimes() {
        Quantities.Time time = new Quantities.Time();
        assertThat(time.convert("90")).isEqualTo(Duration.ofSeconds(90));
        assertThat(time.convert("15m")).isEqualTo(Duration.ofMinutes(15));
        assertThat(time.convert("2h")).isEqualTo(Duration.ofHours(2));
        assertThatThrownBy(() -> time.convert("soon")).isInstanceOf(TypeConversionException.class);
    }

    @Test
    void shouldWriteSizes() {
        assertThat(Quantities.bytes(1023)).isEqualTo("1023 B");
        assertThat(Quantities.bytes(1536)).isEqualTo("1.5 KiB");
        assertThat(Quantities.bytes(3L << 30)).isEqualTo("3.0 GiB");
    }
}
