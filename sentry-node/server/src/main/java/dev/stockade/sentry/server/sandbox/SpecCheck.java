package dev.stockade.sentry.server.sandbox;

import dev.stockade.proto.sentry.v1.CommandSpec;
import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.regex.Pattern;

/** Refuses requests that no node could meet, with INVALID_ARGUMENT and what is wrong. */
public final class SpecCheck {
    private static final Pattern HOSTNAME = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?");
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,127}");
    private static final int PAGE_BYTES = 4096;
    /** MAX_ARG_STRLEN (execve(2)). */
    private static final int MOST_STRING_BYTES = 32 * PAGE_BYTES;
    /** A quarter of the 8 MiB stack limit (execve(2)). */
    private static final int MOST_ARGUMENT_BYTES = 2 << 20;

    private final SandboxLimits limits;
    private final boolean terminals;

    public SpecCheck(SandboxLimits limits, boolean terminals) {
        this.limits = limits;
        this.terminals = terminals;
    }

    public void key(SandboxKey key) {
        require(ID.matcher(key.getSandboxId()).matches(), "the sandbox id is missing or malformed");
        require(key.getIncarnation() >= 0, "the incarnation is negative");
    }

    public void executionId(String id) {
        require(ID.matcher(id).matches(), "the execution id is missing or malformed");
    }

    /** Checks {@code spec} and fills in the node's defaults. */
    public SandboxSpec sandbox(SandboxKey key, SandboxSpec spec) {
        require(!spec.getImageId().isEmpty(), "image_id is missing");
        require(!spec.getGoferAddress().isEmpty(), "gofer_address is missing");
        require(spec.hasMain(), "the main command is missing");
        command(spec.getMain());
        require(
                spec.getHostname().isEmpty()
                        || HOSTNAME.matcher(spec.getHostname()).matches(),
                "the host name is malformed: letters, digits, '-' and '.', at most 64");
        require(spec.getTimeoutMs() >= 0, "the timeout is negative");
        require(
                spec.getMaxTasks() >= 0 && spec.getMaxTasks() <= SandboxLimits.MOST_TASKS,
                "max_tasks is more than " + SandboxLimits.MOST_TASKS);
        long memory = spec.getMemoryBytes() == 0 ? limits.defaultMemoryBytes() : spec.getMemoryBytes();
        require(
                memory >= SandboxLimits.LEAST_MEMORY_BYTES,
                "memory_bytes is less than " + SandboxLimits.LEAST_MEMORY_BYTES + " bytes, too little for a program");
        require(memory <= 1L << 40, "memory_bytes is more than a terabyte");
        SandboxSpec.Builder full = spec.toBuilder();
        full.setMemoryBytes((memory + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
        if (spec.getMaxTasks() == 0) {
            full.setMaxTasks(limits.defaultTasks());
        }
        if (spec.getHostname().isEmpty()) {
            String id = key.getSandboxId();
            String host = id.replaceAll("[^A-Za-z0-9-]", "-");
            host = host.substring(0, Math.min(63, host.length())).replaceAll("-+$", "");
            full.setHostname(host.isEmpty() ? "sandbox" : host);
        }
        return full.build();
    }

    public void command(CommandSpec command) {
        require(command.getArgsCount() > 0, "the command is empty");
        long total = 0;
        for (String a : command.getArgsList()) {
            total += text(a, "an argument");
        }
        for (String e : command.getEnvList()) {
            require(e.indexOf('=') > 0, "the environment entry '" + shortened(e) + "' is not of the form NAME=VALUE");
            total += text(e, "an environment entry");
        }
        require(total <= MOST_ARGUMENT_BYTES, "arguments and environment are longer than 2 MiB");
        text(command.getWorkingDir(), "the working directory");
        require(
                command.getWorkingDir().isEmpty() || command.getWorkingDir().startsWith("/"),
                "the working directory is not absolute");
        text(command.getUser(), "the user");
        if (command.getTty() && !terminals) {
            throw Status.UNIMPLEMENTED
                    .withDescription("terminals are not supported yet")
                    .asRuntimeException();
        }
    }

    private static long text(String s, String what) {
        require(s.indexOf('\0') < 0, what + " contains a NUL byte");
        // A string's UTF-8 is at most three times its length.
        require(s.length() <= MOST_STRING_BYTES, what + " is longer than 128 KiB");
        return s.length() + 9L;
    }

    private static String shortened(String s) {
        return s.length() <= 40 ? s : s.substring(0, 40) + "...";
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw invalid(otherwise);
        }
    }

    private static StatusRuntimeException invalid(String what) {
        return Status.INVALID_ARGUMENT.withDescription(what).asRuntimeException();
    }
}
