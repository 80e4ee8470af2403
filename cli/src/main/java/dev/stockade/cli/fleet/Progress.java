package dev.stockade.cli.fleet;

import java.io.PrintStream;
import java.util.Locale;

/** One line for each step of something that takes long. */
public final class Progress {
    private final PrintStream out;
    private final long beganNs = System.nanoTime();

    public Progress(PrintStream out) {
        this.out = out;
    }

    public void say(String line) {
        out.println("stockade: " + line);
        out.flush();
    }

    public String elapsed() {
        return seconds(System.nanoTime() - beganNs);
    }

    static String seconds(long ns) {
        return String.format(Locale.ROOT, "%.1f s", ns / 1e9);
    }
}
