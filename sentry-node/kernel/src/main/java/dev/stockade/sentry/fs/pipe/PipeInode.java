package dev.stockade.sentry.fs.pipe;

import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.SetAttributes;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VirtualFilesystem;

/** The inode of a pipe that has no name: what fstat(2) shows, and how /proc/pid/fd opens it again. */
final class PipeInode extends Inode {
    private final long number;
    private final long createdNs;
    private volatile int mode = FileMode.S_IFIFO | 0600;
    private volatile int uid;
    private volatile int gid;

    PipeInode(VirtualFilesystem vfs, Pipe pipe, int uid, int gid) {
        super(vfs.anonymousFilesystem());
        this.number = vfs.nextAnonymousInode();
        this.createdNs = vfs.nowNs();
        this.uid = uid;
        this.gid = gid;
        special().set(pipe);
    }

    @Override
    public long number() {
        return number;
    }

    @Override
    public int mode() {
        return mode;
    }

    @Override
    public int uid() {
        return uid;
    }

    @Override
    public int gid() {
        return gid;
    }

    @Override
    public Stat stat() {
        return new Stat(
                filesystem().device(), number, mode, 1, uid, gid, 0, 0, 4096, 0, createdNs, createdNs, createdNs);
    }

    @Override
    public void setAttributes(SetAttributes a) {
        if (a.has(SetAttributes.MODE)) {
            mode = FileMode.S_IFIFO | a.mode();
        }
        if (a.has(SetAttributes.UID)) {
            uid = a.uid();
        }
        if (a.has(SetAttributes.GID)) {
            gid = a.gid();
        }
    }
}
