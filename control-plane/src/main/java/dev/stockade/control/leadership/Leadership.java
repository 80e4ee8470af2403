package dev.stockade.control.leadership;

import dev.stockade.control.storage.Leases;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.UUID;
import org.jboss.logging.Logger;

/**
 * Whether this replica is the one that works for all. A lease row in the database says so; it is renewed by the
 * reconciler's loop, and believed for less long than it lasts.
 */
@ApplicationScoped
public class Leadership {
    public static final String LEASE = "leader";
    private static final Logger LOG = Logger.getLogger(Leadership.class);

    private final Leases leases;
    private final Duration duration;
    private final String owner = UUID.randomUUID().toString();
    private volatile boolean leader;
    private volatile long believedUntilNs;

    Leadership(Leases leases, LeaseConfig config) {
        this.leases = leases;
        this.duration = config.duration();
    }

    public boolean isLeader() {
        return leader && System.nanoTime() - believedUntilNs < 0;
    }

    /** Takes or renews the lease. */
    public boolean renew() {
        long before = System.nanoTime();
        boolean mine = leases.acquire(LEASE, owner, duration);
        believedUntilNs = before + duration.toNanos() * 4 / 5;
        if (mine != leader) {
            leader = mine;
            LOG.info(mine ? "this replica leads now" : "another replica leads now");
        }
        return mine;
    }

    /** Lets another replica take over at once. */
    public void resign() {
        leader = false;
        leases.release(owner);
    }

    /** Ends what a killed predecessor held. */
    public void takeOver() {
        leases.clear();
    }
}
