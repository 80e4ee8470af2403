package dev.stockade.cli.fleet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stockade.cli.CliException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FleetStateTest {
    @TempDir
    Path home;

    private static ProcessIdentity self() {
        return ProcessIdentity.of(ProcessHandle.current().pid()).orElseThrow();
    }

    @Test
    void shouldReadWhatItWrote() {
        Path file = home.resolve("fleet.json");
        FleetState state = new FleetState(new PortLayout(9000), Map.of())
                .with(PartName.KAFKA, new FleetState.Part(self(), "4.3.1", 12345));
        state.save(file);

        assertThat(FleetState.load(file)).contains(state);
        assertThat(state.isAlive(PartName.KAFKA)).isTrue();
        assertThat(state.isAlive(PartName.SENTRY)).isFalse();
    }

    @Test
    void shouldNotTakeALaterProcessOfTheSameNumberForTheOldOne() {
        ProcessIdentity self = self();

        assertThat(new ProcessIdentity(self.pid(), self.startTicks() - 1, self.bootId()).isAlive())
                .isFalse();
        assertThat(new ProcessIdentity(self.pid(), self.startTicks(), "another boot").isAlive())
                .isFalse();
    }

    @Test
    void shouldNotSeeAProcessThatHasEnded() throws Exception {
        Process process = new ProcessBuilder("sleep", "1000").start();
        ProcessIdentity identity = ProcessIdentity.of(process.pid()).orElseThrow();
        assertThat(identity.isAlive()).isTrue();
        process.destroyForcibly().waitFor();

        assertThat(identity.isAlive()).isFalse();
    }

    @Test
    void shouldHaveNoStateWhereNothingWasStarted() {
        assertThat(FleetState.load(home.resolve("fleet.json"))).isEmpty();
    }

    @Test
    void shouldNameTheFileThatCannotBeRead() throws Exception {
        Path file = Files.writeString(home.resolve("fleet.json"), "{ not json");

        assertThatThrownBy(() -> FleetState.load(file))
                .isInstanceOf(CliException.class)
                .hasMessageContaining(file.toString());
    }

    @Test
    void shouldRefuseABaseThatLeavesNoRoom() {
        assertThatThrownBy(() -> new PortLayout(65530)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new PortLayout(80)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void shouldGiveEveryUseItsOwnPort() {
        PortLayout layout = new PortLayout(7400);
        assertThat(java.util.Arrays.stream(PartName.values()).flatMap(part -> layout.of(part).values().stream()))
                .doesNotHaveDuplicates()
                .containsExactlyInAnyOrder(7400, 7401, 7410, 7411, 7420, 7421, 7430, 7431, 7440);
    }
}
