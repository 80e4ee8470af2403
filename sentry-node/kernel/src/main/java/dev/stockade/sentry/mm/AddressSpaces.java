package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.platform.Machine;
import java.util.random.RandomGenerator;

/** What the address spaces of one sandbox share. Thread-safe. */
public final class AddressSpaces {
    private final Machine machine;
    private final FrameAllocator frames;
    private final RandomGenerator random;

    /** @param random where address space layout randomisation takes its bits from; thread-safe */
    public AddressSpaces(Machine machine, FrameAllocator frames, RandomGenerator random) {
        this.machine = machine;
        this.frames = frames;
        this.random = random;
    }

    public Machine machine() {
        return machine;
    }

    public FrameAllocator frames() {
        return frames;
    }

    RandomGenerator random() {
        return random;
    }

    /**
     * An empty address space with one user.
     *
     * @throws ErrnoException ENOMEM
     */
    public MemoryManager create(MemoryLimits limits) throws ErrnoException {
        throw new UnsupportedOperationException("not there yet");
    }
}
