package dev.stockade.cli.command;

import dev.stockade.cli.fleet.Installation;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "up",
        description = {
            "Starts the local fleet: a Kafka broker, a control plane with its database, a gofer node and a sentry node.",
            "Parts that already run are left alone; parts that have ended are started again."
        })
final class UpCommand implements Callable<Integer> {
    @Option(
            names = "--port-base",
            paramLabel = "PORT",
            description = "the first of the fleet's ports (default: $STOCKADE_PORT_BASE, else 7400)")
    @Nullable
    Integer portBase;

    @Override
    public Integer call() throws InterruptedException {
        FleetOptions.localFleet().up(Installation.current(), FleetOptions.wantedPorts(portBase));
        return 0;
    }
}
