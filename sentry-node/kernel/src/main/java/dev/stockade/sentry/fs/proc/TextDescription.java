package dev.stockade.sentry.fs.proc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.KernelHeap;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSink;
import dev.stockade.sentry.vfs.IoSource;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import java.lang.foreign.MemorySegment;

/** An open {@link TextFile}: its contents as they were when it was last read from the beginning. */
final class TextDescription extends FileDescription {
    private static final int PAGE = 4096;

    /** Contents up to this are covered by what an open file is charged. */
    private static final int FREE_BYTES = 512;

    private final TextFile file;
    private final VfsContext opener;
    private final boolean writeAccess;

    @GuardedBy("this")
    private byte[] contents = new byte[0];

    /** What of the contents is charged. */
    @GuardedBy("this")
    private int charged;

    private final KernelHeap heap;

    @GuardedBy("this")
    private long position;

    TextDescription(VirtualDentry where, TextFile file, int flags, VfsContext opener) {
        super(where, flags);
        this.file = file;
        this.heap = where.dentry().filesystem().vfs().heap();
        this.opener = opener;
        this.writeAccess = TextFile.isWrite(flags);
    }

    @Override
    protected void release() {
        synchronized (this) {
            hold(new byte[0], 0);
        }
        if (writeAccess) {
            file.putWriteAccess();
        }
    }

    @Override
    public synchronized long read(IoSink sink) throws ErrnoException {
        long n = pread(sink, position);
        position += n;
        return n;
    }

    @Override
    public synchronized long pread(IoSink sink, long offset) throws ErrnoException {
        if (offset < 0) {
            throw Errno.EINVAL.exception();
        }
        if (offset == 0) {
            byte[] made = file.make(opener);
            int more = made.length > FREE_BYTES ? made.length : 0;
            heap.charge(more);
            hold(made, more);
        }
        int n = (int) Math.min(Math.max(0, contents.length - offset), sink.remaining());
        return n == 0 ? 0 : sink.put(MemorySegment.ofArray(contents), offset, n);
    }

    @GuardedBy("this")
    private void hold(byte[] made, int bytes) {
        heap.uncharge(charged);
        contents = made;
        charged = bytes;
    }

    @Override
    public long write(IoSource source) throws ErrnoException {
        int n = (int) Math.min(source.remaining(), PAGE);
        byte[] text = new byte[n];
        int taken = n == 0 ? 0 : source.take(MemorySegment.ofArray(text), 0, n);
        file.change(ProcInode.string(java.util.Arrays.copyOf(text, taken)), opener);
        return taken;
    }

    @Override
    public long pwrite(IoSource source, long offset) throws ErrnoException {
        return write(source);
    }

    @Override
    public synchronized long seek(long offset, int whence) throws ErrnoException {
        long to = switch (whence) {
            case 0 -> offset;
            case 1 -> position + offset;
            default -> -1;
        };
        if (to < 0) {
            throw Errno.EINVAL.exception();
        }
        position = to;
        return to;
    }

    @Override
    public void truncate(long size) {}

    @Override
    public Stat stat() throws ErrnoException {
        return file.stat();
    }
}
