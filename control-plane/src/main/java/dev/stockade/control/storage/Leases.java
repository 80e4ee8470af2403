package dev.stockade.control.storage;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.persistence.EntityManager;
import jakarta.transaction.Transactional;
import java.time.Duration;

/** Rows that say which replica does what only one may do. Time is the database's. */
@ApplicationScoped
public class Leases {
    private final EntityManager entities;

    Leases(EntityManager entities) {
        this.entities = entities;
    }

    /** Takes a free or expired lease, or prolongs one's own; false if another replica holds it. */
    @Transactional
    public boolean acquire(String name, String owner, Duration duration) {
        return entities.createNativeQuery("""
                                insert into lease (name, owner, acquired_at, expires_at)
                                values (:name, :owner, clock_timestamp(), clock_timestamp() + make_interval(secs => :seconds))
                                on conflict (name) do update
                                set owner = excluded.owner,
                                    expires_at = excluded.expires_at,
                                    acquired_at = case when lease.owner = excluded.owner
                                        then lease.acquired_at else excluded.acquired_at end
                                where lease.owner = excluded.owner or lease.expires_at < clock_timestamp()
                                """)
                        .setParameter("name", name)
                        .setParameter("owner", owner)
                        .setParameter("seconds", duration.toMillis() / 1000.0)
                        .executeUpdate()
                == 1;
    }

    @Transactional
    public void release(String owner) {
        entities.createNativeQuery("delete from lease where owner = :owner")
                .setParameter("owner", owner)
                .executeUpdate();
    }

    /** Ends every lease: for a database that no other replica can be using. */
    @Transactional
    public void clear() {
        entities.createNativeQuery("delete from lease").executeUpdate();
    }
}
