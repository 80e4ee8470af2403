package dev.stockade.sentry.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The file descriptor of a virtual CPU and its {@code struct kvm_run}: one method per ioctl. Exclusive to one thread
 * at a time, except for {@link #setImmediateExit}.
 */
final class KvmVcpu implements AutoCloseable {
    private final int fd;
    private final HostMapping runMapping;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment scratch = arena.allocate(KvmAbi.XSAVE_SIZE, 64);

    KvmVcpu(int fd, int mmapSize) {
        this.fd = fd;
        this.runMapping = HostMapping.ofFile(fd, mmapSize);
    }

    /** struct kvm_run, shared with the host's kernel. */
    MemorySegment run() {
        return runMapping.segment();
    }

    /** Enters the guest: 0 when {@code kvm_run} says why it came back, or -errno. */
    int kvmRun() {
        return Host.tryIoctl(fd, KvmAbi.KVM_RUN, 0);
    }

    void setImmediateExit(boolean on) {
        run().set(ValueLayout.JAVA_BYTE, KvmAbi.Run.IMMEDIATE_EXIT, (byte) (on ? 1 : 0));
    }

    void getSregs(MemorySegment sregs) {
        Host.ioctl(fd, KvmAbi.KVM_GET_SREGS, sized(sregs, KvmAbi.Sregs.SIZE), "KVM_GET_SREGS");
    }

    void setSregs(MemorySegment sregs) {
        Host.ioctl(fd, KvmAbi.KVM_SET_SREGS, sized(sregs, KvmAbi.Sregs.SIZE), "KVM_SET_SREGS");
    }

    void setCpuid2(MemorySegment cpuid) {
        Host.ioctl(fd, KvmAbi.KVM_SET_CPUID2, cpuid.address(), "KVM_SET_CPUID2");
    }

    /** Index and value pairs. */
    void setMsrs(long... pairs) {
        int count = pairs.length / 2;
        scratch.set(ValueLayout.JAVA_INT, 0, count);
        scratch.set(ValueLayout.JAVA_INT, 4, 0);
        for (int i = 0; i < count; i++) {
            scratch.set(ValueLayout.JAVA_LONG, 8 + 16L * i, pairs[2 * i] & 0xffff_ffffL);
            scratch.set(ValueLayout.JAVA_LONG, 16 + 16L * i, pairs[2 * i + 1]);
        }
        int done = Host.ioctl(fd, KvmAbi.KVM_SET_MSRS, scratch.address(), "KVM_SET_MSRS");
        if (done != count) {
            throw new IllegalStateException("KVM_SET_MSRS refused MSR 0x" + Long.toHexString(pairs[2 * done]));
        }
    }

    void setXcr0(long value) {
        scratch.asSlice(0, KvmAbi.XCRS_SIZE).fill((byte) 0);
        scratch.set(ValueLayout.JAVA_INT, 0, 1);
        scratch.set(ValueLayout.JAVA_LONG, 16, value);
        Host.ioctl(fd, KvmAbi.KVM_SET_XCRS, scratch.address(), "KVM_SET_XCRS");
    }

    /** Copies the first {@code length} bytes of the FPU state (XSAVE's standard format) out. */
    void getXsave(byte[] into) {
        Host.ioctl(fd, KvmAbi.KVM_GET_XSAVE, scratch.address(), "KVM_GET_XSAVE");
        MemorySegment.copy(scratch, ValueLayout.JAVA_BYTE, 0, into, 0, into.length);
    }

    void setXsave(byte[] from) {
        MemorySegment.copy(from, 0, scratch, ValueLayout.JAVA_BYTE, 0, from.length);
        scratch.asSlice(from.length).fill((byte) 0);
        Host.ioctl(fd, KvmAbi.KVM_SET_XSAVE, scratch.address(), "KVM_SET_XSAVE");
    }

    /** Whether an exception waits to be delivered to the guest. */
    boolean getVcpuEventsExceptionWaiting() {
        Host.ioctl(fd, KvmAbi.KVM_GET_VCPU_EVENTS, scratch.address(), "KVM_GET_VCPU_EVENTS");
        return scratch.get(ValueLayout.JAVA_BYTE, KvmAbi.Events.EXCEPTION_INJECTED) != 0
                || scratch.get(ValueLayout.JAVA_BYTE, KvmAbi.Events.EXCEPTION_PENDING) != 0;
    }

    /** KVM_VCPU_TSC_OFFSET := 0, so that the guest's TSC is the host's. Whether this KVM knows it. */
    boolean setDeviceAttrTscOffsetZero() {
        MemorySegment value = scratch.asSlice(64, 8);
        value.set(ValueLayout.JAVA_LONG, 0, 0);
        scratch.asSlice(0, 24).fill((byte) 0);
        scratch.set(ValueLayout.JAVA_LONG, 16, value.address());
        return Host.tryIoctl(fd, KvmAbi.KVM_SET_DEVICE_ATTR, scratch.address()) == 0;
    }

    private static long sized(MemorySegment segment, int size) {
        if (segment.byteSize() < size || !segment.isNative()) {
            throw new IllegalArgumentException("needs " + size + " bytes of native memory");
        }
        return segment.address();
    }

    @Override
    public void close() {
        runMapping.close();
        arena.close();
        Host.close(fd);
    }
}
