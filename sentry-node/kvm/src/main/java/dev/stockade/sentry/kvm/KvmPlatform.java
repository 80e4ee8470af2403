package dev.stockade.sentry.kvm;

import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.platform.Platform;
import dev.stockade.sentry.platform.PlatformException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * KVM, hardware or software. Which of them is found out by running a tiny guest, never by name. Thread-safe.
 *
 * <p>Needs {@code --enable-native-access=ALL-UNNAMED} and {@code -Djnr.ffi.x86asm.enabled=false}.
 */
public final class KvmPlatform implements Platform {
    private static final int MIN_VCPUS = 8;
    private static final int PROBE_VCPUS = 4;

    private record Capability(int number, String name) {}

    private static final Capability[] NEEDED = {
        new Capability(KvmAbi.KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY"),
        new Capability(KvmAbi.KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID"),
        new Capability(KvmAbi.KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS"),
        new Capability(KvmAbi.KVM_CAP_XSAVE, "KVM_CAP_XSAVE"),
        new Capability(KvmAbi.KVM_CAP_XCRS, "KVM_CAP_XCRS"),
        new Capability(KvmAbi.KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT"),
    };

    private final Kvm kvm;
    private final int kickSignal;
    private final int processId = Host.getpid();
    private final int vcpusPerMachine;
    private final Arena arena = Arena.ofShared();
    private final HostMapping sparePage = HostMapping.anonymous(Host.PAGE_SIZE);
    private final MemorySegment cpuid;
    private final long xcr0;
    private final int fpuLength;

    /** Written once by {@link #open} before the platform is published; the probe runs with the cautious values. */
    private PlatformProbe.Kind kind = PlatformProbe.CAUTIOUS;

    private FpuState fpuState;

    private KvmPlatform(Kvm kvm, int vcpusPerMachine) throws PlatformException {
        this.kvm = kvm;
        this.kickSignal = KickSignal.install();
        this.vcpusPerMachine = vcpusPerMachine;
        MemorySegment supported = kvm.getSupportedCpuid(arena);
        this.cpuid = CpuidPolicy.filter(supported, arena);
        this.xcr0 = CpuidPolicy.xcr0(supported);
        this.fpuLength = CpuidPolicy.fpuLength(supported, xcr0);
        this.fpuState = new FpuState(fpuLength, xcr0, new byte[0]);
        if (fpuLength > KvmAbi.XSAVE_SIZE) {
            throw new PlatformException("this host's FPU state is too long: " + fpuLength + " bytes");
        }
        if ((xcr0 & 3) != 3) {
            throw new PlatformException("this host's KVM does not give guests XSAVE");
        }
    }

    /** The platform of this host, with as many vCPUs per machine as suit its processors. */
    public static KvmPlatform open() throws PlatformException {
        return open(Math.max(MIN_VCPUS, 4 * Runtime.getRuntime().availableProcessors()));
    }

    /** @param vcpusPerMachine the most vCPUs that a machine gets; contexts beyond them take turns */
    public static KvmPlatform open(int vcpusPerMachine) throws PlatformException {
        return open(Kvm.DEVICE, vcpusPerMachine);
    }

    static KvmPlatform open(String device, int vcpusPerMachine) throws PlatformException {
        if (!System.getProperty("os.arch").equals("amd64")) {
            throw new PlatformException("needs an x86-64 host, not " + System.getProperty("os.arch"));
        }
        Kvm kvm = Kvm.open(device);
        try {
            Host.verifyBinding();
            int version = kvm.getApiVersion();
            if (version != KvmAbi.API_VERSION) {
                throw new PlatformException("KVM's API version is " + version + ", not " + KvmAbi.API_VERSION);
            }
            for (Capability c : NEEDED) {
                if (kvm.checkExtension(c.number) <= 0) {
                    throw new PlatformException("this host's KVM lacks " + c.name);
                }
            }
            int sync = KvmAbi.KVM_SYNC_X86_REGS | KvmAbi.KVM_SYNC_X86_SREGS | KvmAbi.KVM_SYNC_X86_EVENTS;
            if ((kvm.checkExtension(KvmAbi.KVM_CAP_SYNC_REGS) & sync) != sync) {
                throw new PlatformException("this host's KVM lacks KVM_CAP_SYNC_REGS");
            }
            int most = Math.min(kvm.checkExtension(KvmAbi.KVM_CAP_MAX_VCPUS), KernelImage.MAX_VCPUS);
            KvmPlatform platform = new KvmPlatform(kvm, Math.max(1, Math.min(vcpusPerMachine, most)));
            try {
                PlatformProbe.Result result = PlatformProbe.run(platform, PROBE_VCPUS);
                platform.kind = result.kind();
                platform.fpuState = new FpuState(platform.fpuLength, platform.xcr0, result.freshFpu());
                return platform;
            } catch (PlatformException | RuntimeException e) {
                platform.closeMemory();
                throw e;
            }
        } catch (HostException e) {
            kvm.close();
            throw new PlatformException("KVM does not work here: " + e.getMessage(), e);
        } catch (PlatformException | RuntimeException e) {
            kvm.close();
            throw e;
        }
    }

    @Override
    public String describe() {
        return kind.describe();
    }

    @Override
    public Machine newMachine(long memoryBytes) throws PlatformException {
        return KvmMachine.create(this, memoryBytes, vcpusPerMachine);
    }

    Kvm kvm() {
        return kvm;
    }

    MemorySegment cpuid() {
        return cpuid;
    }

    long xcr0() {
        return xcr0;
    }

    FpuState fpuState() {
        return fpuState;
    }

    int kickSignal() {
        return kickSignal;
    }

    int processId() {
        return processId;
    }

    /** A page of zeros for memory slots that are there only to be deleted. */
    long sparePage() {
        return sparePage.address();
    }

    /** Software KVM: SYSCALL does not change the privilege level. */
    boolean syscallStaysAtRing3() {
        return kind.syscallStaysAtRing3();
    }

    /** Whether KVM keeps shadow page tables, which do not see that a present entry changed. */
    boolean shadowPaging() {
        return kind.shadowPaging();
    }

    /** How to get from CPL 0 to ring 3: by an IRETQ in the guest, or by setting the segments from outside. */
    boolean returnsByIretq() {
        return kind.returnsByIretq();
    }

    private void closeMemory() {
        sparePage.close();
        arena.close();
    }

    /** All machines must be closed. */
    @Override
    public void close() {
        kvm.close();
        closeMemory();
    }
}
