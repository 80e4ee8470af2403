package dev.stockade.cli.command;

import dev.stockade.cli.CliException;
import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.ExecutionStream;
import dev.stockade.cli.api.Sandbox;
import dev.stockade.cli.api.UnreachableException;
import dev.stockade.cli.terminal.Signals;
import dev.stockade.cli.terminal.Terminal;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * This process in the place of a program in a sandbox: its standard streams, its signals, its exit status.
 * Make it before the sandbox, so that no signal comes too early.
 */
final class Attachment {
    private static final int INPUT_CHUNK_BYTES = 32 * 1024;
    private static final Duration FATE_DEADLINE = Duration.ofSeconds(20);
    private static final long FATE_POLL_MS = 250;
    private static final long SIGNAL_PATIENCE_MS = 2000;

    /** What belongs to the caller when the attachment ends without the program. */
    interface Owner {
        /** Standard output is gone: nobody reads the program's output any more. */
        void onOutputBroken() throws UnreachableException, InterruptedException;

        /** The user gave up waiting; answers the line to tell. */
        String onGivenUp() throws UnreachableException, InterruptedException;
    }

    private final Owner owner;
    private final ExecutionStream stream = new ExecutionStream(
            // Not System.out: no buffer, and errors of writing are seen.
            new FileOutputStream(FileDescriptor.out), new FileOutputStream(FileDescriptor.err));
    private volatile boolean attached;
    private volatile @Nullable Terminal terminal;
    private int interrupts; // guarded by this

    Attachment(Owner owner) {
        this.owner = owner;
        Signals.onEnd(this::onSignal);
    }

    private void onSignal(int signal) {
        boolean again;
        synchronized (this) {
            again = interrupts > 0;
            if (signal != Signals.SIGHUP) {
                interrupts++;
            }
        }
        if (attached && !again) {
            pass(signal);
            return;
        }
        String line;
        try {
            line = owner.onGivenUp();
        } catch (UnreachableException | InterruptedException | CliException e) {
            line = String.valueOf(e.getMessage());
        }
        restoreTerminal();
        if (!line.isEmpty()) {
            System.err.println("stockade: " + line);
        }
        Runtime.getRuntime().halt(128 + signal);
    }

    /** A signal queues behind input that the program does not take: then the user must know. */
    private void pass(int signal) {
        CompletableFuture<Void> sent = CompletableFuture.runAsync(() -> stream.sendSignal(signal), Attachment::start);
        try {
            sent.get(SIGNAL_PATIENCE_MS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            System.err.println("stockade: the signal waits behind input that the program does not read;"
                    + " a second one gives up");
        } catch (ExecutionException | InterruptedException e) {
            return; // the stream has ended, and tells why
        }
    }

    private static void start(Runnable work) {
        Thread.ofPlatform().daemon().name("signal").start(work);
    }

    /** Streams until the program has ended; answers its exit status. */
    int run(ControlPlane api, String sandboxId, String executionId, boolean forwardInput, boolean tty)
            throws UnreachableException, InterruptedException {
        api.attach(sandboxId, executionId, stream);
        attached = true;
        if (tty) {
            terminal = Terminal.raw();
            Signals.onResize(() -> Terminal.size().ifPresent(size -> stream.sendResize(size.rows(), size.columns())));
        }
        try {
            if (forwardInput) {
                Thread.ofPlatform().daemon().name("stdin").start(this::forwardInput);
            }
            return status(api, sandboxId, stream.await());
        } finally {
            restoreTerminal();
        }
    }

    private int status(ControlPlane api, String sandboxId, ExecutionStream.Outcome outcome)
            throws UnreachableException, InterruptedException {
        return switch (outcome) {
            case ExecutionStream.Outcome.Exited exited -> exited.exitCode();
            case ExecutionStream.Outcome.Failed failed -> {
                restoreTerminal();
                String about =
                        failed.exitCode() == CliException.OWN_ERROR ? "sandbox " + Ids.shorten(sandboxId) + ": " : "";
                System.err.println("stockade: " + about + failed.error());
                yield failed.exitCode();
            }
            case ExecutionStream.Outcome.OutputBroken broken -> {
                stream.abandon();
                owner.onOutputBroken();
                yield 128 + Signals.SIGPIPE;
            }
            case ExecutionStream.Outcome.Lost lost -> {
                restoreTerminal();
                throw new CliException(fate(api, sandboxId, lost.why()));
            }
        };
    }

    /** The control plane learns only after a while that a node is gone: its word is worth waiting for. */
    private static String fate(ControlPlane api, String sandboxId, String why) throws InterruptedException {
        long deadline = System.nanoTime() + FATE_DEADLINE.toNanos();
        String shortId = Ids.shorten(sandboxId);
        while (true) {
            try {
                Sandbox sandbox = api.sandbox(sandboxId);
                if (sandbox.state().equals("FAILED")) {
                    return "sandbox " + shortId + " failed"
                            + (sandbox.reason().isEmpty() ? "" : " (" + sandbox.reason() + ")")
                            + (sandbox.message().isEmpty() ? "" : ": " + sandbox.message());
                }
                if (sandbox.isOver()) {
                    return "the connection to sandbox " + shortId + " broke (" + why
                            + "); it has ended since: stockade logs " + shortId;
                }
            } catch (UnreachableException e) {
                return "the control plane is gone (" + e.getMessage() + "), and with it the connection to sandbox "
                        + shortId;
            } catch (CliException e) {
                return "the connection to sandbox " + shortId + " broke (" + why + "): " + e.text();
            }
            if (System.nanoTime() > deadline) {
                return "the connection to sandbox " + shortId + " broke (" + why
                        + "); it may still run: stockade ps, stockade stop " + shortId;
            }
            TimeUnit.MILLISECONDS.sleep(FATE_POLL_MS);
        }
    }

    private void forwardInput() {
        byte[] buffer = new byte[INPUT_CHUNK_BYTES];
        InputStream in = new FileInputStream(FileDescriptor.in);
        try {
            int count;
            while ((count = in.read(buffer)) > 0) {
                if (!stream.sendInput(buffer, count)) {
                    return;
                }
            }
        } catch (IOException e) {
            // A standard input that can't be read is an empty one, as for any program.
            if (!stream.isOver()) {
                System.err.println("stockade: standard input: " + e.getMessage());
            }
        }
        stream.closeInput();
    }

    private synchronized void restoreTerminal() {
        Terminal raw = terminal;
        if (raw != null) {
            terminal = null;
            raw.close();
        }
    }
}
