package dev.stockade.sentry.kvm;

import dev.stockade.sentry.memory.SandboxMemory;
import java.lang.foreign.MemorySegment;

/**
 * A sandbox's backing memory: a memfd mapped twice. The JVM reads and writes one view; the other backs the KVM slot
 * and can be zapped without the JVM noticing and without losing data, which is how translations are revoked.
 */
final class KvmMemory implements SandboxMemory, AutoCloseable {
    private final long size;
    private final int fd;
    private final HostMapping jvmView;
    private final HostMapping slotView;

    KvmMemory(long size) {
        if (size <= 0 || size % Host.PAGE_SIZE != 0) {
            throw new IllegalArgumentException("memory size: " + size);
        }
        this.size = size;
        this.fd = Host.memfd("stockade-sandbox", size);
        HostMapping jvm = null;
        try {
            jvm = HostMapping.ofFile(fd, size);
            this.slotView = HostMapping.ofFile(fd, size);
            this.jvmView = jvm;
        } catch (HostException e) {
            if (jvm != null) {
                jvm.close();
            }
            Host.close(fd);
            throw e;
        }
        for (HostMapping view : new HostMapping[] {jvmView, slotView}) {
            Host.tryMadvise(view.address(), size, Host.MADV_HUGEPAGE);
            Host.tryMadvise(view.address(), size, Host.MADV_DONTFORK);
            Host.tryMadvise(view.address(), size, Host.MADV_DONTDUMP);
        }
    }

    @Override
    public MemorySegment segment() {
        return jvmView.segment();
    }

    @Override
    public long size() {
        return size;
    }

    long slotAddress() {
        return slotView.address();
    }

    @Override
    public void release(long offset, long lengthBytes) {
        checkRange(offset, lengthBytes);
        if (lengthBytes > 0) {
            Host.punchHole(fd, offset, lengthBytes);
        }
    }

    @Override
    public void populate(long offset, long lengthBytes) {
        checkRange(offset, lengthBytes);
        if (lengthBytes > 0) {
            Host.tryMadvise(slotView.address() + offset, lengthBytes, Host.MADV_POPULATE_WRITE);
        }
    }

    /**
     * Drops the slot's host translations of this range. KVM's MMU notifier follows and makes all vCPUs forget what
     * they derived from them, before madvise returns.
     */
    void zapSlot(long offset, long lengthBytes) {
        checkRange(offset, lengthBytes);
        if (lengthBytes > 0) {
            Host.madvise(slotView.address() + offset, lengthBytes, Host.MADV_DONTNEED);
        }
    }

    private void checkRange(long offset, long lengthBytes) {
        if (offset < 0
                || lengthBytes < 0
                || offset > size - lengthBytes
                || (offset | lengthBytes) % Host.PAGE_SIZE != 0) {
            throw new IllegalArgumentException("range " + offset + " + " + lengthBytes + " of " + size);
        }
        if (!segment().scope().isAlive()) {
            throw new IllegalStateException("the machine is closed");
        }
    }

    /** No slot may refer to the memory any more. */
    @Override
    public void close() {
        jvmView.close();
        slotView.close();
        Host.close(fd);
    }
}
