package dev.stockade.sentry.fs.event;

import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.nio.charset.StandardCharsets;

/** The inode behind an anonymous file: it has no type and cannot be opened again. */
final class AnonymousInode extends Inode {
    private final long number;

    private AnonymousInode(VirtualFilesystem vfs) {
        super(vfs.anonymousFilesystem());
        this.number = vfs.nextAnonymousInode();
    }

    /** A place named {@code anon_inode:[kind]}. */
    static VirtualDentry location(VirtualFilesystem vfs, String kind) {
        byte[] name = ("anon_inode:[" + kind + "]").getBytes(StandardCharsets.US_ASCII);
        return vfs.anonymousLocation(name, new AnonymousInode(vfs));
    }

    @Override
    public long number() {
        return number;
    }

    @Override
    public int mode() {
        return 0600;
    }

    @Override
    public int uid() {
        return 0;
    }

    @Override
    public int gid() {
        return 0;
    }

    @Override
    public Stat stat() {
        return new Stat(filesystem().device(), number, 0600, 1, 0, 0, 0, 0, 4096, 0, 0, 0, 0);
    }
}
