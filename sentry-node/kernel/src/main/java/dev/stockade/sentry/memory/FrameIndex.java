package dev.stockade.sentry.memory;

import dev.stockade.sentry.abi.ErrnoException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Which frame holds which page of a file: a radix tree, as deep as the highest page needs, whose nodes are charged to
 * the {@link KernelHeap}. Not thread-safe: its owner's lock guards it. Page numbers are below 2^52.
 */
public final class FrameIndex {
    /** No frame. */
    public static final long NONE = -1;

    private static final int SHIFT = 6;
    private static final int FAN_OUT = 1 << SHIFT;

    /** Slots of the first leaf of a small file; it grows by this factor until it is full-sized. */
    private static final int FIRST_SLOTS = 4;

    private static final long NODE_BYTES = FAN_OUT * 4 + 48;

    private static final class Node {
        final @Nullable Object[] slots = new @Nullable Object[FAN_OUT];
        int used;
    }

    private static final class Leaf {
        long[] frames;
        int used;

        Leaf(int slots) {
            frames = new long[slots];
            Arrays.fill(frames, NONE);
        }

        void grow(int slots) {
            int old = frames.length;
            frames = Arrays.copyOf(frames, slots);
            Arrays.fill(frames, old, slots, NONE);
        }
    }

    private static long leafBytes(int slots) {
        return slots * 8L + 48;
    }

    /** Sees the pages that are taken out. */
    @FunctionalInterface
    public interface Removed {
        void accept(long frame);
    }

    private final KernelHeap heap;

    /** A {@link Leaf} at height 0, else a {@link Node}. */
    private @Nullable Object root;

    private int height;
    private long count;

    public FrameIndex(KernelHeap heap) {
        this.heap = heap;
    }

    /** How many pages have frames. */
    public long count() {
        return count;
    }

    /** The page's frame, or {@link #NONE}. */
    public long get(long page) {
        Object n = root;
        int h = height;
        if (n == null || (page >>> (SHIFT * (h + 1))) != 0) {
            return NONE;
        }
        for (; h > 0; h--) {
            n = ((Node) n).slots[(int) (page >>> (SHIFT * h)) & (FAN_OUT - 1)];
            if (n == null) {
                return NONE;
            }
        }
        long[] frames = ((Leaf) n).frames;
        int slot = (int) page & (FAN_OUT - 1);
        return slot < frames.length ? frames[slot] : NONE;
    }

    /**
     * Sets the frame of a page that has none.
     *
     * @throws ErrnoException ENOMEM if the heap account does not allow it; nothing is changed then
     */
    public void put(long page, long frame) throws ErrnoException {
        if (root == null) {
            heap.chargeBulk(leafBytes(FIRST_SLOTS));
            root = new Leaf(FIRST_SLOTS);
            height = 0;
        }
        while ((page >>> (SHIFT * (height + 1))) != 0) {
            heap.chargeBulk(NODE_BYTES);
            Node up = new Node();
            up.slots[0] = root;
            up.used = 1;
            root = up;
            height++;
        }
        Object n = root;
        for (int h = height; h > 0; h--) {
            Node node = (Node) n;
            int slot = (int) (page >>> (SHIFT * h)) & (FAN_OUT - 1);
            Object below = node.slots[slot];
            if (below == null) {
                heap.chargeBulk(h == 1 ? leafBytes(FIRST_SLOTS) : NODE_BYTES);
                below = h == 1 ? new Leaf(FIRST_SLOTS) : new Node();
                node.slots[slot] = below;
                node.used++;
            }
            n = below;
        }
        Leaf leaf = (Leaf) n;
        int slot = (int) page & (FAN_OUT - 1);
        if (slot >= leaf.frames.length) {
            int slots = leaf.frames.length;
            while (slots <= slot) {
                slots *= FIRST_SLOTS;
            }
            heap.chargeBulk(leafBytes(slots) - leafBytes(leaf.frames.length));
            leaf.grow(slots);
        }
        if (leaf.frames[slot] != NONE) {
            throw new IllegalStateException("page " + page + " already has a frame");
        }
        leaf.frames[slot] = frame;
        leaf.used++;
        count++;
    }

    /** Takes the frames of the pages in [{@code from}, {@code to}) out. */
    public void remove(long from, long to, Removed removed) {
        if (root != null && from < to && remove(root, height, 0, from, to, removed)) {
            heap.uncharge(bytes(root));
            root = null;
            height = 0;
        }
    }

    private static long bytes(Object node) {
        return node instanceof Leaf l ? leafBytes(l.frames.length) : NODE_BYTES;
    }

    /** Whether the node is empty afterwards. */
    private boolean remove(Object node, int h, long base, long from, long to, Removed removed) {
        if (h == 0) {
            Leaf leaf = (Leaf) node;
            int first = (int) Math.max(0, from - base);
            int last = (int) Math.min(leaf.frames.length, to - base);
            for (int i = first; i < last; i++) {
                if (leaf.frames[i] != NONE) {
                    removed.accept(leaf.frames[i]);
                    leaf.frames[i] = NONE;
                    leaf.used--;
                    count--;
                }
            }
            return leaf.used == 0;
        }
        Node n = (Node) node;
        int shift = SHIFT * h;
        int first = (int) Math.max(0, (from - base) >> shift);
        long lastSlot = (to - 1 - base) >> shift;
        int last = (int) Math.min(FAN_OUT - 1, lastSlot);
        for (int i = first; i <= last; i++) {
            Object below = n.slots[i];
            if (below != null && remove(below, h - 1, base + ((long) i << shift), from, to, removed)) {
                heap.uncharge(bytes(below));
                n.slots[i] = null;
                n.used--;
            }
        }
        return n.used == 0;
    }

    /** The first page at or after {@code page} that has a frame; -1 if there is none. */
    public long nextPresent(long page) {
        return root == null ? -1 : next(root, height, 0, page);
    }

    private static long next(Object node, int h, long base, long from) {
        if (h == 0) {
            Leaf leaf = (Leaf) node;
            for (int i = (int) Math.max(0, from - base); i < leaf.frames.length; i++) {
                if (leaf.frames[i] != NONE) {
                    return base + i;
                }
            }
            return -1;
        }
        Node n = (Node) node;
        int shift = SHIFT * h;
        for (long i = Math.max(0, (from - base) >> shift); i < FAN_OUT; i++) {
            Object below = n.slots[(int) i];
            if (below != null) {
                long found = next(below, h - 1, base + (i << shift), from);
                if (found >= 0) {
                    return found;
                }
            }
        }
        return -1;
    }
}
