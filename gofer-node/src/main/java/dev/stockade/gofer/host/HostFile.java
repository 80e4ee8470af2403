package dev.stockade.gofer.host;

import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import java.nio.ByteBuffer;

/** A regular file of the host, open for reading. Reads are positional and may run at the same time. */
public final class HostFile extends HostFd {
    private final long sizeBytes;

    HostFile(int fd, long sizeBytes) {
        super(fd);
        this.sizeBytes = sizeBytes;
    }

    /** Its size when it was opened. */
    public long sizeBytes() {
        return sizeBytes;
    }

    /**
     * Reads at {@code offset} into a direct buffer, from its position to its limit at most.
     *
     * @return bytes read, 0 at or after the end of the file; the buffer's position advances by as many
     */
    public int read(ByteBuffer direct, long offset) throws ErrnoException {
        if (!direct.isDirect() || offset < 0) {
            throw new ErrnoException(Errno.EINVAL);
        }
        inUse().lock();
        try {
            while (true) {
                // SAFETY: a direct buffer does not move; pread writes at most remaining() bytes from its position on,
                // and the buffer is reachable until after the call. inUse keeps the descriptor open.
                long n = LibC.INSTANCE.pread(fd(), direct, direct.remaining(), offset);
                if (n >= 0) {
                    direct.position(direct.position() + (int) n);
                    return (int) n;
                }
                Errno e = Errno.of(LibC.errno());
                if (e != Errno.EINTR) {
                    throw new ErrnoException(e, "pread");
                }
            }
        } finally {
            inUse().unlock();
        }
    }
}
