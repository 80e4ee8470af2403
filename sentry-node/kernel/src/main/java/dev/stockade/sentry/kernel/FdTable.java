package dev.stockade.sentry.kernel;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.KernelHeap;
import dev.stockade.sentry.vfs.FileDescription;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * File descriptors, shared by tasks made with CLONE_FILES (Linux's struct files_struct). Thread-safe.
 *
 * <p>Lookups take no lock: a reader loads the slot, takes a reference with {@link FileDescription#tryIncRef} (which
 * fails once the last reference is gone) and loads the slot again. Changes are made under the table's monitor, a leaf
 * of the lock order; descriptions are released outside it.
 */
public final class FdTable {
    /** A descriptor's entry; immutable. */
    private static final class Slot {
        final FileDescription file;
        final boolean closeOnExec;

        Slot(FileDescription file, boolean closeOnExec) {
            this.file = file;
            this.closeOnExec = closeOnExec;
        }
    }

    private volatile AtomicReferenceArray<@Nullable Slot> slots = new AtomicReferenceArray<>(16);

    /** No descriptor below this is free. */
    @GuardedBy("this")
    private int firstFree;

    @GuardedBy("this")
    private int users = 1;

    /** What a slot costs, on the high side. */
    private static final long SLOT_BYTES = 40;

    private final KernelHeap heap;

    /** Bytes charged to {@link #heap}. */
    @GuardedBy("this")
    private long charged;

    @GuardedBy("this")
    private int open;

    /** @param heap is charged for tables that grow */
    public FdTable(KernelHeap heap) {
        this.heap = heap;
    }

    /**
     * The description of {@code fd} with a reference, which the caller drops.
     *
     * @throws ErrnoException EBADF
     */
    public FileDescription get(int fd) throws ErrnoException {
        FileDescription f = find(fd);
        if (f == null) {
            throw Errno.EBADF.exception();
        }
        return f;
    }

    /** Like {@link #get}, but null if there is none. */
    public @Nullable FileDescription find(int fd) {
        for (; ; ) {
            Slot s = slot(fd);
            if (s == null) {
                return null;
            }
            if (s.file.tryIncRef()) {
                if (slot(fd) == s) {
                    return s.file;
                }
                s.file.decRef();
            } else if (slot(fd) == s) {
                throw new IllegalStateException("descriptor " + fd + " holds a released file description");
            }
        }
    }

    private @Nullable Slot slot(int fd) {
        AtomicReferenceArray<@Nullable Slot> a = slots;
        return fd < 0 || fd >= a.length() ? null : a.get(fd);
    }

    /**
     * Puts {@code file} at the lowest free descriptor that is at least {@code minimum}; the table takes a reference
     * of its own.
     *
     * @param limit RLIMIT_NOFILE: descriptors are less than this
     * @throws ErrnoException EMFILE, ENOMEM
     */
    public int install(FileDescription file, int minimum, boolean closeOnExec, long limit) throws ErrnoException {
        synchronized (this) {
            int i = Math.max(minimum, firstFree);
            AtomicReferenceArray<@Nullable Slot> a = slots;
            while (i < a.length() && a.get(i) != null) {
                i++;
            }
            if (Long.compareUnsigned(i, limit) >= 0) {
                throw Errno.EMFILE.exception();
            }
            grow(i + 1);
            file.incRef();
            slots.set(i, new Slot(file, closeOnExec));
            open++;
            if (i == firstFree) {
                firstFree = i + 1;
            }
            return i;
        }
    }

    /**
     * Puts {@code file} at {@code fd}, closing what is there (dup2(2)); the table takes a reference of its own.
     *
     * @throws ErrnoException EBADF if {@code fd} is not below {@code limit}
     */
    public void installAt(int fd, FileDescription file, boolean closeOnExec, long limit) throws ErrnoException {
        if (fd < 0 || Long.compareUnsigned(fd, limit) >= 0) {
            throw Errno.EBADF.exception();
        }
        Slot old;
        synchronized (this) {
            grow(fd + 1);
            file.incRef();
            old = slots.getAndSet(fd, new Slot(file, closeOnExec));
            if (old == null) {
                open++;
                if (fd == firstFree) {
                    firstFree = fd + 1;
                }
            }
        }
        closeQuietly(old);
    }

    /**
     * Takes {@code fd} out of the table and gives the table's reference to the caller, who calls
     * {@link FileDescription#releaseRecordLocks} and {@link FileDescription#flush} and drops it; null if there is none.
     */
    public @Nullable FileDescription remove(int fd) {
        synchronized (this) {
            if (slot(fd) == null) {
                return null;
            }
            Slot old = slots.getAndSet(fd, null);
            if (old == null) {
                return null;
            }
            open--;
            firstFree = Math.min(firstFree, fd);
            return old.file;
        }
    }

    /** FD_CLOEXEC of {@code fd}. */
    public boolean closeOnExec(int fd) throws ErrnoException {
        Slot s = slot(fd);
        if (s == null) {
            throw Errno.EBADF.exception();
        }
        return s.closeOnExec;
    }

    public synchronized void setCloseOnExec(int fd, boolean closeOnExec) throws ErrnoException {
        Slot s = slot(fd);
        if (s == null) {
            throw Errno.EBADF.exception();
        }
        slots.set(fd, new Slot(s.file, closeOnExec));
    }

    /** The open descriptors, ascending. */
    public int[] descriptors() {
        AtomicReferenceArray<@Nullable Slot> a = slots;
        int[] fds = new int[a.length()];
        int n = 0;
        for (int i = 0; i < a.length(); i++) {
            if (a.get(i) != null) {
                fds[n++] = i;
            }
        }
        return Arrays.copyOf(fds, n);
    }

    public synchronized int size() {
        return open;
    }

    /** A copy for a process that does not share the table; it holds references of its own. */
    public FdTable fork() throws ErrnoException {
        FdTable copy = new FdTable(heap);
        synchronized (this) {
            heap.charge(charged);
            AtomicReferenceArray<@Nullable Slot> a = slots;
            AtomicReferenceArray<@Nullable Slot> b = new AtomicReferenceArray<>(a.length());
            for (int i = 0; i < a.length(); i++) {
                Slot s = a.get(i);
                if (s != null) {
                    s.file.incRef();
                    b.set(i, s);
                }
            }
            copy.adopt(b, firstFree, open, charged);
        }
        return copy;
    }

    private synchronized void adopt(AtomicReferenceArray<@Nullable Slot> table, int first, int count, long bytes) {
        charged = bytes;
        slots = table;
        firstFree = first;
        open = count;
    }

    /** One more task shares it. */
    public synchronized void incUsers() {
        users++;
    }

    /** Whether more than one task uses it. */
    public synchronized boolean shared() {
        return users > 1;
    }

    /** A task leaves it; the last one closes everything. */
    public void decUsers() {
        synchronized (this) {
            if (--users > 0) {
                return;
            }
        }
        closeRange(0, Integer.MAX_VALUE);
        synchronized (this) {
            heap.uncharge(charged);
            charged = 0;
        }
    }

    /** Closes every descriptor that has FD_CLOEXEC (execve(2)). */
    public void closeOnExec() {
        List<Slot> closed = new ArrayList<>();
        synchronized (this) {
            AtomicReferenceArray<@Nullable Slot> a = slots;
            for (int i = 0; i < a.length(); i++) {
                Slot s = a.get(i);
                if (s != null && s.closeOnExec) {
                    a.set(i, null);
                    open--;
                    firstFree = Math.min(firstFree, i);
                    closed.add(s);
                }
            }
        }
        closed.forEach(this::closeQuietly);
    }

    /** Closes the descriptors {@code first} to {@code last} (close_range(2)). */
    public void closeRange(int first, int last) {
        List<Slot> closed = new ArrayList<>();
        synchronized (this) {
            AtomicReferenceArray<@Nullable Slot> a = slots;
            for (int i = first; i < a.length() && i <= last; i++) {
                Slot s = a.getAndSet(i, null);
                if (s != null) {
                    open--;
                    firstFree = Math.min(firstFree, i);
                    closed.add(s);
                }
            }
        }
        closed.forEach(this::closeQuietly);
    }

    /** Sets FD_CLOEXEC on the descriptors {@code first} to {@code last} (close_range(2)). */
    public synchronized void closeOnExecRange(int first, int last) {
        AtomicReferenceArray<@Nullable Slot> a = slots;
        for (int i = first; i < a.length() && i <= last; i++) {
            Slot s = a.get(i);
            if (s != null) {
                a.set(i, new Slot(s.file, true));
            }
        }
    }

    private void closeQuietly(@Nullable Slot s) {
        if (s != null) {
            s.file.releaseRecordLocks(this);
            try {
                s.file.flush();
            } catch (ErrnoException e) {
                // As in Linux, nobody is told of a failed flush by exit, execve and dup2.
            } finally {
                s.file.decRef();
            }
        }
    }

    @GuardedBy("this")
    private void grow(int length) throws ErrnoException {
        AtomicReferenceArray<@Nullable Slot> a = slots;
        if (length <= a.length()) {
            return;
        }
        int capacity = Math.max(length, (int) Math.min(Integer.MAX_VALUE, a.length() * 2L));
        long more = (capacity - a.length()) * SLOT_BYTES;
        heap.charge(more);
        charged += more;
        AtomicReferenceArray<@Nullable Slot> b = new AtomicReferenceArray<>(capacity);
        for (int i = 0; i < a.length(); i++) {
            b.set(i, a.get(i));
        }
        slots = b;
    }
}
