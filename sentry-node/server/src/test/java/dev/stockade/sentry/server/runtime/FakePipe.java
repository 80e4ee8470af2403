package dev.stockade.sentry.server.runtime;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.boot.InputPipe;
import dev.stockade.sentry.boot.OutputPipe;

/** A byte pipe in memory with a guest's end that blocks and a host's end that does not. */
final class FakePipe {
    private final int capacity;

    @GuardedBy("this")
    private byte[] contents = new byte[0];

    @GuardedBy("this")
    private boolean writersGone;

    @GuardedBy("this")
    private boolean readersGone;

    @GuardedBy("this")
    private boolean woken;

    FakePipe(int capacity) {
        this.capacity = capacity;
    }

    synchronized int tryRead(byte[] destination) {
        if (contents.length == 0) {
            return writersGone ? -1 : 0;
        }
        int n = Math.min(destination.length, contents.length);
        System.arraycopy(contents, 0, destination, 0, n);
        contents = java.util.Arrays.copyOfRange(contents, n, contents.length);
        notifyAll();
        return n;
    }

    synchronized int tryWrite(byte[] source, int offset, int length) {
        if (readersGone) {
            return -1;
        }
        int n = Math.min(length, capacity - contents.length);
        byte[] next = java.util.Arrays.copyOf(contents, contents.length + n);
        System.arraycopy(source, offset, next, contents.length, n);
        contents = next;
        notifyAll();
        return n;
    }

    synchronized void awaitReadable() throws InterruptedException {
        while (!woken && contents.length == 0 && !writersGone) {
            wait();
        }
        woken = false;
    }

    synchronized void awaitWritable() throws InterruptedException {
        while (!woken && contents.length == capacity && !readersGone) {
            wait();
        }
        woken = false;
    }

    synchronized void wakeup() {
        woken = true;
        notifyAll();
    }

    synchronized void closeWriters() {
        writersGone = true;
        notifyAll();
    }

    synchronized void closeReaders() {
        readersGone = true;
        notifyAll();
    }

    /** Blocks as a guest's write does. */
    synchronized void write(byte[] data) throws InterruptedException {
        int done = 0;
        while (done < data.length) {
            int n = tryWrite(data, done, data.length - done);
            if (n < 0) {
                return;
            }
            done += n;
            while (done < data.length && contents.length == capacity && !readersGone) {
                wait();
            }
        }
    }

    /** Blocks as a guest's read does; -1 at the end. */
    synchronized int read(byte[] destination) throws InterruptedException {
        while (contents.length == 0 && !writersGone) {
            wait();
        }
        return tryRead(destination);
    }

    OutputPipe output() {
        return new OutputPipe() {
            @Override
            public int tryRead(byte[] destination) {
                return FakePipe.this.tryRead(destination);
            }

            @Override
            public void awaitReadable() throws InterruptedException {
                FakePipe.this.awaitReadable();
            }

            @Override
            public void wakeup() {
                FakePipe.this.wakeup();
            }

            @Override
            public void close() {
                closeReaders();
            }
        };
    }

    InputPipe input() {
        return new InputPipe() {
            @Override
            public int tryWrite(byte[] source, int offset, int length) {
                return FakePipe.this.tryWrite(source, offset, length);
            }

            @Override
            public void awaitWritable() throws InterruptedException {
                FakePipe.this.awaitWritable();
            }

            @Override
            public void wakeup() {
                FakePipe.this.wakeup();
            }

            @Override
            public void close() {
                closeWriters();
            }
        };
    }
}
