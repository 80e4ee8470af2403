package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import org.jspecify.annotations.Nullable;

/** A file whose contents are made when it is read. */
final class TextFile extends ProcInode {
    /** Makes the contents. */
    @FunctionalInterface
    interface Content {
        byte[] make(VfsContext reader) throws ErrnoException;
    }

    /** Takes what was written, at most a page. */
    @FunctionalInterface
    interface Change {
        void accept(String text, VfsContext writer) throws ErrnoException;
    }

    private final Content content;
    private final @Nullable Change change;

    TextFile(
            ProcFilesystem fs,
            @Nullable Task owner,
            long number,
            int permissions,
            Content content,
            @Nullable Change change) {
        super(fs, owner, number, regular(permissions));
        this.content = content;
        this.change = change;
    }

    @Override
    public FileDescription open(VfsContext context, VirtualDentry where, int flags) throws ErrnoException {
        return new TextDescription(where, this, flags, context);
    }

    /** O_TRUNC has nothing to drop. */
    @Override
    public void truncate(long size) {}

    @Override
    public long read(IoSink sink, long offset) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    @Override
    public long write(IoSource source, long offset) throws ErrnoException {
        throw Errno.EINVAL.exception();
    }

    byte[] make(VfsContext reader) throws ErrnoException {
        return content.make(reader);
    }

    void change(String text, VfsContext writer) throws ErrnoException {
        Change c = change;
        if (c == null) {
            throw Errno.EACCES.exception();
        }
        c.accept(text, writer);
    }

    static boolean isWrite(int flags) {
        return (flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY;
    }
}
