package dev.stockade.sentry.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/**
 * The self test on hardware KVM, which qemu emulates: SYSCALL enters CPL 0, paging is nested. Takes about a minute.
 */
class EmulatedHardwareTest {
    private record Outcome(int status, String output) {}

    private static Path runner() {
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            Path script = at.resolve("conformance/qemu/run-in-qemu");
            if (Files.isExecutable(script)) {
                return script;
            }
        }
        throw new AssertionError(
                "conformance/qemu/run-in-qemu is not above " + Path.of("").toAbsolutePath());
    }

    private static Outcome run(List<String> command) throws IOException, InterruptedException {
        Process p = new ProcessBuilder(command).redirectErrorStream(true).start();
        p.getOutputStream().close();
        try (InputStream in = p.getInputStream()) {
            String output = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            return new Outcome(p.waitFor(), output);
        } finally {
            p.destroy();
        }
    }

    @Test
    void shouldPassTheSelfTestOnEmulatedHardwareKvm() throws Exception {
        String script = runner().toString();
        Outcome check = run(List.of(script, "--check"));
        Assumptions.assumeTrue(check.status == 0, check.output);

        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(e -> e.matches(".*(/target/classes/?|/stockade-sentry-[^/]*\\.jar|/(jnr|jffi|asm)[^/]*\\.jar)"))
                .collect(Collectors.joining(File.pathSeparator));
        List<String> command = new ArrayList<>(List.of(script, "--timeout", "600"));
        for (String arg : List.of("-ea", "-Dstockade.selftest.kicks=500", "-Dstockade.selftest.random=120")) {
            command.addAll(List.of("--jvm", arg));
        }
        command.addAll(List.of("-cp", classPath, "dev.stockade.sentry.kvm.selftest.KvmSelfTest"));
        Outcome outcome = run(command);
        System.out.println(outcome.output);
        assertThat(outcome.output)
                .contains("platform: kvm (hardware, nested paging)")
                .contains("checks: ")
                .contains(" 0 failed");
        assertThat(outcome.status).as(outcome.output).isZero();
    }
}
