package dev.stockade.sentry.memory;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The account of what a sandbox's guests make the kernel keep on the JVM's heap (page indexes, names, buffers), so that
 * no sandbox can exhaust the node. Charges are estimates that err on the high side. Thread-safe.
 */
public final class KernelHeap {
    private final AtomicLong used = new AtomicLong();
    private final long limitBytes;

    public KernelHeap(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    /**
     * Charges bytes, which the caller uncharges when it lets go of them.
     *
     * @throws ErrnoException ENOMEM over the limit; nothing is charged then
     */
    public void charge(long bytes) throws ErrnoException {
        if (used.addAndGet(bytes) > limitBytes) {
            used.addAndGet(-bytes);
            throw Errno.ENOMEM.exception();
        }
    }

    /**
     * Like {@link #charge} for what guests keep in bulk, files and their names: it leaves an eighth of the limit for the
     * rest, so that a sandbox full of files can still open and remove them.
     */
    public void chargeBulk(long bytes) throws ErrnoException {
        if (used.addAndGet(bytes) > limitBytes - limitBytes / 8) {
            used.addAndGet(-bytes);
            throw Errno.ENOMEM.exception();
        }
    }

    /** Whether caches had better give something back before they grow. */
    public boolean isTight() {
        return used.get() > limitBytes / 2;
    }

    /** Charges bytes that are already spent, over the limit if need be; {@link #isExhausted} says when to stop. */
    public void chargeAnyway(long bytes) {
        used.addAndGet(bytes);
    }

    /** Whether nothing more can be charged. */
    public boolean isExhausted() {
        return used.get() >= limitBytes;
    }

    public void uncharge(long bytes) {
        used.addAndGet(-bytes);
    }

    public long usedBytes() {
        return used.get();
    }

    public long limitBytes() {
        return limitBytes;
    }
}
