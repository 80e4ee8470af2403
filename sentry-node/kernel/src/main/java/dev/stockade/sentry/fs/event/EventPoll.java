package dev.stockade.sentry.fs.event;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.memory.KernelHeap;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import dev.stockade.sentry.waiter.WaitEntry;
import dev.stockade.sentry.waiter.WaitQueue;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * epoll(7). Items hold no reference to their files: an item goes when its file is released, as on Linux. An item is put
 * on the ready list by its file's notification; looking at the list asks the file again, so a stale entry costs
 * nothing but that.
 */
public final class EventPoll extends FileDescription {
    public static final int EPOLLEXCLUSIVE = 1 << 28;
    public static final int EPOLLWAKEUP = 1 << 29;
    public static final int EPOLLONESHOT = 1 << 30;
    public static final int EPOLLET = 1 << 31;

    private static final int PRIVATE_BITS = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLONESHOT | EPOLLET;
    private static final int MAX_NESTS = 5;
    private static final long ITEM_BYTES = 256;

    /** What is ready: events and the caller's data. */
    public record Event(int events, long data) {}

    /** A file under a descriptor; the same file under another one is another item. */
    private record Key(int fd, FileDescription file) {
        @Override
        public boolean equals(Object o) {
            return o instanceof Key k && k.fd == fd && k.file == file;
        }

        @Override
        public int hashCode() {
            return fd * 31 + System.identityHashCode(file);
        }
    }

    private final class Item extends WaitEntry implements Runnable {
        final Key key;

        // Guarded by the table.
        int events;
        long data;

        /** Guarded by the ready list. */
        boolean queued;

        /** Guarded by the ready list. */
        boolean gone;

        Item(Key key, int events, long data) {
            this.key = key;
            this.events = events;
            this.data = data;
        }

        @Override
        public void notify(int readyMask) {
            makeReady(this);
        }

        /** The file was released. */
        @Override
        public void run() {
            synchronized (table) {
                if (table.remove(key, this)) {
                    heap.uncharge(ITEM_BYTES);
                }
            }
            forget(this);
        }
    }

    private final KernelHeap heap;
    private final Object nesting;
    private final WaitQueue queue = new WaitQueue();

    @GuardedBy("table")
    private final Map<Key, Item> table = new HashMap<>();

    @GuardedBy("ready")
    private final ArrayDeque<Item> ready = new ArrayDeque<>();

    public EventPoll(VirtualFilesystem vfs) {
        super(AnonymousInode.location(vfs, "eventpoll"), OpenFlags.O_RDWR);
        this.heap = vfs.heap();
        this.nesting = vfs.anonymousFilesystem();
    }

    @Override
    protected void release() {
        List<Item> items;
        synchronized (table) {
            items = new ArrayList<>(table.values());
            table.clear();
        }
        for (Item i : items) {
            detach(i);
            heap.uncharge(ITEM_BYTES);
        }
    }

    @Override
    public Stat stat() throws ErrnoException {
        return Objects.requireNonNull(inode()).stat();
    }

    private void detach(Item i) {
        i.key.file.unregister(i);
        i.key.file.removeReleaseListener(i);
        forget(i);
    }

    private void forget(Item i) {
        synchronized (ready) {
            i.gone = true;
            if (i.queued) {
                ready.remove(i);
                i.queued = false;
            }
        }
    }

    private void makeReady(Item i) {
        synchronized (ready) {
            if (i.gone || i.queued) {
                return;
            }
            i.queued = true;
            ready.add(i);
        }
        queue.notifyWaiters(PollEvents.IN);
    }

    // ---- epoll_ctl(2) ----

    /** EPOLL_CTL_ADD. The caller holds a reference to the file. */
    public void add(int fd, FileDescription file, int events, long data) throws ErrnoException {
        if (file == this) {
            throw Errno.EINVAL.exception();
        }
        if (!file.isPollable()) {
            throw Errno.EPERM.exception();
        }
        if (file instanceof EventPoll inner) {
            synchronized (nesting) {
                if (inner.depth(this, 1) >= MAX_NESTS) {
                    throw Errno.ELOOP.exception();
                }
                insert(fd, file, events, data);
            }
        } else {
            insert(fd, file, events, data);
        }
    }

