package dev.stockade.sentry.server.sandbox;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.protobuf.ByteString;
import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.ExitStatus;
import dev.stockade.proto.sentry.v1.StreamError;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.InputPipe;
import dev.stockade.sentry.boot.LaunchRefusal;
import dev.stockade.sentry.boot.OutputPipe;
import dev.stockade.sentry.boot.ProcessExit;
import java.util.ArrayDeque;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A command of a sandbox and its standard streams. Thread-safe.
 *
 * <p>Two virtual threads take the output: to the log if there is one, and to the attached client if there is one, for
 * which they wait while it is slow, so the guest's writes block in turn. Without a client the output is not waited for.
 * A third feeds standard input. At most one client is attached; a new one takes over.
 *
 * <p>The client gets the exit status after all that the process wrote before it ended. What processes that it left
 * behind write later is read and thrown away.
 */
public final class Execution {
    /** Standard input that is taken from a client before the guest has read it. */
    private static final int STDIN_QUEUE_BYTES = 256 * 1024;

    private static final int CHUNK_BYTES = 32 * 1024;

    /** What pipes can hold when a process ends (F_SETPIPE_SZ's limit): more than that was written by others. */
    private static final int LAST_WORDS_BYTES = 1024 * 1024;

    private enum State {
        ANNOUNCED,
        STARTING,
        RUNNING,
        /** The process is gone; its last output is being delivered. */
        ENDING,
        /** {@link #exit} or {@link #error} is set. */
        OVER
    }

    /** Starts the process and is told of its fate; the sandbox. */
    public interface Owner {
        GuestProcess launch(Execution execution) throws LaunchRefusal;

        /** The process runs; output may follow. Called by the starting thread, without locks. */
        void launched(Execution execution, GuestProcess process);

        /** Instead of {@link #launched}. */
        void refused(Execution execution, StreamError error);

        /** The process is gone. Called on a thread of its own, without locks. */
        void processGone(Execution execution, ProcessExit exit);
    }

    private final String id;
    private final CommandSpec command;
    private final @Nullable LogRing log;
    private final Owner owner;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock")
    private State state = State.ANNOUNCED;

    @GuardedBy("lock")
    private @Nullable GuestProcess process;

    @GuardedBy("lock")
    private @Nullable Attachment attachment;

    @GuardedBy("lock")
    private @Nullable ExitStatus exit;

    @GuardedBy("lock")
    private @Nullable StreamError error;

    /** Output streams whose contents at the process's end are not delivered yet. */
    @GuardedBy("lock")
    private int undelivered;

    @GuardedBy("lock")
    private final ArrayDeque<ByteString> stdinQueue = new ArrayDeque<>();

    @GuardedBy("lock")
    private long stdinQueuedBytes;

    @GuardedBy("lock")
    private boolean stdinClosed;

    public Execution(String id, CommandSpec command, @Nullable LogRing log, Owner owner) {
        this.id = id;
        this.command = command;
        this.log = log;
        this.owner = owner;
    }

    public String id() {
        return id;
    }

    public CommandSpec command() {
        return command;
    }

    public @Nullable LogRing log() {
        return log;
    }

    public boolean isOver() {
        lock.lock();
        try {
            return state == State.OVER;
        } finally {
            lock.unlock();
        }
    }

    public @Nullable GuestProcess process() {
        lock.lock();
        try {
            return process;
        } finally {
            lock.unlock();
        }
    }

