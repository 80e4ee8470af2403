package dev.stockade.sentry.server.runtime;

import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.sentry.boot.GuestProcess;
import dev.stockade.sentry.boot.InputPipe;
import dev.stockade.sentry.boot.OutputPipe;
import dev.stockade.sentry.boot.ProcessExit;
import java.nio.charset.StandardCharsets;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/** A process whose life a test writes by hand. */
public final class FakeProcess implements GuestProcess {
    public static final int PIPE_BYTES = 64 * 1024;

    private final int pid;
    private final CommandSpec command;
    private final FakePipe in = new FakePipe(PIPE_BYTES);
    private final FakePipe out = new FakePipe(PIPE_BYTES);
    private final FakePipe err = new FakePipe(PIPE_BYTES);
    private final CompletableFuture<ProcessExit> exit = new CompletableFuture<>();
    private final Queue<Integer> signals = new ConcurrentLinkedQueue<>();
    private volatile boolean obedient = true;

    FakeProcess(int pid, CommandSpec command) {
        this.pid = pid;
        this.command = command;
    }

    public CommandSpec command() {
        return command;
    }

    public Queue<Integer> signals() {
        return signals;
    }

    /** SIGTERM changes nothing from now on. */
    public void ignoreSignals() {
        obedient = false;
    }

    public void print(String text) throws InterruptedException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
    }

    public void print(byte[] data) throws InterruptedException {
        out.write(data);
    }

    public void complain(String text) throws InterruptedException {
        err.write(text.getBytes(StandardCharsets.UTF_8));
    }

    public int read(byte[] destination) throws InterruptedException {
        return in.read(destination);
    }

    /** Ends the process; its descriptors are closed. */
    public void end(ProcessExit how) {
        out.closeWriters();
        err.closeWriters();
        in.closeReaders();
        exit.complete(how);
    }

    /** Ends the process but for its output, which another one still holds open. */
    public void endLeavingOutputOpen(ProcessExit how) {
        in.closeReaders();
        exit.complete(how);
    }

    @Override
    public int pid() {
        return pid;
    }

    @Override
    public boolean signal(int signal) {
        signals.add(signal);
        if (obedient && !exit.isDone()) {
            end(ProcessExit.killed(signal));
        }
        return true;
    }

    @Override
    public void resize(int rows, int columns) {}

    @Override
    public CompletableFuture<ProcessExit> exit() {
        return exit;
    }

    @Override
    public @Nullable InputPipe stdin() {
        return command.getStdin() ? in.input() : null;
    }

    @Override
    public OutputPipe stdout() {
        return out.output();
    }

    @Override
    public OutputPipe stderr() {
        return err.output();
    }
}
