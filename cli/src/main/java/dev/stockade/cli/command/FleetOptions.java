package dev.stockade.cli.command;

import dev.stockade.cli.CliException;
import dev.stockade.cli.fleet.LocalFleet;
import dev.stockade.cli.fleet.PortLayout;
import dev.stockade.cli.fleet.Progress;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The local fleet that the environment names. */
final class FleetOptions {
    private FleetOptions() {}

    static LocalFleet localFleet() {
        return new LocalFleet(LocalFleet.homeOfUser(), new Progress(System.err));
    }

    /** The ports that were asked for, by option or else by environment. */
    static Optional<PortLayout> wantedPorts(@Nullable Integer option) {
        if (option != null) {
            return Optional.of(layout(option, "--port-base"));
        }
        String configured = System.getenv("STOCKADE_PORT_BASE");
        if (configured == null || configured.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(layout(Integer.parseInt(configured), "STOCKADE_PORT_BASE"));
        } catch (NumberFormatException e) {
            throw new CliException("STOCKADE_PORT_BASE is no number: " + configured, e);
        }
    }

    private static PortLayout layout(int base, String source) {
        try {
            return new PortLayout(base);
        } catch (IllegalArgumentException e) {
            throw new CliException(source + ": " + e.getMessage(), e);
        }
    }
}
