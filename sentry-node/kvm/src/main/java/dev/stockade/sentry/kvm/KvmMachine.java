package dev.stockade.sentry.kvm;

import dev.stockade.sentry.memory.SandboxMemory;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.Machine;
import dev.stockade.sentry.platform.PlatformException;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/** One VM: the sandbox's memory, the kernel image and the vCPUs. Thread-safe. */
final class KvmMachine implements Machine {
    /** Above everything that a PC has at fixed addresses below 4 GiB. */
    private static final long GUEST_PHYSICAL_BASE = 1L << 32;

    private static final int IMAGE_SLOT = 0;
    private static final int MEMORY_SLOT = 1;
    private static final int FORGET_SLOT = 2;
    private static final long FORGET_GUEST_PHYSICAL = 0x1000;
    private static final long INTEL_TSS_GUEST_PHYSICAL = 0xfffb_d000L;

    private final KvmPlatform platform;
    private final KvmMemory memory;
    private final KernelImage image;
    private final KvmVm vm;
    private final VcpuPool pool;
    private final Object forgetLock = new Object();
    private final AtomicInteger flushGeneration = new AtomicInteger();
    private final AtomicBoolean closed = new AtomicBoolean();

    private KvmMachine(KvmPlatform platform, KvmMemory memory, KernelImage image, KvmVm vm, int vcpus) {
        this.platform = platform;
        this.memory = memory;
        this.image = image;
        this.vm = vm;
        this.pool = new VcpuPool(this, vcpus);
    }

    static KvmMachine create(KvmPlatform platform, long memoryBytes, int vcpus) throws PlatformException {
        KvmMemory memory = null;
        KernelImage image = null;
        KvmVm vm = null;
        try {
            memory = new KvmMemory(memoryBytes);
            image = new KernelImage(platform.syscallStaysAtRing3(), vcpus);
            vm = platform.kvm().createVm();
            vm.setTssAddr(INTEL_TSS_GUEST_PHYSICAL);
            vm.setUserMemoryRegion(IMAGE_SLOT, KernelImage.GUEST_PHYSICAL, image.size(), image.hostAddress());
            vm.setUserMemoryRegion(MEMORY_SLOT, GUEST_PHYSICAL_BASE, memoryBytes, memory.slotAddress());
            vm.setUserMemoryRegion(FORGET_SLOT, FORGET_GUEST_PHYSICAL, Host.PAGE_SIZE, platform.sparePage());
            return new KvmMachine(platform, memory, image, vm, vcpus);
        } catch (HostException e) {
            if (vm != null) {
                vm.close();
            }
            if (image != null) {
                image.close();
            }
            if (memory != null) {
                memory.close();
            }
            throw new PlatformException("the host refused a virtual machine: " + e.getMessage(), e);
        }
    }

    KvmPlatform platform() {
        return platform;
    }

    KernelImage image() {
        return image;
    }

    KvmVm vm() {
        return vm;
    }

    VcpuPool pool() {
        return pool;
    }

    FpuState fpuState() {
        return platform.fpuState();
    }

    boolean isClosed() {
        return closed.get();
    }

    /** Grows when every vCPU has to flush its TLB before it enters the guest again. */
    int flushGeneration() {
        return flushGeneration.get();
    }

    long rootAddress(long rootFrame) {
        if (rootFrame < 0 || rootFrame > memory.size() - Host.PAGE_SIZE || rootFrame % Host.PAGE_SIZE != 0) {
            throw new IllegalArgumentException("root frame: " + rootFrame);
        }
        return GUEST_PHYSICAL_BASE + rootFrame;
    }

    @Override
    public SandboxMemory memory() {
        return memory;
    }

    @Override
    public long guestPhysicalBase() {
        return GUEST_PHYSICAL_BASE;
    }

    @Override
    public void installKernelMappings(long rootFrame) {
        rootAddress(rootFrame);
        memory.segment().set(ValueLayout.JAVA_LONG, rootFrame + KernelImage.PML4_INDEX * 8L, KernelImage.pml4Entry());
    }

    @Override
    public void revoke(long frameOffset, long lengthBytes) {
        memory.zapSlot(frameOffset, lengthBytes);
    }

    /**
     * Deleting any memory slot makes KVM throw away all shadow page tables (kvm_mmu_zap_all_fast) and waits until
     * every vCPU has left the old ones. With nested paging there are none, but a vCPU may hold translations of a root
     * whose frame becomes another root, so it flushes before it enters again.
     */
    @Override
    public void forgetPageTables() {
        if (!platform.shadowPaging()) {
            flushGeneration.incrementAndGet();
            return;
        }
        synchronized (forgetLock) {
            if (closed.get()) {
                return;
            }
            vm.setUserMemoryRegion(FORGET_SLOT, FORGET_GUEST_PHYSICAL, 0, platform.sparePage());
            vm.setUserMemoryRegion(FORGET_SLOT, FORGET_GUEST_PHYSICAL, Host.PAGE_SIZE, platform.sparePage());
        }
    }

    @Override
    public Context newContext() {
        if (closed.get()) {
            throw new IllegalStateException("the machine is closed");
        }
        return new KvmContext(this);
    }

    void closeContext(KvmContext context) {
        pool.forget(context);
    }

    @Override
    public void close() {
        if (!closed.compareAndSet(false, true)) {
            return;
        }
        pool.close();
        synchronized (forgetLock) {
            vm.close();
        }
        image.close();
        memory.close();
    }
}
