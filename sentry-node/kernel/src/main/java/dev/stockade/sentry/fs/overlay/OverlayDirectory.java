package dev.stockade.sentry.fs.overlay;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.vfs.DirectoryEntry;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VfsContext;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A directory of an overlay. A name that was removed from the lower layer stands in the upper one as a whiteout, a
 * character device 0:0. A directory that was made here has no lower one whatever its name is, so it needs no mark of
 * being opaque. Changes come one at a time (the dentry's lock), but files in it may be copied up at any time.
 */
final class OverlayDirectory extends OverlayInode {
    OverlayDirectory(
            OverlayFilesystem fs,
            @Nullable OverlayDirectory parent,
            byte[] name,
            @Nullable Inode lower,
            @Nullable Inode upper) {
        super(fs, parent, name, lower, upper);
    }

    private static boolean isWhiteout(Inode upper) {
        return upper.type() == FileMode.S_IFCHR && upper.rdev() == 0;
    }

    /** As on Linux, a directory with two layers does not count its subdirectories. */
    @Override
    int linkCount(Stat real) {
        return lower() != null && upper() != null && real.nlink() > 0 ? 1 : super.linkCount(real);
    }

    // ---- looking ----

    @Override
    public @Nullable Inode lookup(byte[] name, VfsContext context) throws ErrnoException {
        Inode u = upper();
        Inode found = u == null ? null : u.lookup(name, fs.context());
        if (found != null) {
            return isWhiteout(found) ? null : of(found);
        }
        Inode below = lookupLower(name);
        if (below == null) {
            return null;
        }
        return below.isDirectory()
                ? new OverlayDirectory(fs, this, name, below, null)
                : new OverlayInode(fs, this, name, below, null);
    }

    private @Nullable Inode lookupLower(byte[] name) throws ErrnoException {
        Inode l = lower();
        return l == null ? null : l.lookup(name, fs.context());
    }

    @Override
    public void prefetch(List<byte[]> names) {
        Inode l = lower();
        if (l != null) {
            l.prefetch(names);
        }
    }

    @Override
    public List<DirectoryEntry> entries(VfsContext context) throws ErrnoException {
        Inode u = upper();
        Inode l = lower();
        if (u == null) {
            return real().entries(fs.context());
        }
        List<DirectoryEntry> above = u.entries(fs.context());
        List<DirectoryEntry> below = l == null ? List.of() : l.entries(fs.context());
        List<DirectoryEntry> merged = new ArrayList<>(above.size() + below.size());
        Set<ByteBuffer> hidden = new HashSet<>(above.size() * 2);
        for (DirectoryEntry e : above) {
            if (l != null) {
                hidden.add(ByteBuffer.wrap(e.name()));
            }
            Inode i = u.lookup(e.name(), fs.context());
            if (i != null && !isWhiteout(i)) {
                merged.add(new DirectoryEntry(e.name(), of(i).number(), e.type()));
            }
        }
        for (DirectoryEntry e : below) {
            if (!hidden.contains(ByteBuffer.wrap(e.name()))) {
                merged.add(e);
            }
        }
        return merged;
    }

    // ---- making ----

    /** The upper directory, with the name free in it. */
    private Inode vacate(byte[] name) throws ErrnoException {
        Inode u = copyUp(true);
        Inode there = u.lookup(name, fs.context());
        if (there != null && isWhiteout(there)) {
            u.unlink(name, there);
        }
        return u;
    }

    @Override
    public Inode create(byte[] name, int mode, int uid, int gid, long rdev) throws ErrnoException {
        if ((mode & FileMode.S_IFMT) == FileMode.S_IFCHR && rdev == 0) {
            throw Errno.EPERM.exception();
        }
        return new OverlayInode(fs, null, name, null, vacate(name).create(name, mode, uid, gid, rdev));
    }

    @Override
    public Inode makeDirectory(byte[] name, int mode, int uid, int gid) throws ErrnoException {
        return new OverlayDirectory(fs, null, name, null, vacate(name).makeDirectory(name, mode, uid, gid));
    }

    @Override
    public Inode makeSymlink(byte[] name, byte[] target, int uid, int gid) throws ErrnoException {
        return new OverlayInode(fs, null, name, null, vacate(name).makeSymlink(name, target, uid, gid));
    }

    @Override
    public void link(byte[] name, Inode target) throws ErrnoException {
        Inode up = ((OverlayInode) target).copyUp(true);
        vacate(name).link(name, up);
    }

    // ---- removing ----

    /** Makes a whiteout in the work directory, to be moved to where it is wanted. */
    private Inode makeWhiteout(byte[] workName) throws ErrnoException {
        return fs.work().create(workName, FileMode.S_IFCHR, 0, 0, 0);
    }

    @Override
    public void unlink(byte[] name, Inode victim) throws ErrnoException {
        OverlayInode v = (OverlayInode) victim;
        boolean covers = lookupLower(name) != null;
        Inode u = copyUp(true);
        byte[] workName = fs.workName();
        Inode whiteout = covers ? makeWhiteout(workName) : null;
        synchronized (v) {
            Inode gone = v.upper();
            if (whiteout != null) {
                fs.work().rename(workName, whiteout, u, name, gone, false);
            } else if (gone != null) {
                u.unlink(name, gone);
            }
            if (gone == null) {
                v.markRemoved();
            }
        }
    }

    @Override
    public void removeDirectory(byte[] name, Inode victim) throws ErrnoException {
        OverlayDirectory v = (OverlayDirectory) victim;
        v.checkEmpty();
        boolean covers = lookupLower(name) != null;
        Inode u = copyUp(true);
        byte[] workName = fs.workName();
        Inode whiteout = covers ? makeWhiteout(workName) : null;
        synchronized (v) {
            Inode gone = v.upper();
            if (gone != null) {
                clearWhiteouts(gone);
                u.removeDirectory(name, gone);
            } else {
                v.markRemoved();
            }
            if (whiteout != null) {
                fs.work().rename(workName, whiteout, u, name, null, false);
            }
        }
    }

    private void checkEmpty() throws ErrnoException {
        if (!entries(fs.context()).isEmpty()) {
            throw Errno.ENOTEMPTY.exception();
        }
    }

    /** Removes what an upper directory that shows nothing still has in it. */
    private void clearWhiteouts(Inode upperDirectory) throws ErrnoException {
        for (DirectoryEntry e : upperDirectory.entries(fs.context())) {
            Inode i = upperDirectory.lookup(e.name(), fs.context());
            if (i != null && isWhiteout(i)) {
                upperDirectory.unlink(e.name(), i);
            }
        }
    }

    // ---- renaming ----

    /** Directories that are also below cannot move, as on Linux without redirect_dir: programs copy them then. */
    @Override
    public void rename(
            byte[] oldName, Inode moved, Inode newDirectory, byte[] newName, @Nullable Inode replaced, boolean exchange)
            throws ErrnoException {
        OverlayInode m = (OverlayInode) moved;
        OverlayDirectory to = (OverlayDirectory) newDirectory;
        OverlayInode r = (OverlayInode) replaced;
        if ((m.isDirectory() && m.lower() != null) || (exchange && r != null && r.isDirectory() && r.lower() != null)) {
            throw Errno.EXDEV.exception();
        }
        if (!exchange && r instanceof OverlayDirectory d) {
            d.checkEmpty();
        }
        Inode up = m.copyUp(true);
        Inode from = copyUp(true);
        Inode upTo = to.copyUp(true);
        if (exchange && r != null) {
            from.rename(oldName, up, upTo, newName, r.copyUp(true), true);
            return;
        }
        boolean covers = lookupLower(oldName) != null;
        byte[] workName = fs.workName();
        Inode whiteout = covers ? makeWhiteout(workName) : null;
        if (r == null) {
            from.rename(oldName, up, upTo, newName, upTo.lookup(newName, fs.context()), false);
        } else {
            synchronized (r) {
                Inode gone = r.upper();
                if (gone == null) {
                    r.markRemoved();
                } else if (gone.isDirectory()) {
                    clearWhiteouts(gone);
                }
                from.rename(oldName, up, upTo, newName, gone, false);
            }
        }
        if (whiteout != null) {
            fs.work().rename(workName, whiteout, from, oldName, null, false);
        }
    }
}
