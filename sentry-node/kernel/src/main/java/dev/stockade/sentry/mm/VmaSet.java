package dev.stockade.sentry.mm;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.KernelHeap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The VMAs of an address space in ascending order, without overlaps; adjacent ones of the same kind are one. Not
 * thread-safe: guarded by {@code MemoryManager.lock}.
 */
final class VmaSet {
    /** sysctl vm.max_map_count. */
    static final int MAX_MAP_COUNT = 65530;

    /** What an area and the hold of its file take on the JVM's heap. */
    private static final long AREA_BYTES = 160;

    /** What becomes of a part of an area; null removes it. */
    @FunctionalInterface
    interface Transformation {
        @Nullable
        Vma apply(Vma part);
    }

    private static final Vma NOTHING = new Vma(0, 0, 0, null, 0);

    private Vma[] areas = new Vma[16];
    private final KernelHeap heap;
    private int size;
    private long totalBytes;
    private long dataBytes;
    private long lockedBytes;

    VmaSet(KernelHeap heap) {
        this.heap = heap;
    }

    int size() {
        return size;
    }

    Vma get(int index) {
        return areas[index];
    }

    long totalBytes() {
        return totalBytes;
    }

    long dataBytes() {
        return dataBytes;
    }

    long lockedBytes() {
        return lockedBytes;
    }

    /** The index of the first area that ends after {@code address}, or {@link #size()} (Linux's find_vma). */
    int indexFrom(long address) {
        int low = 0;
        int high = size;
        while (low < high) {
            int mid = (low + high) >>> 1;
            if (areas[mid].end() > address) {
                high = mid;
            } else {
                low = mid + 1;
            }
        }
        return low;
    }

    /** The area that contains {@code address}. */
    @Nullable
    Vma find(long address) {
        int i = indexFrom(address);
        return i < size && areas[i].start() <= address ? areas[i] : null;
    }

    boolean intersects(long start, long end) {
        int i = indexFrom(start);
        return i < size && areas[i].start() < end;
    }

    /** Bytes of [start, end) that are mapped. */
    long mappedBytes(long start, long end) {
        long bytes = 0;
        for (int i = indexFrom(start); i < size && areas[i].start() < end; i++) {
            bytes += Math.min(end, areas[i].end()) - Math.max(start, areas[i].start());
        }
        return bytes;
    }

    /** The areas of [start, end), cut to it. */
    List<Vma> slices(long start, long end) {
        List<Vma> slices = new ArrayList<>();
        for (int i = indexFrom(start); i < size && areas[i].start() < end; i++) {
            slices.add(areas[i].slice(start, end));
        }
        return slices;
    }

    /**
     * Adds an area where nothing is mapped.
     *
     * @param released where files go that no longer have an area
     * @throws ErrnoException ENOMEM if there would be too many areas; nothing is changed then
     */
    void insert(Vma area, List<MappedFile> released) throws ErrnoException {
        int at = indexFrom(area.start());
        splice(at, at, List.of(area), released);
    }

    /**
     * Replaces every part of an area in [start, end).
     *
     * @throws ErrnoException ENOMEM if there would be too many areas; nothing is changed then
     */
    void transform(long start, long end, Transformation transformation, List<MappedFile> released)
            throws ErrnoException {
        int from = indexFrom(start);
        int to = from;
        List<Vma> parts = new ArrayList<>();
        for (; to < size && areas[to].start() < end; to++) {
            Vma area = areas[to];
            if (area.start() < start) {
                parts.add(area.slice(area.start(), start));
            }
            Vma replacement = transformation.apply(area.slice(start, end));
            if (replacement != null) {
                parts.add(replacement);
            }
            if (area.end() > end) {
                parts.add(area.slice(end, area.end()));
            }
        }
        if (to > from) {
            splice(from, to, parts, released);
        }
    }

    /** Removes everything. */
    void clear(List<MappedFile> released) {
        for (int i = 0; i < size; i++) {
            count(areas[i], -1, released);
        }
        Arrays.fill(areas, NOTHING);
        heap.uncharge(size * AREA_BYTES);
        size = 0;
    }

    /** Replaces the areas of [from, to) by {@code parts} and merges what can be merged, neighbours included. */
    private void splice(int from, int to, List<Vma> parts, List<MappedFile> released) throws ErrnoException {
        int low = from > 0 ? from - 1 : from;
        int high = to < size ? to + 1 : to;
        List<Vma> merged = new ArrayList<>(parts.size() + 2);
        if (low < from) {
            merged.add(areas[low]);
        }
        for (Vma part : parts) {
            append(merged, part);
        }
        if (high > to) {
            append(merged, areas[to]);
        }
        int newSize = size - (high - low) + merged.size();
        if (newSize > MAX_MAP_COUNT && newSize > size) {
            throw Errno.ENOMEM.exception();
        }
        if (newSize > size) {
            heap.charge((newSize - size) * AREA_BYTES);
        } else {
            heap.uncharge((size - newSize) * AREA_BYTES);
        }
        for (Vma area : merged) {
            count(area, 1, released);
        }
        for (int i = low; i < high; i++) {
            count(areas[i], -1, released);
        }
        if (newSize > areas.length) {
            areas = Arrays.copyOf(areas, Math.max(newSize, areas.length * 2));
        }
        System.arraycopy(areas, high, areas, low + merged.size(), size - high);
        for (int i = 0; i < merged.size(); i++) {
            areas[low + i] = merged.get(i);
        }
        for (int i = newSize; i < size; i++) {
            areas[i] = NOTHING;
        }
        size = newSize;
    }

    private static void append(List<Vma> areas, Vma area) {
        if (!areas.isEmpty() && areas.getLast().mergesWith(area)) {
            areas.set(areas.size() - 1, areas.getLast().merge(area));
        } else {
            areas.add(area);
        }
    }

    private void count(Vma area, int sign, List<MappedFile> released) {
        totalBytes += sign * area.length();
        if (area.isData()) {
            dataBytes += sign * area.length();
        }
        if (area.is(Vma.LOCKED)) {
            lockedBytes += sign * area.length();
        }
        MappedFile file = area.file();
        if (file != null) {
            if (sign > 0) {
                file.attach();
            } else if (file.detach()) {
                released.add(file);
            }
        }
    }
}
