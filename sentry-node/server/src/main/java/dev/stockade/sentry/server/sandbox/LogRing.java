package dev.stockade.sentry.server.sandbox;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The last output of a main process, bounded: the oldest is dropped first. Thread-safe. */
public final class LogRing {
    /** Small writes are gathered up to this, so that a chunk's own cost stays small beside its bytes. */
    private static final int MERGE_BYTES = 4096;
    /** What a chunk costs beside its bytes, charged to the bound. */
    private static final int CHUNK_OVERHEAD_BYTES = 96;

    private record Chunk(long start, boolean stderr, ByteString data) {
        long end() {
            return start + data.size();
        }

        int charge() {
            return data.size() + CHUNK_OVERHEAD_BYTES;
        }
    }

    /** What a reader gets: {@code droppedBytes} were not kept any more before {@code data}. */
    public record Entry(boolean stderr, ByteString data, long droppedBytes) {}

    private final int capacityBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private final ArrayDeque<Chunk> chunks = new ArrayDeque<>();

    @GuardedBy("lock")
    private long chargedBytes;

    /** Bytes ever appended. */
    @GuardedBy("lock")
    private long end;

    @GuardedBy("lock")
    private boolean closed;

    public LogRing(int capacityBytes) {
        this.capacityBytes = capacityBytes;
    }

    public void append(boolean stderr, ByteString data) {
        // In pieces, so that little more than needed is dropped at a time.
        for (int i = 0; i < data.size(); i += MERGE_BYTES) {
            appendPiece(stderr, data.substring(i, Math.min(data.size(), i + MERGE_BYTES)));
        }
    }

    private void appendPiece(boolean stderr, ByteString data) {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            Chunk last = chunks.peekLast();
            Chunk next;
            if (last != null && last.stderr == stderr && last.data.size() + data.size() <= MERGE_BYTES) {
                chunks.removeLast();
                chargedBytes -= last.charge();
                byte[] merged = new byte[last.data.size() + data.size()];
                last.data.copyTo(merged, 0);
                data.copyTo(merged, last.data.size());
                next = new Chunk(last.start, stderr, ByteString.copyFrom(merged));
            } else {
                next = new Chunk(end, stderr, data);
            }
            chunks.addLast(next);
            chargedBytes += next.charge();
            end += data.size();
            while (chargedBytes > capacityBytes && chunks.size() > 1) {
                chargedBytes -= chunks.removeFirst().charge();
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** No more will come; what is kept stays. Idempotent. */
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Reads from the oldest byte that is kept; what was dropped before counts as dropped. */
    public Reader reader() {
        return new Reader();
    }

    /** A position in the log. Used by one thread. */
    public final class Reader {
        private long position;

        private Reader() {}

        /** The next output, or null if there is none now. */
        public @Nullable Entry poll() {
            lock.lock();
            try {
                for (Chunk c : chunks) {
                    if (c.end() > position) {
                        long dropped = Math.max(0, c.start - position);
                        ByteString data = position > c.start ? c.data.substring((int) (position - c.start)) : c.data;
                        position = c.end();
                        return new Entry(c.stderr, data, dropped);
                    }
                }
                return null;
            } finally {
                lock.unlock();
            }
        }

        /** Waits for {@link #poll} to have something; false if nothing will come any more. */
        public boolean awaitMore() throws InterruptedException {
            lock.lockInterruptibly();
            try {
                while (position >= end) {
                    if (closed) {
                        return false;
                    }
                    changed.await();
                }
                return true;
            } finally {
                lock.unlock();
            }
        }
    }
}
