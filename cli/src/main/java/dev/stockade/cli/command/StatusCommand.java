package dev.stockade.cli.command;

import dev.stockade.cli.fleet.FleetState;
import dev.stockade.cli.fleet.LocalFleet;
import dev.stockade.cli.fleet.PartStatus;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(
        name = "status",
        description = "Shows the parts of the local fleet; the exit status is 0 when all are healthy, else 1.")
final class StatusCommand implements Callable<Integer> {
    @Override
    public Integer call() throws InterruptedException {
        LocalFleet fleet = FleetOptions.localFleet();
        Optional<FleetState> state = fleet.state();
        if (state.isEmpty()) {
            System.out.println("no fleet is up in " + fleet.home());
            return 1;
        }
        List<PartStatus> parts = fleet.status(state.get());
        Table table = new Table("PART", "PID", "HEALTH", "UPTIME", "VERSION", "PORTS");
        boolean healthy = true;
        for (PartStatus part : parts) {
            healthy &= part.isHealthy();
            table.row(
                    part.name().label(),
                    part.pid() == 0 ? "-" : Long.toString(part.pid()),
                    part.health(),
                    Table.duration(part.uptime()),
                    part.version(),
                    String.join(
                            " ",
                            part.ports().entrySet().stream()
                                    .map(port -> port.getKey() + ":" + port.getValue())
                                    .toList()));
        }
        table.print(System.out);
        return healthy ? 0 : 1;
    }
}
