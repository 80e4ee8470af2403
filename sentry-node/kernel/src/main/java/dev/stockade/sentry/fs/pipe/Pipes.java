package dev.stockade.sentry.fs.pipe;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.nio.charset.StandardCharsets;

/** Makes pipes. */
public final class Pipes {
    private Pipes() {}

    /**
     * The two ends of a new pipe.
     *
     * @param read one reference
     * @param write one reference
     */
    public record Ends(FileDescription read, FileDescription write) {}

    /**
     * pipe2(2).
     *
     * @param flags O_NONBLOCK or 0
     * @throws ErrnoException ENFILE
     */
    public static Ends create(VirtualFilesystem vfs, int fsuid, int fsgid, int flags) throws ErrnoException {
        vfs.checkFileLimit();
        Pipe pipe = new Pipe(vfs.heap());
        VirtualDentry where = location(vfs, pipe, fsuid, fsgid);
        int kept = flags & OpenFlags.O_NONBLOCK;
        return new Ends(
                PipeFile.end(where, OpenFlags.O_RDONLY | kept, pipe, true),
                PipeFile.end(where, OpenFlags.O_WRONLY | kept, pipe, false));
    }

    static VirtualDentry location(VirtualFilesystem vfs, Pipe pipe, int uid, int gid) {
        PipeInode inode = new PipeInode(vfs, pipe, uid, gid);
        byte[] name = ("pipe:[" + inode.number() + "]").getBytes(StandardCharsets.US_ASCII);
        return vfs.anonymousLocation(name, inode);
    }

    /** Makes FIFOs (and pipes through /proc/pid/fd) openable. */
    public static void register(VirtualFilesystem vfs) {
        vfs.registerFifoOpener((VfsContext context, VirtualDentry where, int flags) -> {
            Inode inode = where.dentry().requireInode();
            Object state = inode.special().get();
            if (state == null) {
                Pipe made = new Pipe(vfs.heap());
                state = inode.special().compareAndExchange(null, made);
                if (state == null) {
                    state = made;
                }
            }
            return PipeFile.open(where, flags, (Pipe) state);
        });
    }
}
