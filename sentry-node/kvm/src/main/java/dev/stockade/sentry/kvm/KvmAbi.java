package dev.stockade.sentry.kvm;

/** Numbers and offsets of Linux's {@code include/uapi/linux/kvm.h} and {@code arch/x86/include/uapi/asm/kvm.h}. */
final class KvmAbi {
    static final int API_VERSION = 12;

    static final long KVM_GET_API_VERSION = 0xAE00;
    static final long KVM_CREATE_VM = 0xAE01;
    static final long KVM_CHECK_EXTENSION = 0xAE03;
    static final long KVM_GET_VCPU_MMAP_SIZE = 0xAE04;
    static final long KVM_GET_SUPPORTED_CPUID = 0xC008_AE05L;
    static final long KVM_CREATE_VCPU = 0xAE41;
    static final long KVM_SET_USER_MEMORY_REGION = 0x4020_AE46L;
    static final long KVM_SET_TSS_ADDR = 0xAE47;
    static final long KVM_SET_IDENTITY_MAP_ADDR = 0x4008_AE48L;
    static final long KVM_ENABLE_CAP = 0x4068_AEA3L;
    static final long KVM_RUN = 0xAE80;
    static final long KVM_GET_SREGS = 0x8138_AE83L;
    static final long KVM_SET_SREGS = 0x4138_AE84L;
    static final long KVM_SET_MSRS = 0x4008_AE89L;
    static final long KVM_SET_CPUID2 = 0x4008_AE90L;
    static final long KVM_GET_VCPU_EVENTS = 0x8040_AE9FL;
    static final long KVM_GET_XSAVE = 0x9000_AEA4L;
    static final long KVM_SET_XSAVE = 0x5000_AEA5L;
    static final long KVM_SET_XCRS = 0x4188_AEA7L;
    static final long KVM_SET_DEVICE_ATTR = 0x4018_AEE1L;

    static final int KVM_CAP_USER_MEMORY = 3;
    static final int KVM_CAP_EXT_CPUID = 7;
    static final int KVM_CAP_NR_VCPUS = 9;
    static final int KVM_CAP_VCPU_EVENTS = 41;
    static final int KVM_CAP_XSAVE = 55;
    static final int KVM_CAP_XCRS = 56;
    static final int KVM_CAP_MAX_VCPUS = 66;
    static final int KVM_CAP_SYNC_REGS = 74;
    static final int KVM_CAP_IMMEDIATE_EXIT = 136;

    static final int KVM_SYNC_X86_REGS = 1;
    static final int KVM_SYNC_X86_SREGS = 2;
    static final int KVM_SYNC_X86_EVENTS = 4;

    static final int KVM_EXIT_UNKNOWN = 0;
    static final int KVM_EXIT_IO = 2;
    static final int KVM_EXIT_HLT = 5;
    static final int KVM_EXIT_MMIO = 6;
    static final int KVM_EXIT_SHUTDOWN = 8;
    static final int KVM_EXIT_FAIL_ENTRY = 9;
    static final int KVM_EXIT_INTR = 10;
    static final int KVM_EXIT_INTERNAL_ERROR = 17;

    static final int KVM_EXIT_IO_OUT = 1;

    /** struct kvm_run. */
    static final class Run {
        static final long IMMEDIATE_EXIT = 1;
        static final long EXIT_REASON = 8;
        static final long IO_DIRECTION = 32;
        static final long IO_SIZE = 33;
        static final long IO_PORT = 34;
        static final long IO_COUNT = 36;
        static final long FAIL_REASON = 32;
        static final long MMIO_ADDRESS = 32;
        static final long INTERNAL_SUBERROR = 32;
        static final long VALID_REGS = 0x120;
        static final long DIRTY_REGS = 0x128;
        static final long REGS = 0x130;
        static final long SREGS = REGS + 0x90;
        static final long EVENTS = REGS + 0x1c8;

        private Run() {}
    }

    /** struct kvm_regs. */
    static final class Regs {
        static final long RAX = 0;
        static final long RBX = 8;
        static final long RCX = 16;
        static final long RDX = 24;
        static final long RSI = 32;
        static final long RDI = 40;
        static final long RSP = 48;
        static final long RBP = 56;
        static final long R8 = 64;
        static final long R9 = 72;
        static final long R10 = 80;
        static final long R11 = 88;
        static final long R12 = 96;
        static final long R13 = 104;
        static final long R14 = 112;
        static final long R15 = 120;
        static final long RIP = 128;
        static final long RFLAGS = 136;

        private Regs() {}
    }

    /** struct kvm_sregs. */
    static final class Sregs {
        static final long CS = 0;
        static final long DS = 24;
        static final long ES = 48;
        static final long FS = 72;
        static final long GS = 96;
        static final long SS = 120;
        static final long TR = 144;
        static final long LDT = 168;
        static final long GDT = 192;
        static final long IDT = 208;
        static final long CR0 = 224;
        static final long CR2 = 232;
        static final long CR3 = 240;
        static final long CR4 = 248;
        static final long EFER = 264;
        static final int SIZE = 312;

        private Sregs() {}
    }

    /** struct kvm_vcpu_events. */
    static final class Events {
        static final long EXCEPTION_INJECTED = 0;
        static final long EXCEPTION_PENDING = 3;
        static final int SIZE = 64;

        private Events() {}
    }

    static final int XSAVE_SIZE = 4096;
    static final int XCRS_SIZE = 392;

    private KvmAbi() {}
}
