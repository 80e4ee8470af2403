package dev.stockade.sentry.fs.pipe;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import dev.stockade.sentry.waiter.WaitEntry;
import org.jspecify.annotations.Nullable;

/**
 * A pipe out of a sandbox: the guest has the writing end (its standard output or error), this object is the reading end.
 * Bounded: a guest that writes faster than {@link #poll} is called blocks. Thread-safe.
 */
public final class HostOutput implements AutoCloseable {
    private final Pipe pipe;
    private final FileDescription guestEnd;

    @GuardedBy("this")
    private boolean closed;

    public HostOutput(VirtualFilesystem vfs, int uid, int gid) {
        this.pipe = new Pipe(vfs.heap());
        this.guestEnd = PipeFile.end(Pipes.location(vfs, pipe, uid, gid), OpenFlags.O_WRONLY, pipe, false);
        pipe.open(true, false);
    }

    /** The guest's end; the one reference that it is made with belongs to the caller. */
    public FileDescription guestEnd() {
        return guestEnd;
    }

    /**
     * @return up to {@code max} bytes, an empty array if there are none now, null at the end: all is read and no guest
     *     can write any more
     */
    public byte @Nullable [] poll(int max) {
        return pipe.poll(max);
    }

    /**
     * Runs {@code action} whenever there may be bytes or the end was reached. It is called with locks held: it must only
     * hand over to another thread.
     */
    public void onReadable(Runnable action) {
        pipe.queue().register(entry(action), PollEvents.IN);
    }

    static WaitEntry entry(Runnable action) {
        return new WaitEntry() {
            @Override
            public void notify(int readyMask) {
                action.run();
            }
        };
    }

    /** Nobody reads any more: writers get EPIPE. Idempotent. */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        pipe.close(true, false);
    }
}
