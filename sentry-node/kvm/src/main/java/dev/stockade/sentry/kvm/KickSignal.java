package dev.stockade.sentry.kvm;

import dev.stockade.sentry.platform.PlatformException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The signal that gets a thread out of KVM_RUN. Its handler is a lone RET in a page of its own and lives as long as
 * the process, because a kick may always be on its way. Without SA_RESTART, so that the ioctl returns EINTR.
 */
final class KickSignal {
    /** struct sigaction of glibc: handler, mask of 128 bytes, flags, restorer. */
    private static final int SIGACTION_SIZE = 152;

    private static final int SIGRTMAX = 64;
    private static final int SIGRT_FIRST_SPARE = 40;

    private static int installed;

    private KickSignal() {}

    /** The signal's number; installs the handler the first time. */
    static synchronized int install() throws PlatformException {
        if (installed != 0) {
            return installed;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment action = arena.allocate(SIGACTION_SIZE, 8);
            for (int signal = SIGRTMAX; signal >= SIGRT_FIRST_SPARE; signal--) {
                Host.sigaction(signal, 0, action.address());
                if (action.get(ValueLayout.JAVA_LONG, 0) == 0) {
                    action.fill((byte) 0);
                    action.set(ValueLayout.JAVA_LONG, 0, retPage());
                    Host.sigaction(signal, action.address(), 0);
                    installed = signal;
                    return signal;
                }
            }
        }
        throw new PlatformException("every real-time signal from " + SIGRT_FIRST_SPARE + " up has a handler already");
    }

    @SuppressWarnings("restricted")
    private static long retPage() {
        long page =
                Host.mmap(Host.PAGE_SIZE, Host.PROT_READ | Host.PROT_WRITE, Host.MAP_PRIVATE | Host.MAP_ANONYMOUS, -1);
        // SAFETY: just mapped, one page, never unmapped.
        MemorySegment.ofAddress(page).reinterpret(Host.PAGE_SIZE).set(ValueLayout.JAVA_BYTE, 0, (byte) 0xc3);
        Host.mprotect(page, Host.PAGE_SIZE, Host.PROT_READ | Host.PROT_EXEC);
        return page;
    }
}