    /** Starts the command unless that was done before. Blocks until it runs or was refused. */
    public void start() {
        lock.lock();
        try {
            while (state == State.STARTING) {
                changed.awaitUninterruptibly();
            }
            if (state != State.ANNOUNCED) {
                return;
            }
            state = State.STARTING;
        } finally {
            lock.unlock();
        }
        GuestProcess started;
        try {
            started = owner.launch(this);
        } catch (LaunchRefusal e) {
            refuse(StreamError.newBuilder()
                    .setMessage(String.valueOf(e.getMessage()))
                    .setErrno(e.errno())
                    .setExitCode(e.exitCode())
                    .build());
            return;
        } catch (RuntimeException | Error e) {
            refuse(StreamError.newBuilder()
                    .setMessage("the node failed to start the command: " + e)
                    .setExitCode(125)
                    .build());
            throw e;
        }
        owner.launched(this, started);
        OutputPipe stderr = started.stderr();
        lock.lock();
        try {
            process = started;
            state = State.RUNNING;
            undelivered = stderr == null ? 1 : 2;
            if (attachment != null) {
                attachment.started(started.pid());
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        startThread("stdout", () -> pump(started.stdout(), false));
        if (stderr != null) {
            startThread("stderr", () -> pump(stderr, true));
        }
        InputPipe stdin = started.stdin();
        if (stdin != null) {
            startThread("stdin", () -> feed(stdin));
        }
        var unused = started.exit().thenAcceptAsync(e -> processGone(started, e), r -> startThread("exit", r));
    }

    private void refuse(StreamError refusal) {
        owner.refused(this, refusal);
        abandonWith(refusal);
    }

    /** Ends an execution that was not started yet; false if it was. */
    public boolean abandonUnstarted(String reason) {
        lock.lock();
        try {
            if (state != State.ANNOUNCED) {
                return false;
            }
            abandon(reason);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Ends an execution that was never started or whose sandbox is gone: its client learns {@code reason}. */
    public void abandon(String reason) {
        abandonWith(StreamError.newBuilder().setMessage(reason).setExitCode(125).build());
    }

    private void abandonWith(StreamError reason) {
        lock.lock();
        try {
            if (state != State.OVER) {
                state = State.OVER;
                error = reason;
            }
            Attachment a = attachment;
            attachment = null;
            if (a != null) {
                a.failed(reason);
            }
            stdinQueue.clear();
            stdinQueuedBytes = 0;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        if (log != null) {
            log.close();
        }
    }

    /** Connects a client, in place of the present one. Its command is started by {@link #start}. */
    public void attach(Attachment next) {
        lock.lock();
        try {
            if (attachment != null) {
                attachment.disconnected("another client attached to this execution");
                attachment = null;
            }
            switch (state) {
                case ANNOUNCED, STARTING -> attachment = next;
                case RUNNING, ENDING -> {
                    if (process != null) {
                        next.started(process.pid());
                    }
                    attachment = next;
                }
                case OVER -> {
                    if (exit != null) {
                        next.exited(exit);
                    } else if (error != null) {
                        next.failed(error);
                    }
                }
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** The client is gone. */
    public void detach(Attachment gone) {
        lock.lock();
        try {
            if (attachment == gone) {
                attachment = null;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    /** A client became able to take more output. */
    public void attachmentReady() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Standard input from a client. Never blocks.
     *
     * @return whether there is room for more; if not, {@link Attachment#stdinDrained} follows
     */
    public boolean stdin(Attachment from, ByteString data) {
        lock.lock();
        try {
            if (attachment != from || stdinClosed || state == State.OVER || state == State.ENDING) {
                return true;
            }
            if (process != null && process.stdin() == null) {
                return true;
            }
            if (!data.isEmpty()) {
                stdinQueue.addLast(data);
                stdinQueuedBytes += data.size();
                changed.signalAll();
            }
            return stdinQueuedBytes < STDIN_QUEUE_BYTES;
        } finally {
            lock.unlock();
        }
    }

    /** End of file on standard input, after what was queued. */
    public void closeStdin(Attachment from) {
        lock.lock();
        try {
            if (attachment == from) {
                stdinClosed = true;
                changed.signalAll();
            }
        } finally {
            lock.unlock();
        }
    }

    private void startThread(String role, Runnable body) {
        Thread.ofVirtual().name("execution-" + id + "-" + role).start(body);
    }

    private void pump(OutputPipe pipe, boolean stderr) {
        byte[] buffer = new byte[CHUNK_BYTES];
        boolean delivered = false;
        int lastWords = 0;
        try (pipe) {
            while (true) {
                boolean processGone = isEnding();
                int n = pipe.tryRead(buffer);
                if (n > 0 && processGone && !delivered) {
                    lastWords += n;
                    if (lastWords > LAST_WORDS_BYTES) {
                        delivered = true;
                        streamDelivered();
                    }
                }
                if (n > 0) {
                    // After its process, only what others in the sandbox write comes here.
                    deliver(delivered ? null : log, !delivered, stderr, ByteString.copyFrom(buffer, 0, n));
                    continue;
                }
                if ((n < 0 || processGone) && !delivered) {
                    delivered = true;
                    streamDelivered();
                }
                if (n < 0) {
                    return;
                }
                pipe.awaitReadable();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            if (!delivered) {
                streamDelivered();
            }
        }
    }

    private boolean isEnding() {
        lock.lock();
        try {
            return state == State.ENDING || state == State.OVER;
        } finally {
            lock.unlock();
        }
    }

    private void deliver(@Nullable LogRing into, boolean toClient, boolean stderr, ByteString data)
            throws InterruptedException {
        if (into != null) {
            into.append(stderr, data);
        }
        if (!toClient) {
            return;
        }
        lock.lockInterruptibly();
        try {
            while (attachment != null && !attachment.isReady()) {
                changed.await();
            }
            if (attachment != null) {
                attachment.output(stderr, data);
            }
        } finally {
            lock.unlock();
        }
    }

    private void streamDelivered() {
        lock.lock();
        try {
            undelivered--;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void feed(InputPipe pipe) {
        boolean broken = false;
        try (pipe) {
            while (true) {
                ByteString next;
                lock.lockInterruptibly();
                try {
                    while (stdinQueue.isEmpty() && !stdinClosed && state == State.RUNNING) {
                        changed.await();
                    }
                    if (state != State.RUNNING) {
                        return;
                    }
                    next = stdinQueue.pollFirst();
                    if (next == null) {
                        return;
                    }
                } finally {
                    lock.unlock();
                }
                if (!broken) {
                    broken = !writeFully(pipe, next.toByteArray());
                }
                taken(next.size());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean writeFully(InputPipe pipe, byte[] data) throws InterruptedException {
        int done = 0;
        while (done < data.length) {
            int n = pipe.tryWrite(data, done, data.length - done);
            if (n < 0 || (n == 0 && isEnding())) {
                return false;
            }
            done += n;
            if (n == 0) {
                pipe.awaitWritable();
            }
        }
        return true;
    }

    private void taken(int bytes) {
        lock.lock();
        try {
            boolean wasFull = stdinQueuedBytes >= STDIN_QUEUE_BYTES;
            stdinQueuedBytes = Math.max(0, stdinQueuedBytes - bytes);
            if (wasFull && stdinQueuedBytes < STDIN_QUEUE_BYTES && attachment != null) {
                attachment.stdinDrained();
            }
        } finally {
            lock.unlock();
        }
    }

    private void processGone(GuestProcess gone, ProcessExit status) {
        lock.lock();
        try {
            if (state == State.RUNNING) {
                state = State.ENDING;
            }
            if (stdinQueuedBytes >= STDIN_QUEUE_BYTES && attachment != null) {
                attachment.stdinDrained();
            }
            stdinQueue.clear();
            stdinQueuedBytes = 0;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        gone.stdout().wakeup();
        OutputPipe stderr = gone.stderr();
        if (stderr != null) {
            stderr.wakeup();
        }
        InputPipe stdin = gone.stdin();
        if (stdin != null) {
            stdin.wakeup();
        }
        owner.processGone(this, status);
        ExitStatus result = ExitStatus.newBuilder()
                .setCode(status.code())
                .setSignal(status.signal())
                .build();
        lock.lock();
        try {
            while (undelivered > 0 && state == State.ENDING) {
                changed.awaitUninterruptibly();
            }
            if (state == State.ENDING) {
                state = State.OVER;
                exit = result;
                if (attachment != null) {
                    attachment.exited(result);
                    attachment = null;
                }
            }
        } finally {
            lock.unlock();
        }
        if (log != null) {
            log.close();
        }
    }
}
