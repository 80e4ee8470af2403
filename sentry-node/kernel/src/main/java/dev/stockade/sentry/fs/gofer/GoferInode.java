package dev.stockade.sentry.fs.gofer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.memory.FrameIndex;
import dev.stockade.sentry.vfs.DirectoryEntry;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.Mappable;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VfsContext;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A file of a gofer's tree. Nothing of it ever changes. */
final class GoferInode extends Inode implements Mappable {
    private static final int PAGE = FrameAllocator.FRAME_SIZE;
    private static final int SHIFT = FrameAllocator.FRAME_SHIFT;

    /** Heap that an entry of a listing costs without its name. */
    private static final long ENTRY_BYTES = 64;

    private final GoferFilesystem fs;
    private final long handle;
    private final GoferAttr attr;
    private final GoferPages pages;

    private volatile byte @Nullable [] target;

    @GuardedBy("this")
    private @Nullable List<DirectoryEntry> entries;

    GoferInode(GoferFilesystem fs, GoferNode node) {
        super(fs);
        this.fs = fs;
        this.handle = node.handle();
        this.attr = node.attr();
        this.target = node.symlinkTarget();
        this.pages = new GoferPages(fs, handle, attr.size());
    }

    long handle() {
        return handle;
    }

    GoferPages pages() {
        return pages;
    }

    @Override
    public long number() {
        return attr.ino();
    }

    @Override
    public int mode() {
        return attr.mode();
    }

    @Override
    public int uid() {
        return attr.uid();
    }

    @Override
    public int gid() {
        return attr.gid();
    }

    @Override
    public long rdev() {
        return attr.rdev();
    }

    @Override
    public Stat stat() {
        return new Stat(
                fs.device(),
                attr.ino(),
                attr.mode(),
                attr.nlink(),
                attr.uid(),
                attr.gid(),
                attr.rdev(),
                attr.size(),
                PAGE,
                attr.blocks(),
                attr.atimeNs(),
                attr.mtimeNs(),
                attr.ctimeNs());
    }

    // ---- directories ----

    @Override
    public @Nullable Inode lookup(byte[] name, VfsContext context) throws ErrnoException {
        return fs.lookup(this, name);
    }

    /** A hint: what fails here fails again, with its error, when the name is looked up. */
    @Override
    public void prefetch(List<byte[]> names) {
        try {
            fs.prefetch(this, names);
        } catch (ErrnoException e) {
            return;
        }
    }

    @Override
    public synchronized List<DirectoryEntry> entries(VfsContext context) throws ErrnoException {
        List<DirectoryEntry> known = entries;
        if (known == null) {
            List<GoferDirEntry> read = fs.client().readDir(handle);
            List<DirectoryEntry> list = new ArrayList<>(read.size());
            long bytes = 64;
            for (GoferDirEntry e : read) {
                bytes += ENTRY_BYTES + e.name().length;
                list.add(new DirectoryEntry(e.name(), e.ino(), FileMode.direntType(e.type())));
            }
            known = Collections.unmodifiableList(list);
            if (pages.charge(bytes)) {
                entries = known;
            }
        }
        return known;
    }

    // ---- symbolic links ----

    @Override
    public byte[] readLink(VfsContext context) throws ErrnoException {
        byte[] t = target;
        if (t == null) {
            t = fs.client().readLink(handle);
            target = t;
        }
        return t;
    }

    // ---- contents ----

    @Override
    public long read(IoSink sink, long offset) throws ErrnoException {
        long size = attr.size();
        if (offset >= size) {
            return 0;
        }
        long left = Math.min(sink.remaining(), size - offset);
        long at = offset;
        while (left > 0) {
            int in = (int) (at & (PAGE - 1));
            int n = (int) Math.min(left, PAGE - in);
            int put;
            try {
                put = readPage(sink, at, in, n);
            } catch (ErrnoException e) {
                if (at > offset) {
                    return at - offset;
                }
                throw e;
            }
            at += put;
            left -= put;
            if (put < n) {
                break;
            }
        }
        return at - offset;
    }

    private int readPage(IoSink sink, long at, int in, int n) throws ErrnoException {
        long frame;
        try {
            frame = pages.pin(at >>> SHIFT);
        } catch (ErrnoException e) {
            if (e.errno() != Errno.ENOMEM) {
                throw e;
            }
            // No frame to be had: past the cache.
            byte[] buffer = new byte[n];
            MemorySegment segment = MemorySegment.ofArray(buffer);
            int read = fs.client().read(handle, at, segment);
            return read <= 0 ? 0 : sink.put(segment, 0, read);
        }
        try {
            return sink.put(fs.frames().segment(), frame + in, n);
        } finally {
            fs.frames().decRef(frame);
        }
    }

    @Override
    public Mappable mappable() throws ErrnoException {
        if (!attr.isRegular()) {
            throw Errno.ENODEV.exception();
        }
        return this;
    }

    // ---- mapping ----

    @Override
    public long mapPage(long fileOffset, boolean write) throws ErrnoException {
        if (write) {
            throw Errno.EACCES.exception();
        }
        if (fileOffset < 0 || fileOffset >= attr.size()) {
            throw Errno.EFAULT.exception();
        }
        return pages.pin(fileOffset >>> SHIFT);
    }

    /** Trees are images: read-only and named by their content. */
    @Override
    public boolean isImmutable() {
        return true;
    }

    @Override
    public long mapPageIfCached(long fileOffset) {
        if (fileOffset < 0 || fileOffset >= attr.size()) {
            return FrameIndex.NONE;
        }
        return pages.pinIfCached(fileOffset >>> SHIFT);
    }

    @Override
    public String mappedName() {
        return mappedPath();
    }

    @Override
    public long deviceNumber() {
        return fs.device();
    }

    @Override
    public long inodeNumber() {
        return attr.ino();
    }

    /** A mapping refers to this object, which is all that keeps the file. */
    @Override
    public void incrementMapping() {}

    @Override
    public void decrementMapping() {}
}
