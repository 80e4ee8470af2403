package dev.stockade.sentry.fs.pipe;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.memory.KernelHeap;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.waiter.WaitQueue;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A pipe: a ring of bytes with counted readers and writers. The ring grows from nothing to the capacity as it is needed
 * and is charged; it goes when both ends are closed. Operations never block: EAGAIN instead. Thread-safe.
 */
final class Pipe {
    /** Writes of up to this many bytes are not interleaved with others (PIPE_BUF). */
    static final int PIPE_BUF = 4096;

    static final int DEFAULT_CAPACITY = 65536;

    /** /proc/sys/fs/pipe-max-size. */
    static final int MAX_CAPACITY = 1 << 20;

    private static final byte[] EMPTY = new byte[0];
    private static final MemorySegment EMPTY_SEGMENT = MemorySegment.ofArray(EMPTY);

    private final KernelHeap heap;
    private final WaitQueue queue = new WaitQueue();

    // A power of two in length, or empty.
    @GuardedBy("this")
    private byte[] ring = EMPTY;

    @GuardedBy("this")
    private MemorySegment segment = EMPTY_SEGMENT;

    @GuardedBy("this")
    private int head;

    @GuardedBy("this")
    private int count;

    @GuardedBy("this")
    private int capacity = DEFAULT_CAPACITY;

    @GuardedBy("this")
    private int readers;

    @GuardedBy("this")
    private int writers;

    /** How often an end was opened: an open that waits for the other end looks for a change (i_pipe's r_counter). */
    @GuardedBy("this")
    private long readerOpens;

    @GuardedBy("this")
    private long writerOpens;

    Pipe(KernelHeap heap) {
        this.heap = heap;
    }

    WaitQueue queue() {
        return queue;
    }

    // ---- ends ----

    /** Adds ends; both opens see the other. */
    void open(boolean reader, boolean writer) {
        synchronized (this) {
            if (reader) {
                readers++;
                readerOpens++;
            }
            if (writer) {
                writers++;
                writerOpens++;
            }
        }
        queue.notifyWaiters(PollEvents.IN | PollEvents.OUT);
    }

    void close(boolean reader, boolean writer) {
        synchronized (this) {
            if (reader) {
                readers--;
            }
            if (writer) {
                writers--;
            }
            if (readers == 0 && writers == 0) {
                heap.uncharge(ring.length);
                ring = EMPTY;
                segment = EMPTY_SEGMENT;
                head = 0;
                count = 0;
                capacity = DEFAULT_CAPACITY;
            }
        }
        queue.notifyWaiters(PollEvents.IN | PollEvents.OUT | PollEvents.POLLHUP | PollEvents.POLLERR);
    }

    synchronized boolean hasReaders() {
        return readers > 0;
    }

    synchronized boolean hasWriters() {
        return writers > 0;
    }

    synchronized long readerOpens() {
        return readerOpens;
    }

    synchronized long writerOpens() {
        return writerOpens;
    }

    // ---- bytes ----

    /** 0 is the end: nothing is left and nobody writes. */
    long read(IoSink sink) throws ErrnoException {
        long total = 0;
        synchronized (this) {
            if (sink.remaining() == 0) {
                return 0;
            }
            if (count == 0) {
                if (writers == 0) {
                    return 0;
                }
                throw Errno.EAGAIN.exception();
            }
            MemorySegment s = segment;
            while (count > 0) {
                int n = (int) Math.min(Math.min(count, ring.length - head), sink.remaining());
                if (n == 0) {
                    break;
                }
                int put;
                try {
                    put = sink.put(s, head, n);
                } catch (ErrnoException e) {
                    if (total == 0) {
                        throw e;
                    }
                    break;
                }
                head = (head + put) & (ring.length - 1);
                count -= put;
                total += put;
                if (put < n) {
                    break;
                }
            }
            if (count == 0) {
                head = 0;
            }
        }
        if (total > 0) {
            queue.notifyWaiters(PollEvents.OUT);
        }
        return total;
    }

