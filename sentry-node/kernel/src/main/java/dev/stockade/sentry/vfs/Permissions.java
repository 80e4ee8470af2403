package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.auth.Credentials;

/** Discretionary access control of files (path_resolution(7), fs/namei.c's generic_permission). */
public final class Permissions {
    static final int CAP_CHOWN = 0;
    static final int CAP_DAC_OVERRIDE = 1;
    static final int CAP_DAC_READ_SEARCH = 2;
    static final int CAP_FOWNER = 3;
    static final int CAP_FSETID = 4;
    static final int CAP_MKNOD = 27;

    private Permissions() {}

    /**
     * Checks the mode bits.
     *
     * @param mask of MAY_EXEC, MAY_WRITE, MAY_READ
     * @throws ErrnoException EACCES
     */
    public static void check(Inode inode, Credentials credentials, int mask) throws ErrnoException {
        int mode = inode.mode();
        int bits;
        if (credentials.fsuid() == inode.uid()) {
            bits = mode >>> 6;
        } else if (((mode >>> 3) & 7) != (mode & 7) && credentials.inGroup(inode.gid())) {
            bits = mode >>> 3;
        } else {
            bits = mode;
        }
        if ((bits & mask) == mask) {
            return;
        }
        if (inode.isDirectory()) {
            if ((mask & FileMode.MAY_WRITE) == 0 && credentials.hasCapability(CAP_DAC_READ_SEARCH)) {
                return;
            }
            if (credentials.hasCapability(CAP_DAC_OVERRIDE)) {
                return;
            }
        } else {
            if (mask == FileMode.MAY_READ && credentials.hasCapability(CAP_DAC_READ_SEARCH)) {
                return;
            }
            if (((mask & FileMode.MAY_EXEC) == 0 || (mode & 0111) != 0)
                    && credentials.hasCapability(CAP_DAC_OVERRIDE)) {
                return;
            }
        }
        throw Errno.EACCES.exception();
    }

    /** Whether the caller owns the file or may act as if (CAP_FOWNER). */
    public static boolean ownerOrCapable(Inode inode, Credentials credentials) {
        return credentials.fsuid() == inode.uid() || credentials.hasCapability(CAP_FOWNER);
    }

    /** Whether a sticky directory keeps the caller from removing or renaming {@code victim}. */
    static boolean stickyForbids(Inode directory, Inode victim, Credentials credentials) {
        return (directory.mode() & FileMode.S_ISVTX) != 0
                && credentials.fsuid() != victim.uid()
                && credentials.fsuid() != directory.uid()
                && !credentials.hasCapability(CAP_FOWNER);
    }
}
