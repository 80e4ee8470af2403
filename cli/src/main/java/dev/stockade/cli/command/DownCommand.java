package dev.stockade.cli.command;

import dev.stockade.cli.fleet.LocalFleet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(
        name = "down",
        description = "Ends the local fleet: every process of it, the sandboxes with it. Images and events are kept.")
final class DownCommand implements Callable<Integer> {
    @Override
    public Integer call() throws InterruptedException {
        LocalFleet fleet = FleetOptions.localFleet();
        System.err.println(
                fleet.down() ? "stockade: the fleet is down" : "stockade: no fleet was up in " + fleet.home());
        return 0;
    }
}