    /** How deep instances are nested in this one; MAX_NESTS also if {@code forbidden} is among them. */
    private int depth(EventPoll forbidden, int level) {
        if (this == forbidden || level >= MAX_NESTS) {
            return MAX_NESTS;
        }
        List<EventPoll> inner = new ArrayList<>();
        synchronized (table) {
            for (Key k : table.keySet()) {
                if (k.file instanceof EventPoll e) {
                    inner.add(e);
                }
            }
        }
        int deepest = level;
        for (EventPoll e : inner) {
            deepest = Math.max(deepest, e.depth(forbidden, level + 1));
        }
        return deepest;
    }

    private void insert(int fd, FileDescription file, int events, long data) throws ErrnoException {
        Key key = new Key(fd, file);
        Item item = new Item(key, events, data);
        heap.charge(ITEM_BYTES);
        boolean added;
        synchronized (table) {
            added = table.putIfAbsent(key, item) == null;
        }
        if (!added) {
            heap.uncharge(ITEM_BYTES);
            throw Errno.EEXIST.exception();
        }
        file.addReleaseListener(item);
        watch(item, events);
    }

    private void watch(Item item, int events) {
        int mask = mask(events);
        item.key.file.register(item, mask);
        if (item.key.file.readiness(mask) != 0) {
            makeReady(item);
        }
    }

    private static int mask(int events) {
        return (events & ~PRIVATE_BITS) | PollEvents.POLLERR | PollEvents.POLLHUP;
    }

    /** EPOLL_CTL_MOD. */
    public void modify(int fd, FileDescription file, int events, long data) throws ErrnoException {
        Item item;
        synchronized (table) {
            item = table.get(new Key(fd, file));
            if (item == null) {
                throw Errno.ENOENT.exception();
            }
            if (((item.events | events) & EPOLLEXCLUSIVE) != 0) {
                throw Errno.EINVAL.exception();
            }
            item.events = events;
            item.data = data;
        }
        file.unregister(item);
        watch(item, events);
    }

    /** EPOLL_CTL_DEL. */
    public void delete(int fd, FileDescription file) throws ErrnoException {
        Item item;
        synchronized (table) {
            item = table.remove(new Key(fd, file));
        }
        if (item == null) {
            throw Errno.ENOENT.exception();
        }
        heap.uncharge(ITEM_BYTES);
        detach(item);
    }

    // ---- epoll_wait(2) ----

    /** Up to {@code max} events that are ready now. */
    public List<Event> collect(int max) {
        List<Event> events = new ArrayList<>();
        synchronized (table) {
            int looks;
            synchronized (ready) {
                looks = ready.size();
            }
            for (; looks > 0 && events.size() < max; looks--) {
                Item i;
                synchronized (ready) {
                    i = ready.poll();
                    if (i == null) {
                        break;
                    }
                    i.queued = false;
                }
                int wanted = i.events;
                if ((wanted & ~PRIVATE_BITS) == 0 && (wanted & EPOLLONESHOT) != 0) {
                    continue;
                }
                int found = i.key.file.readiness(mask(wanted)) & mask(wanted);
                if (found == 0) {
                    continue;
                }
                events.add(new Event(found, i.data));
                if ((wanted & EPOLLONESHOT) != 0) {
                    i.events = wanted & PRIVATE_BITS;
                } else if ((wanted & EPOLLET) == 0) {
                    requeue(i);
                }
            }
        }
        return events;
    }

    private void requeue(Item i) {
        synchronized (ready) {
            if (!i.gone && !i.queued) {
                i.queued = true;
                ready.add(i);
            }
        }
    }

    /** Readable when something is ready. */
    @Override
    public int readiness(int mask) {
        if ((mask & PollEvents.IN) == 0) {
            return 0;
        }
        List<Item> items;
        synchronized (ready) {
            items = new ArrayList<>(ready);
        }
        for (Item i : items) {
            int wanted;
            synchronized (table) {
                wanted = i.events;
            }
            boolean disabled = (wanted & ~PRIVATE_BITS) == 0 && (wanted & EPOLLONESHOT) != 0;
            if (!disabled && (i.key.file.readiness(mask(wanted)) & mask(wanted)) != 0) {
                return mask & PollEvents.IN;
            }
        }
        return 0;
    }

    @Override
    public void register(WaitEntry entry, int mask) {
        queue.register(entry, mask);
    }

    @Override
    public void unregister(WaitEntry entry) {
        queue.unregister(entry);
    }
}