    /**
     * Writes what fits; a write of up to PIPE_BUF bytes goes as a whole or not at all.
     *
     * @throws ErrnoException EPIPE without readers, EAGAIN if there is no space
     */
    long write(IoSource source) throws ErrnoException {
        long total = 0;
        synchronized (this) {
            if (readers == 0) {
                throw Errno.EPIPE.exception();
            }
            long wanted = source.remaining();
            if (wanted == 0) {
                return 0;
            }
            int space = capacity - count;
            if (space <= 0 || (wanted <= PIPE_BUF && space < wanted)) {
                throw Errno.EAGAIN.exception();
            }
            int n = (int) Math.min(wanted, space);
            MemorySegment s = ensure(count + n);
            while (n > 0) {
                int tail = (head + count) & (ring.length - 1);
                int piece = Math.min(n, ring.length - tail);
                int taken;
                try {
                    taken = source.take(s, tail, piece);
                } catch (ErrnoException e) {
                    if (total == 0) {
                        throw e;
                    }
                    break;
                }
                count += taken;
                total += taken;
                n -= taken;
                if (taken < piece) {
                    break;
                }
            }
        }
        if (total > 0) {
            queue.notifyWaiters(PollEvents.IN);
        }
        return total;
    }

    /** Makes the ring large enough for so many bytes (at most the capacity). */
    @GuardedBy("this")
    private MemorySegment ensure(int bytes) throws ErrnoException {
        MemorySegment s = segment;
        if (bytes <= ring.length) {
            return s;
        }
        int length = Math.max(Integer.highestOneBit(Math.max(bytes - 1, 1)) << 1, PIPE_BUF);
        heap.charge(length - ring.length);
        return resize(length);
    }

    @GuardedBy("this")
    private MemorySegment resize(int length) {
        byte[] bigger = new byte[length];
        int first = Math.min(count, ring.length - head);
        System.arraycopy(ring, head, bigger, 0, first);
        System.arraycopy(ring, 0, bigger, first, count - first);
        ring = bigger;
        head = 0;
        MemorySegment s = MemorySegment.ofArray(bigger);
        segment = s;
        return s;
    }

    // ---- the end outside the sandbox ----

    /** Like {@link #write} from an array, without PIPE_BUF's rule; the number of bytes taken, 0 if full. */
    int offer(byte[] bytes, int from, int length) throws ErrnoException {
        int n;
        synchronized (this) {
            if (readers == 0) {
                throw Errno.EPIPE.exception();
            }
            n = Math.min(length, capacity - count);
            if (n <= 0) {
                return 0;
            }
            ensure(count + n);
            int tail = (head + count) & (ring.length - 1);
            int first = Math.min(n, ring.length - tail);
            System.arraycopy(bytes, from, ring, tail, first);
            System.arraycopy(bytes, from + first, ring, 0, n - first);
            count += n;
        }
        queue.notifyWaiters(PollEvents.IN);
        return n;
    }

    /** Up to {@code max} bytes; empty if there are none now; null at the end. */
    byte @Nullable [] poll(int max) {
        byte[] bytes;
        synchronized (this) {
            if (count == 0) {
                return writers == 0 ? null : EMPTY;
            }
            int n = Math.min(max, count);
            bytes = Arrays.copyOfRange(ring, head, head + Math.min(n, ring.length - head));
            if (bytes.length < n) {
                int first = bytes.length;
                bytes = Arrays.copyOf(bytes, n);
                System.arraycopy(ring, 0, bytes, first, n - first);
            }
            head = (head + n) & (ring.length - 1);
            count -= n;
        }
        queue.notifyWaiters(PollEvents.OUT);
        return bytes;
    }

    // ---- state ----

    /** Bytes that can be read (FIONREAD). */
    synchronized int available() {
        return count;
    }

    /**
     * @param seenWriterOpens {@link #writerOpens} when the reader was opened: nobody hangs up who never was there
     */
    synchronized int readiness(boolean reader, boolean writer, long seenWriterOpens) {
        int ready = 0;
        if (reader) {
            if (count > 0) {
                ready |= PollEvents.IN;
            }
            if (writers == 0 && writerOpens != seenWriterOpens) {
                ready |= PollEvents.POLLHUP;
            }
        }
        if (writer) {
            if (capacity - count >= PIPE_BUF) {
                ready |= PollEvents.OUT;
            }
            if (readers == 0) {
                ready |= PollEvents.POLLERR;
            }
        }
        return ready;
    }

    synchronized int capacity() {
        return capacity;
    }

    /** F_SETPIPE_SZ: rounds up to a power of two pages; EBUSY if what is in it would not fit. */
    int setCapacity(int wanted) throws ErrnoException {
        int c = Math.max(PIPE_BUF, Integer.highestOneBit(Math.max(wanted - 1, 1)) << 1);
        synchronized (this) {
            if (c < count) {
                throw Errno.EBUSY.exception();
            }
            if (c < ring.length) {
                heap.uncharge(ring.length - c);
                resize(c);
            }
            capacity = c;
        }
        queue.notifyWaiters(PollEvents.OUT);
        return c;
    }
}
