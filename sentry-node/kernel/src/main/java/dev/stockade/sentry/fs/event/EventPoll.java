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
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

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

    /**
     * In how many levels of instances this one was ever nested, so that chains made from the outside in end too.
     * Guarded by {@link #nesting}.
     */
    private int above;

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
                if (above + inner.depth(this, 1, new IdentityHashMap<>()) >= MAX_NESTS) {
                    throw Errno.ELOOP.exception();
                }
                insert(fd, file, events, data);
                inner.lower(above + 1);
            }
        } else {
            insert(fd, file, events, data);
        }
    }

    /** It and what is nested in it now have so many levels above. The caller holds the nesting lock. */
    private void lower(int levels) {
        if (above >= levels) {
            return;
        }
        above = levels;
        for (EventPoll e : nested()) {
            e.lower(levels + 1);
        }
    }

    private Set<EventPoll> nested() {
        Set<EventPoll> inner = Collections.newSetFromMap(new IdentityHashMap<>());
        synchronized (table) {
            for (Key k : table.keySet()) {
                if (k.file instanceof EventPoll e) {
                    inner.add(e);
                }
            }
        }
        return inner;
    }

    /**
     * How deep instances are nested in this one; MAX_NESTS also if {@code forbidden} is among them. An instance can be
     * reached on very many ways: it is gone into once for each level.
     *
     * @param seen the deepest level at which each instance was met
     */
    private int depth(EventPoll forbidden, int level, Map<EventPoll, Integer> seen) {
        if (this == forbidden || level >= MAX_NESTS) {
            return MAX_NESTS;
        }
        if (seen.getOrDefault(this, 0) >= level) {
            return level;
        }
        seen.put(this, level);
        int deepest = level;
        for (EventPoll e : nested()) {
            deepest = Math.max(deepest, e.depth(forbidden, level + 1, seen));
            if (deepest >= MAX_NESTS) {
                break;
            }
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
        boolean gone;
        synchronized (ready) {
            gone = item.gone;
        }
        if (gone) {
            // Another thread deleted it meanwhile and may have found nothing to unregister.
            detach(item);
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

    /**
     * Readable when something is ready. What turns out not to be ready leaves the list, as on Linux: otherwise instances
     * nested in instances under many descriptors would all be asked again on each of the ways that lead to them.
     */
    @Override
    public int readiness(int mask) {
        if ((mask & PollEvents.IN) == 0) {
            return 0;
        }
        synchronized (table) {
            for (; ; ) {
                Item i;
                synchronized (ready) {
                    i = ready.poll();
                    if (i == null) {
                        return 0;
                    }
                    i.queued = false;
                }
                int wanted = i.events;
                boolean disabled = (wanted & ~PRIVATE_BITS) == 0 && (wanted & EPOLLONESHOT) != 0;
                if (!disabled && (i.key.file.readiness(mask(wanted)) & mask(wanted)) != 0) {
                    synchronized (ready) {
                        if (!i.gone && !i.queued) {
                            i.queued = true;
                            ready.addFirst(i);
                        }
                    }
                    return mask & PollEvents.IN;
                }
            }
        }
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
