package dev.stockade.sentry.fs.pipe;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.VirtualFilesystem;

/**
 * A pipe into a sandbox: the guest has the reading end (its standard input), this object is the writing end. Bounded:
 * {@link #offer} takes what fits, {@link #onWritable} says when there is space again. Thread-safe.
 */
public final class HostInput implements AutoCloseable {
    private final Pipe pipe;
    private final FileDescription guestEnd;

    @GuardedBy("this")
    private boolean closed;

    public HostInput(VirtualFilesystem vfs, int uid, int gid) {
        this.pipe = new Pipe(vfs.heap());
        this.guestEnd = PipeFile.end(Pipes.location(vfs, pipe, uid, gid), OpenFlags.O_RDONLY, pipe, true);
        pipe.open(false, true);
    }

    /** The guest's end; the one reference that it is made with belongs to the caller. */
    public FileDescription guestEnd() {
        return guestEnd;
    }

    /**
     * Takes as many bytes as fit now.
     *
     * @return how many; 0 if it is full
     * @throws ErrnoException EPIPE if nobody can read any more (or it is closed), ENOMEM
     */
    public synchronized int offer(byte[] bytes, int from, int length) throws ErrnoException {
        if (closed) {
            throw Errno.EPIPE.exception();
        }
        return pipe.offer(bytes, from, length);
    }

    /** Whether the guest closed its end. */
    public boolean isReaderGone() {
        return !pipe.hasReaders();
    }

    /**
     * Runs {@code action} whenever there may be space again or the reader went. It is called with locks held: it must
     * only hand over to another thread.
     */
    public void onWritable(Runnable action) {
        pipe.queue().register(HostOutput.entry(action), PollEvents.OUT);
    }

    /** End of file for the guest. Idempotent. */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        pipe.close(false, true);
    }
}
