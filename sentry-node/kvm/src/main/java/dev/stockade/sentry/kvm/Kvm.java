package dev.stockade.sentry.kvm;

import dev.stockade.sentry.platform.PlatformException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The system file descriptor of KVM: one method per ioctl. Thread-safe. */
final class Kvm implements AutoCloseable {
    static final String DEVICE = "/dev/kvm";

    private static final int MAX_CPUID_ENTRIES = 256;

    private final int fd;

    private Kvm(int fd) {
        this.fd = fd;
    }

    static Kvm open(String device) throws PlatformException {
        int fd;
        try {
            fd = Host.open(device, Host.O_RDWR);
        } catch (HostException e) {
            if (Host.isMissing(e)) {
                throw new PlatformException(
                        "there is no " + device
                                + ": turn on virtualization in the firmware, or nested virtualization in the cloud,"
                                + " and load kvm_amd or kvm_intel",
                        e);
            }
            if (Host.isDenied(e)) {
                throw new PlatformException(
                        "no permission to open " + device + ": add user " + System.getProperty("user.name")
                                + " to group kvm (usermod -aG kvm) and log in again",
                        e);
            }
            throw new PlatformException("cannot open " + device + ": " + HostException.describe(e.errno()), e);
        }
        return new Kvm(fd);
    }

    int getApiVersion() {
        return Host.ioctl(fd, KvmAbi.KVM_GET_API_VERSION, 0, "KVM_GET_API_VERSION");
    }

    int checkExtension(int capability) {
        return Host.ioctl(fd, KvmAbi.KVM_CHECK_EXTENSION, capability, "KVM_CHECK_EXTENSION");
    }

    int getVcpuMmapSize() {
        return Host.ioctl(fd, KvmAbi.KVM_GET_VCPU_MMAP_SIZE, 0, "KVM_GET_VCPU_MMAP_SIZE");
    }

    /** struct kvm_cpuid2: u32 nent, u32 padding, entries of 40 bytes. */
    MemorySegment getSupportedCpuid(Arena arena) {
        MemorySegment cpuid = arena.allocate(8 + 40L * MAX_CPUID_ENTRIES, 8);
        cpuid.set(ValueLayout.JAVA_INT, 0, MAX_CPUID_ENTRIES);
        Host.ioctl(fd, KvmAbi.KVM_GET_SUPPORTED_CPUID, cpuid.address(), "KVM_GET_SUPPORTED_CPUID");
        return cpuid;
    }

    KvmVm createVm() {
        return new KvmVm(Host.ioctl(fd, KvmAbi.KVM_CREATE_VM, 0, "KVM_CREATE_VM"), getVcpuMmapSize());
    }

    @Override
    public void close() {
        Host.close(fd);
    }
}
