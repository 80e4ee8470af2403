package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import org.jspecify.annotations.Nullable;

/** A symbolic link: by its text, or a magic link that leads to a place whatever its text says. */
final class LinkFile extends ProcInode {
    @FunctionalInterface
    interface Text {
        byte[] text(VfsContext reader) throws ErrnoException;
    }

    @FunctionalInterface
    interface Place {
        VirtualDentry place(VfsContext reader) throws ErrnoException;
    }

    private final @Nullable Text text;
    private final @Nullable Place place;

    private LinkFile(
            ProcFilesystem fs,
            @Nullable Task owner,
            long number,
            int permissions,
            @Nullable Text text,
            @Nullable Place place) {
        super(fs, owner, number, FileMode.S_IFLNK | permissions);
        this.text = text;
        this.place = place;
    }

    static LinkFile to(ProcFilesystem fs, @Nullable Task owner, long number, Text text) {
        return new LinkFile(fs, owner, number, 0777, text, null);
    }

    static LinkFile magic(ProcFilesystem fs, Task owner, long number, int permissions, Place place) {
        return new LinkFile(fs, owner, number, permissions, null, place);
    }

    @Override
    public byte[] readLink(VfsContext context) throws ErrnoException {
        Text t = text;
        if (t != null) {
            return t.text(context);
        }
        Place p = place;
        return p == null ? new byte[0] : fs.vfs().path(p.place(context), context.root());
    }

    @Override
    public @Nullable VirtualDentry magicTarget(VfsContext context) throws ErrnoException {
        Place p = place;
        return p == null ? null : p.place(context);
    }
}
