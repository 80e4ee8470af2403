package dev.stockade.cli.command;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stockade.cli.CliException;
import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.Sandbox;
import dev.stockade.cli.api.UnreachableException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "run",
        customSynopsis = {
            "stockade run [OPTIONS] IMAGE COMMAND [ARG...]",
            "stockade run [OPTIONS] --rootfs DIR COMMAND [ARG...]"
        },
        description = {
            "Runs a command in a new sandbox and ends with its exit status.",
            "Options end at IMAGE; what follows belongs to the command. Ctrl-C goes to the command as SIGINT; a second one"
                    + " gives up waiting and leaves the sandbox running. The sandbox is kept (stockade ps -a) unless --rm."
        })
final class RunCommand implements Callable<Integer> {
    @Mixin
    final ApiMixin api = new ApiMixin();

    @Mixin
    final ProgramOptions program = new ProgramOptions();

    @Option(names = "--rm", description = "remove the sandbox when its command has ended")
    boolean remove;

    @Option(
            names = {"-d", "--detach"},
            description = "print the sandbox's id and leave it running")
    boolean detach;

    @Option(
            names = {"-m", "--memory"},
            paramLabel = "SIZE",
            converter = Quantities.Bytes.class,
            description = "memory limit, as 256m or 2g")
    @Nullable
    Long memory;

    @Option(names = "--cpus", paramLabel = "N", description = "how many CPUs the sandbox sees")
    @Nullable
    Integer cpus;

    @Option(
            names = "--timeout",
            paramLabel = "TIME",
            converter = Quantities.Time.class,
            description = "kill the sandbox after this time, as 90s or 15m")
    @Nullable
    Duration timeout;

    @Option(names = "--max-tasks", paramLabel = "N", description = "how many processes and threads it may have at once")
    @Nullable
    Integer maxTasks;

    @Option(names = "--hostname", paramLabel = "NAME", description = "the host name inside")
    @Nullable
    String hostname;

    @Option(names = "--name", paramLabel = "NAME", description = "a name for the sandbox, to use instead of its id")
    @Nullable
    String name;

    @Option(
            names = "--init",
            description = "put a process before the command that reaps orphans (else the command is PID 1)")
    boolean init;

    @Option(
            names = "--rootfs",
            paramLabel = "DIR",
            description = "use this directory, imported under a name made from its content, as the image")
    @Nullable
    Path rootfs;

    @Parameters(paramLabel = "IMAGE COMMAND [ARG...]", hidden = true)
    List<String> words = new ArrayList<>();

    @Override
    public Integer call() throws UnreachableException, InterruptedException {
        if (rootfs == null && words.isEmpty()) {
            throw new CliException("run: which image? (stockade run IMAGE COMMAND [ARG...])");
        }
        List<String> command = rootfs == null ? words.subList(1, words.size()) : words;
        if (command.isEmpty()) {
            throw new CliException("run: which command? (stockade run IMAGE COMMAND [ARG...])");
        }
        ObjectNode specification = ControlPlane.JSON.createObjectNode();
        program.describe(specification, detach);
        try (ControlPlane controlPlane = api.startIfNeeded()) {
            String image = rootfs == null ? words.getFirst() : new RootfsImport(controlPlane).ensure(rootfs);
            describe(specification, image, command);
            return detach ? detached(controlPlane, specification) : attached(controlPlane, specification);
        }
    }

    private void describe(ObjectNode specification, String image, List<String> command) {
        specification.put("image", image);
        ArrayNode arguments = specification.putArray("command");
        command.forEach(arguments::add);
        specification.put("startOnAttach", !detach);
        specification.put("init", init);
        if (hostname != null) {
            specification.put("hostname", hostname);
        }
        if (name != null) {
            specification.put("name", name);
        }
        if (memory != null) {
            specification.put("memoryBytes", memory);
        }
        if (cpus != null) {
            specification.put("cpus", cpus);
        }
        if (timeout != null) {
            specification.put("timeoutSeconds", timeout.toSeconds());
        }
        if (maxTasks != null) {
            specification.put("maxTasks", maxTasks);
        }
    }

    private int detached(ControlPlane controlPlane, ObjectNode specification)
            throws UnreachableException, InterruptedException {
        if (remove) {
            throw new CliException("run: --rm and -d exclude each other: remove the sandbox with `stockade rm`");
        }
        Sandbox sandbox = controlPlane.create(specification);
        requireMade(sandbox);
        System.out.println(sandbox.id());
        return 0;
    }

    private static void requireMade(Sandbox sandbox) {
        if (sandbox.state().equals("FAILED")) {
            throw new CliException("sandbox " + Ids.shorten(sandbox.id()) + " failed"
                    + (sandbox.reason().isEmpty() ? "" : " (" + sandbox.reason() + ")")
                    + (sandbox.message().isEmpty() ? "" : ": " + sandbox.message()));
        }
    }

    private int attached(ControlPlane controlPlane, ObjectNode specification)
            throws UnreachableException, InterruptedException {
        SandboxOwner owner = new SandboxOwner(controlPlane, remove);
        Attachment attachment = new Attachment(owner);
        Sandbox sandbox = controlPlane.create(specification);
        owner.created = sandbox;
        try {
            requireMade(sandbox);
            return attachment.run(
                    controlPlane,
                    sandbox.id(),
                    "main",
                    specification.path("stdin").asBoolean(),
                    program.tty);
        } finally {
            if (remove) {
                removeQuietly(controlPlane, sandbox);
            }
        }
    }

    /** The program's status stays the command's, whatever becomes of the removal. */
    private static void removeQuietly(ControlPlane controlPlane, Sandbox sandbox) throws InterruptedException {
        try {
            controlPlane.delete(sandbox.id(), true);
        } catch (UnreachableException | CliException e) {
            System.err.println(
                    "stockade: sandbox " + Ids.shorten(sandbox.id()) + " could not be removed: " + e.getMessage());
        }
    }

    private static final class SandboxOwner implements Attachment.Owner {
        private final ControlPlane controlPlane;
        private final boolean remove;
        private volatile @Nullable Sandbox created;

        SandboxOwner(ControlPlane controlPlane, boolean remove) {
            this.controlPlane = controlPlane;
            this.remove = remove;
        }

        @Override
        public void onOutputBroken() throws UnreachableException, InterruptedException {
            Sandbox sandbox = created;
            if (sandbox != null && !remove) {
                controlPlane.stop(sandbox.id(), 0); // as SIGPIPE would
            }
        }

        @Override
        public String onGivenUp() throws UnreachableException, InterruptedException {
            Sandbox sandbox = created;
            if (sandbox == null) {
                return "";
            }
            if (remove) {
                controlPlane.delete(sandbox.id(), true);
                return "sandbox " + Ids.shorten(sandbox.id()) + " is removed";
            }
            String id = Ids.shorten(sandbox.id());
            return "sandbox " + id + " still runs; stop it with: stockade stop " + id;
        }
    }
}
