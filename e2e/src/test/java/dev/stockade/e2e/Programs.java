package dev.stockade.e2e;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Static programs made with the host's C compiler. */
final class Programs {
    private Programs() {}

    static void compile(Path binary, String source) throws IOException, InterruptedException {
        Path file = Files.createTempFile("program", ".c");
        Files.writeString(file, source);
        compileFile(binary, file);
        Files.delete(file);
    }

    static void compileFile(Path binary, Path source) throws IOException, InterruptedException {
        Process gcc;
        try {
            gcc = new ProcessBuilder(
                            "gcc", "-static", "-O1", "-w", "-pthread", "-o", binary.toString(), source.toString())
                    .redirectErrorStream(true)
                    .start();
        } catch (IOException e) {
            assumeTrue(false, "no gcc here to build test programs: " + e.getMessage());
            return;
        }
        String output = new String(gcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (gcc.waitFor() != 0) {
            throw new AssertionError("gcc: " + output);
        }
    }
}
