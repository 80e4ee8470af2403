package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.SetAttributes;
import dev.stockade.sentry.vfs.Stat;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** A file of proc; with an owner, it belongs to a task and disappears with it. */
abstract class ProcInode extends Inode {
    final ProcFilesystem fs;
    final @Nullable Task owner;
    private final long number;
    private final int mode;

    ProcInode(ProcFilesystem fs, @Nullable Task owner, long number, int mode) {
        super(fs);
        this.fs = fs;
        this.owner = owner;
        this.number = number;
        this.mode = mode;
    }

    static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.ISO_8859_1);
    }

    static String string(byte[] b) {
        return new String(b, StandardCharsets.ISO_8859_1);
    }

    /** A decimal number without sign or leading zeros, or -1. */
    static int number(byte[] name) {
        if (name.length == 0 || name.length > 9 || (name[0] == '0' && name.length > 1)) {
            return -1;
        }
        int n = 0;
        for (byte b : name) {
            if (b < '0' || b > '9') {
                return -1;
            }
            n = n * 10 + (b - '0');
        }
        return n;
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
        Task t = owner;
        return t == null ? 0 : t.credentials().euid();
    }

    @Override
    public int gid() {
        Task t = owner;
        return t == null ? 0 : t.credentials().egid();
    }

    int links() {
        return 1;
    }

    @Override
    public Stat stat() throws ErrnoException {
        Task t = owner;
        long time = t == null ? fs.kernel().bootRealtimeNs() : fs.nowNs();
        return new Stat(fs.device(), number, mode(), links(), uid(), gid(), 0, 0, 1024, 0, time, time, time);
    }

    /** As on Linux: owners and modes are given, and times are not kept. */
    @Override
    public void setAttributes(SetAttributes attributes) throws ErrnoException {
        throw Errno.EPERM.exception();
    }

    static int directory(int permissions) {
        return FileMode.S_IFDIR | permissions;
    }

    static int regular(int permissions) {
        return FileMode.S_IFREG | permissions;
    }
}
