package dev.stockade.sentry.fs.event;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import dev.stockade.sentry.waiter.WaitEntry;
import dev.stockade.sentry.waiter.WaitQueue;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Objects;

/** eventfd(2): a 64-bit counter that is read and written as a file. */
public final class EventCounter extends FileDescription {
    /** The counter stays below this (2^64 - 1, unsigned). */
    private static final long MAX = -1L;

    private final boolean semaphore;
    private final WaitQueue queue = new WaitQueue();

    @GuardedBy("this")
    private long count;

    /**
     * @param flags O_NONBLOCK or 0
     * @param semaphore EFD_SEMAPHORE: a read takes one
     */
    public EventCounter(VirtualFilesystem vfs, int initial, int flags, boolean semaphore) {
        super(AnonymousInode.location(vfs, "eventfd"), OpenFlags.O_RDWR | (flags & OpenFlags.O_NONBLOCK));
        this.count = Integer.toUnsignedLong(initial);
        this.semaphore = semaphore;
    }

    @Override
    protected void release() {}

    @Override
    public Stat stat() throws ErrnoException {
        return Objects.requireNonNull(inode()).stat();
    }

    @Override
    public long read(IoSink sink) throws ErrnoException {
        if (sink.remaining() < 8) {
            throw Errno.EINVAL.exception();
        }
        byte[] b = new byte[8];
        synchronized (this) {
            if (count == 0) {
                throw Errno.EAGAIN.exception();
            }
            long taken = semaphore ? 1 : count;
            ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN).putLong(taken);
            count -= taken;
        }
        queue.notifyWaiters(PollEvents.OUT);
        return sink.put(MemorySegment.ofArray(b), 0, 8);
    }

    @Override
    public long write(IoSource source) throws ErrnoException {
        if (source.remaining() < 8) {
            throw Errno.EINVAL.exception();
        }
        // Taken again if the write has to wait and is repeated: so only once there is room.
        synchronized (this) {
            if (count == MAX - 1) {
                throw Errno.EAGAIN.exception();
            }
        }
        byte[] b = new byte[8];
        if (source.take(MemorySegment.ofArray(b), 0, 8) < 8) {
            throw Errno.EFAULT.exception();
        }
        long added = ByteBuffer.wrap(b).order(ByteOrder.LITTLE_ENDIAN).getLong();
        if (added == MAX) {
            throw Errno.EINVAL.exception();
        }
        synchronized (this) {
            if (Long.compareUnsigned(MAX - 1 - count, added) < 0) {
                throw Errno.EAGAIN.exception();
            }
            count += added;
        }
        queue.notifyWaiters(PollEvents.IN);
        return 8;
    }

    @Override
    public synchronized int readiness(int mask) {
        int ready = (count != 0 ? PollEvents.IN : 0) | (Long.compareUnsigned(count, MAX - 1) < 0 ? PollEvents.OUT : 0);
        return ready & mask;
    }

    @Override
    public void register(WaitEntry entry, int mask) {
        queue.register(entry, mask);
    }

    @Override
    public void unregister(WaitEntry entry) {
        queue.unregister(entry);
    }
}
