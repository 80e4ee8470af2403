package dev.stockade.cli.command;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stockade.cli.CliException;
import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.Sandbox;
import dev.stockade.cli.api.UnreachableException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(
        name = "exec",
        customSynopsis = "stockade exec [OPTIONS] SANDBOX COMMAND [ARG...]",
        description = {
            "Runs a further command in a sandbox that runs, and ends with its exit status.",
            "SANDBOX is an id, the beginning of one, or a name; options end there."
        })
final class ExecCommand implements Callable<Integer> {
    @Mixin
    final ApiMixin api = new ApiMixin();

    @Mixin
    final ProgramOptions program = new ProgramOptions();

    @Parameters(paramLabel = "SANDBOX COMMAND [ARG...]", hidden = true)
    List<String> words = new ArrayList<>();

    @Override
    public Integer call() throws UnreachableException, InterruptedException {
        if (words.size() < 2) {
            throw new CliException("exec: which sandbox and command? (stockade exec SANDBOX COMMAND [ARG...])");
        }
        ObjectNode command = ControlPlane.JSON.createObjectNode();
        ArrayNode arguments = command.putArray("args");
        words.subList(1, words.size()).forEach(arguments::add);
        program.describe(command, false);
        try (ControlPlane controlPlane = api.existing()) {
            Sandbox sandbox = controlPlane.find(words.getFirst());
            Attachment attachment = new Attachment(new CommandOwner(sandbox));
            String execution = controlPlane.createExecution(sandbox.id(), command);
            return attachment.run(
                    controlPlane, sandbox.id(), execution, command.path("stdin").asBoolean(), program.tty);
        }
    }

    private record CommandOwner(Sandbox sandbox) implements Attachment.Owner {
        @Override
        public void onOutputBroken() {
            // Closing the stream is all that can be done about one command; its sandbox goes on.
        }

        @Override
        public String onGivenUp() {
            return "the command may still run in sandbox " + Ids.shorten(sandbox.id());
        }
    }
}
