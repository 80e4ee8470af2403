package dev.stockade.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the launcher does before any Java runs. */
class LauncherTest {
    @TempDir
    Path directory;

    private Launched.Result stockade(Path javaHome, String path, String... arguments)
            throws IOException, InterruptedException {
        List<String> command =
                new java.util.ArrayList<>(List.of(Fleet.ROOT.resolve("stockade").toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().keySet().removeIf(key -> key.startsWith("STOCKADE_"));
        builder.environment().put("STOCKADE_NO_BUILD", "1");
        builder.environment().put("STOCKADE_HOME", directory.resolve("home").toString());
        builder.environment().put("JAVA_HOME", javaHome.toString());
        builder.environment().put("PATH", path);
        try (Launched launched = new Launched(builder)) {
            return launched.input("").await(Duration.ofSeconds(60));
        }
    }

    /** A JDK as far as its release file goes. */
    private Path oldJdk() throws IOException {
        Path jdk = Files.createDirectories(directory.resolve("jdk-17"));
        Files.createDirectories(jdk.resolve("bin"));
        Files.writeString(jdk.resolve("release"), "IMPLEMENTOR=\"X\"\nJAVA_VERSION=\"17.0.9\"\n");
        for (String tool : List.of("java", "javac")) {
            Path file = Files.writeString(jdk.resolve("bin").resolve(tool), "#!/bin/sh\nexit 99\n");
            assertThat(file.toFile().setExecutable(true)).isTrue();
        }
        return jdk;
    }

    @Test
    void shouldTakeJavaHomeWhenItIsNewEnough() throws Exception {
        Launched.Result result = stockade(Path.of(System.getProperty("java.home")), System.getenv("PATH"), "--version");

        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.out()).contains("JDK " + Runtime.version().feature());
    }

    @Test
    void shouldPassByAnOldJdkInJavaHomeAndTakeTheOneOnPath() throws Exception {
        String path = System.getProperty("java.home") + "/bin:" + System.getenv("PATH");

        Launched.Result result = stockade(oldJdk(), path, "--version");

        assertThat(result.status()).as(result.err()).isZero();
        assertThat(result.out()).startsWith("stockade ");
    }

    @Test
    void shouldExplainItself() throws Exception {
        Path java = Path.of(System.getProperty("java.home"));
        String path = System.getenv("PATH");

        assertThat(stockade(java, path, "--help").out()).contains("run", "exec", "events", "import");
        for (String command : List.of("run", "exec", "do", "up", "events")) {
            Launched.Result help = stockade(java, path, command, "--help");
            assertThat(help.status()).isZero();
            assertThat(help.out()).containsIgnoringCase("usage: stockade " + command);
        }
        assertThat(stockade(java, path, "nosuch").status()).isEqualTo(125);
        assertThat(stockade(java, path, "ps").err()).contains("stockade up");
    }

    @Test
    void shouldSayThatThereIsNoBenchmarkYet() throws Exception {
        Launched.Result result = stockade(Path.of(System.getProperty("java.home")), System.getenv("PATH"), "bench");

        assertThat(result.status()).isEqualTo(2);
        assertThat(result.err()).contains("does not exist yet");
    }
}
