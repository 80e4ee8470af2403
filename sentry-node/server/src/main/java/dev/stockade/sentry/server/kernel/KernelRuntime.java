package dev.stockade.sentry.server.kernel;

import dev.stockade.proto.sentry.v1.SandboxKey;
import dev.stockade.proto.sentry.v1.SandboxSpec;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.boot.BootException;
import dev.stockade.sentry.boot.GuestConfig;
import dev.stockade.sentry.boot.GuestSystem;
import dev.stockade.sentry.fs.gofer.GoferClient;
import dev.stockade.sentry.kernel.TaskBudget;
import dev.stockade.sentry.platform.Platform;
import dev.stockade.sentry.platform.PlatformException;
import dev.stockade.sentry.server.runtime.RuntimeRefusal;
import dev.stockade.sentry.server.runtime.SandboxInstance;
import dev.stockade.sentry.server.runtime.SandboxListener;
import dev.stockade.sentry.server.runtime.SandboxRuntime;

/** Sandboxes as kernels on one platform. Thread-safe. */
public final class KernelRuntime implements SandboxRuntime {
    /** Where images come from; the node's gofer connections. */
    public interface Images {
        /**
         * @throws ErrnoException ENOENT: no such image, ENFILE: too many sessions there, EIO: the gofer can't be
         *     reached, EINVAL: the address makes no sense
         */
        GoferClient attach(String goferAddress, String imageId, String sandboxId) throws ErrnoException;
    }

    private final Platform platform;
    private final Images images;
    private final TaskBudget tasks;
    private final int cpus;
    private final KernelTelemetry telemetry;

    /**
     * @param tasks bound on the threads of all guest programs of this node
     * @param cpus that a sandbox sees whose request names no number
     */
    public KernelRuntime(Platform platform, Images images, TaskBudget tasks, int cpus, KernelTelemetry telemetry) {
        this.platform = platform;
        this.images = images;
        this.tasks = tasks;
        this.cpus = cpus;
        this.telemetry = telemetry;
    }

    @Override
    public String describe() {
        return platform.describe();
    }

    @Override
    public boolean supportsTerminals() {
        return false;
    }

    @Override
    public SandboxInstance create(SandboxKey key, SandboxSpec spec, SandboxListener listener) throws RuntimeRefusal {
        return telemetry.creating(key, spec, () -> boot(key, spec, listener));
    }

    private SandboxInstance boot(SandboxKey key, SandboxSpec spec, SandboxListener listener) throws RuntimeRefusal {
        GoferClient image = telemetry.attaching(spec, () -> attach(key, spec));
        try {
            GuestSystem guest = GuestSystem.boot(new GuestConfig(
                    key.getSandboxId(),
                    platform,
                    image,
                    spec.getHostname(),
                    spec.getMemoryBytes(),
                    spec.getMaxTasks(),
                    spec.getCpus() == 0 ? cpus : spec.getCpus(),
                    true,
                    tasks,
                    (type, attributes) -> {
                        telemetry.event(type, attributes);
                        listener.event(type, attributes);
                    }));
            return new KernelInstance(key, spec, guest, telemetry);
        } catch (PlatformException e) {
            throw new RuntimeRefusal(RuntimeRefusal.Kind.EXHAUSTED, "no virtual machine: " + e.getMessage(), e);
        } catch (BootException e) {
            throw new RuntimeRefusal(RuntimeRefusal.Kind.INTERNAL, String.valueOf(e.getMessage()), e);
        }
    }

    private GoferClient attach(SandboxKey key, SandboxSpec spec) throws RuntimeRefusal {
        String address = spec.getGoferAddress();
        try {
            return images.attach(address, spec.getImageId(), key.getSandboxId());
        } catch (ErrnoException e) {
            String what = "gofer " + address + ": ";
            Errno errno = e.errno();
            throw switch (errno) {
                case ENOENT ->
                    new RuntimeRefusal(
                            RuntimeRefusal.Kind.NOT_FOUND,
                            what + "no image " + spec.getImageId()
                                    + (spec.getImageName().isEmpty() ? "" : " (" + spec.getImageName() + ")"),
                            e);
                case ENFILE, EMFILE ->
                    new RuntimeRefusal(RuntimeRefusal.Kind.EXHAUSTED, what + "too many sessions there", e);
                case EINVAL -> new RuntimeRefusal(RuntimeRefusal.Kind.INVALID, what + "not a usable address", e);
                case EINTR -> new RuntimeRefusal(RuntimeRefusal.Kind.UNAVAILABLE, what + "interrupted", e);
                default ->
                    new RuntimeRefusal(
                            RuntimeRefusal.Kind.UNAVAILABLE, what + "can't be reached (" + errno.name() + ")", e);
            };
        }
    }
}
