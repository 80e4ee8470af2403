package dev.stockade.cli.command;

import dev.stockade.cli.CliException;
import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.fleet.FleetState;
import dev.stockade.cli.fleet.Installation;
import dev.stockade.cli.fleet.LocalFleet;
import dev.stockade.cli.fleet.PartName;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Which control plane a command talks to: the one that is named, else that of the local fleet. */
final class ApiMixin {
    @Option(
            names = "--api",
            paramLabel = "URL",
            description = "the control plane (default: $STOCKADE_API, else the local fleet)")
    @Nullable
    String api;

    @Spec(Spec.Target.MIXEE)
    @Nullable
    CommandSpec mixee;

    private String command() {
        return mixee == null ? "stockade" : mixee.qualifiedName();
    }

    /** For commands that make sense on a fleet that was just started. */
    ControlPlane startIfNeeded() throws InterruptedException {
        Optional<String> configured = configured();
        if (configured.isPresent()) {
            return new ControlPlane(configured.get(), command());
        }
        LocalFleet fleet = FleetOptions.localFleet();
        Optional<FleetState> state = fleet.state();
        if (state.isPresent() && fleet.isComplete(state.get())) {
            return new ControlPlane(state.get().ports().apiUrl(), command());
        }
        if (state.isEmpty()) {
            System.err.println("stockade: no fleet is configured (STOCKADE_API) and the local one is not up");
        }
        FleetState started = fleet.up(Installation.current(), FleetOptions.wantedPorts(null));
        return new ControlPlane(started.ports().apiUrl(), command());
    }

    /** For commands about what is there. */
    ControlPlane existing() {
        Optional<String> configured = configured();
        if (configured.isPresent()) {
            return new ControlPlane(configured.get(), command());
        }
        LocalFleet fleet = FleetOptions.localFleet();
        Optional<FleetState> state = fleet.state();
        if (state.isEmpty() || !state.get().isAlive(PartName.CONTROL_PLANE)) {
            throw new CliException("no fleet is configured (STOCKADE_API) and the local one is not up: `stockade up`");
        }
        return new ControlPlane(state.get().ports().apiUrl(), command());
    }

    private Optional<String> configured() {
        if (api != null) {
            return Optional.of(api);
        }
        String environment = System.getenv("STOCKADE_API");
        return environment == null || environment.isEmpty() ? Optional.empty() : Optional.of(environment);
    }
}
