package dev.stockade.sentry.boot;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.fs.pipe.HostInput;
import dev.stockade.sentry.fs.pipe.HostOutput;
import java.util.concurrent.Semaphore;

/** The kernel's pipes to the host as {@link InputPipe} and {@link OutputPipe}. */
final class HostPipes {
    private HostPipes() {}

    /** A call-back's way to a waiting thread: remembers that it was called. */
    private static final class Bell {
        private final Semaphore rung = new Semaphore(0);

        void ring() {
            rung.release();
        }

        void await() throws InterruptedException {
            rung.acquire();
            rung.drainPermits();
        }
    }

    static InputPipe input(HostInput pipe) {
        Bell bell = new Bell();
        pipe.onWritable(bell::ring);
        return new InputPipe() {
            @Override
            public int tryWrite(byte[] source, int offset, int length) {
                try {
                    return pipe.offer(source, offset, length);
                } catch (ErrnoException e) {
                    // EPIPE, or ENOMEM: the sandbox's heap is used up, and waiting for it could last for ever.
                    return -1;
                }
            }

            @Override
            public void awaitWritable() throws InterruptedException {
                bell.await();
            }

            @Override
            public void wakeup() {
                bell.ring();
            }

            @Override
            public void close() {
                pipe.close();
            }
        };
    }

    static OutputPipe output(HostOutput pipe) {
        Bell bell = new Bell();
        pipe.onReadable(bell::ring);
        return new OutputPipe() {
            @Override
            public int tryRead(byte[] destination) {
                byte[] bytes = pipe.poll(destination.length);
                if (bytes == null) {
                    return -1;
                }
                System.arraycopy(bytes, 0, destination, 0, bytes.length);
                return bytes.length;
            }

            @Override
            public void awaitReadable() throws InterruptedException {
                bell.await();
            }

            @Override
            public void wakeup() {
                bell.ring();
            }

            @Override
            public void close() {
                pipe.close();
            }
        };
    }
}
