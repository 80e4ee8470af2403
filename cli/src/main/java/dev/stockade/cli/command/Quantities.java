package dev.stockade.cli.command;

import java.time.Duration;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Sizes and times as users write them. */
final class Quantities {
    private static final Pattern QUANTITY = Pattern.compile("(\\d{1,12})([a-z]*)");

    private Quantities() {}

    /** 1048576, 512k, 64m, 2g (powers of 1024; "ib" or "b" may follow). */
    static final class Bytes implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            Matcher matcher = QUANTITY.matcher(text.toLowerCase(Locale.ROOT));
            if (matcher.matches()) {
                long number = Long.parseLong(matcher.group(1));
                switch (matcher.group(2)) {
                    case "", "b" -> {
                        return number;
                    }
                    case "k", "kb", "kib" -> {
                        return number << 10;
                    }
                    case "m", "mb", "mib" -> {
                        return number << 20;
                    }
                    case "g", "gb", "gib" -> {
                        return number << 30;
                    }
                    default -> {}
                }
            }
            throw new TypeConversionException("no size (as 65536, 64m or 2g): " + text);
        }
    }

    /** 90, 90s, 15m, 2h. */
    static final class Time implements ITypeConverter<Duration> {
        @Override
        public Duration convert(String text) {
            Matcher matcher = QUANTITY.matcher(text.toLowerCase(Locale.ROOT));
            if (matcher.matches()) {
                long number = Long.parseLong(matcher.group(1));
                switch (matcher.group(2)) {
                    case "", "s" -> {
                        return Duration.ofSeconds(number);
                    }
                    case "m" -> {
                        return Duration.ofMinutes(number);
                    }
                    case "h" -> {
                        return Duration.ofHours(number);
                    }
                    default -> {}
                }
            }
            throw new TypeConversionException("no time (as 90s, 15m or 2h): " + text);
        }
    }

    static String bytes(long number) {
        if (number < 1 << 10) {
            return number + " B";
        }
        String units = "KMGT";
        double value = number / 1024.0;
        int unit = 0;
        while (value >= 1024 && unit < units.length() - 1) {
            value /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %ciB", value, units.charAt(unit));
    }
}
