package dev.stockade.sentry.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The file descriptor of a virtual machine: one method per ioctl. Thread-safe. */
final class KvmVm implements AutoCloseable {
    private final int fd;
    private final int vcpuMmapSize;

    KvmVm(int fd, int vcpuMmapSize) {
        this.fd = fd;
        this.vcpuMmapSize = vcpuMmapSize;
    }

    /**
     * Adds, changes or (with {@code size} 0) deletes a memory slot. The host range must stay mapped until the slot or
     * the machine is gone.
     */
    void setUserMemoryRegion(int slot, long guestPhysical, long size, long hostAddress) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment region = arena.allocate(32, 8);
            region.set(ValueLayout.JAVA_INT, 0, slot);
            region.set(ValueLayout.JAVA_LONG, 8, guestPhysical);
            region.set(ValueLayout.JAVA_LONG, 16, size);
            region.set(ValueLayout.JAVA_LONG, 24, hostAddress);
            Host.ioctl(fd, KvmAbi.KVM_SET_USER_MEMORY_REGION, region.address(), "KVM_SET_USER_MEMORY_REGION");
        }
    }

    /** Three pages of guest-physical space that Intel's KVM needs for itself. */
    void setTssAddr(long guestPhysical) {
        Host.ioctl(fd, KvmAbi.KVM_SET_TSS_ADDR, guestPhysical, "KVM_SET_TSS_ADDR");
    }

    KvmVcpu createVcpu(int id) {
        return new KvmVcpu(Host.ioctl(fd, KvmAbi.KVM_CREATE_VCPU, id, "KVM_CREATE_VCPU"), vcpuMmapSize);
    }

    @Override
    public void close() {
        Host.close(fd);
    }
}
