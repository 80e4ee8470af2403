package dev.stockade.sentry.fs.gofer;

import dev.stockade.sentry.abi.ErrnoException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * One attached read-only file tree. Calls are synchronous, thread-safe and may block for a network round
 * trip; what they return never changes for an image, so callers may cache it for ever.
 *
 * <p><b>Handles</b> are opaque, never reused within a client, and stay valid until {@link #release}d, even
 * when the gofer behind them restarts. Handle {@link GoferNode#handle} of {@link #root} is never released.
 *
 * <p><b>When the gofer is away</b> a call waits, reconnects and retries up to the client's deadline, then
 * fails with EIO; the next call tries again. A call whose thread is interrupted ({@link Thread#interrupt})
 * while it waits fails with EINTR and leaves the interrupt status set: this is how a killed task gets out.
 *
 * <p>Calls on a closed client fail with EIO, on an unknown or released handle with EBADF.
 */
public interface GoferClient extends AutoCloseable {

    /** The root directory, as it was when the tree was attached. */
    GoferNode root();

    /**
     * Walks names one below the other from {@code directory}; symbolic links are not followed. Every node
     * of the result carries a handle of its own that the caller must release. Names hold no '/' and no NUL
     * and are not "." or ".." (EINVAL), and have at most 255 bytes (ENAMETOOLONG).
     *
     * @throws ErrnoException when nothing could be looked up at all (e.g. EBADF); a name that does not
     *     exist is no exception but {@link GoferWalk#error}
     */
    GoferWalk walk(long directory, List<byte[]> names) throws ErrnoException;

    GoferAttr stat(long handle) throws ErrnoException;

    /** A symbolic link's target; EINVAL on anything else. */
    byte[] readLink(long handle) throws ErrnoException;

    /** All entries but "." and "..", in the same order each time; ENOTDIR on anything but a directory. */
    List<GoferDirEntry> readDir(long handle) throws ErrnoException;

    /**
     * Reads a regular file into {@code destination}, which is filled unless the file ends before (or, where
     * the tree is the host's and changes meanwhile, for any reason a pread may be short).
     *
     * @return the bytes read, 0 at or after the end of the file
     */
    int read(long handle, long offset, MemorySegment destination) throws ErrnoException;

    GoferStatFs statFs(long handle) throws ErrnoException;

    /** Gives handles back; asynchronous, never blocks and never fails. Unknown ones are ignored. */
    void release(long... handles);

    /** Detaches: releases every handle. Idempotent. */
    @Override
    void close();
}
