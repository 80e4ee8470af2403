package dev.stockade.sentry.boot;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Reads and writes files of a sandbox from outside, as its root user. Thread-safe; may block for the gofer. */
final class RootFiles {
    /** More of a file than this is not wanted from outside. */
    private static final int MOST_BYTES = 1 << 20;

    private final VirtualFilesystem vfs;
    private final VfsContext context;

    /** @param context root's credentials, root and working directory the sandbox's root */
    RootFiles(VirtualFilesystem vfs, VfsContext context) {
        this.vfs = vfs;
        this.context = context;
    }

    static byte[] bytes(String path) {
        return path.getBytes(StandardCharsets.UTF_8);
    }

    VirtualDentry resolve(String path) throws ErrnoException {
        return vfs.resolve(context, null, bytes(path), VirtualFilesystem.FOLLOW);
    }

    /** Null if there is nothing of that name, or a link to nothing. */
    @Nullable
    Stat stat(String path) throws ErrnoException {
        try {
            return vfs.stat(context, null, bytes(path), VirtualFilesystem.FOLLOW);
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ENOENT || e.errno() == Errno.ENOTDIR) {
                return null;
            }
            throw e;
        }
    }

    boolean isDirectory(String path) {
        try {
            Stat s = stat(path);
            return s != null && (s.mode() & FileMode.S_IFMT) == FileMode.S_IFDIR;
        } catch (ErrnoException e) {
            return false;
        }
    }

    /** A regular file's text, or "" if there is none. */
    String read(String path) throws ErrnoException {
        Stat s = stat(path);
        if (s == null || (s.mode() & FileMode.S_IFMT) != FileMode.S_IFREG) {
            return "";
        }
        FileDescription file = vfs.open(context, null, bytes(path), OpenFlags.O_RDONLY, 0);
        try {
            HeapBuffer buffer = new HeapBuffer((int) Math.min(s.size(), MOST_BYTES));
            while (buffer.remaining() > 0 && file.read(buffer) > 0) {
                // until the end
            }
            return new String(buffer.contents(), StandardCharsets.UTF_8);
        } finally {
            file.decRef();
        }
    }

    /** What a process gets as standard input that has none. */
    FileDescription openNull() throws ErrnoException {
        return vfs.open(context, null, bytes("/dev/null"), OpenFlags.O_RDONLY, 0);
    }

    /** Makes a directory and those above it, as far as they are missing. */
    void makeDirectories(String path, int mode) throws ErrnoException {
        StringBuilder prefix = new StringBuilder();
        for (String name : path.split("/")) {
            if (name.isEmpty()) {
                continue;
            }
            prefix.append('/').append(name);
            if (!isDirectory(prefix.toString())) {
                vfs.changes().mkdir(context, null, bytes(prefix.toString()), mode);
            }
        }
    }

    /** Puts a regular file there; a link that leads nowhere is replaced. */
    void write(String path, String text) throws ErrnoException {
        int flags = OpenFlags.O_WRONLY | OpenFlags.O_CREAT | OpenFlags.O_TRUNC;
        FileDescription file;
        try {
            file = vfs.open(context, null, bytes(path), flags, 0644);
        } catch (ErrnoException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
            vfs.changes().unlink(context, null, bytes(path));
            file = vfs.open(context, null, bytes(path), flags, 0644);
        }
        try {
            HeapBuffer buffer = new HeapBuffer(bytes(text));
            while (buffer.remaining() > 0) {
                if (file.write(buffer) <= 0) {
                    throw Errno.EIO.exception();
                }
            }
        } finally {
            file.decRef();
        }
    }
}
