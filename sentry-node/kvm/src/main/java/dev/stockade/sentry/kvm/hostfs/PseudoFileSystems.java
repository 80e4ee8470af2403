package dev.stockade.sentry.kvm.hostfs;

import java.util.Set;

/** File systems that hold no files but tell of the host and its processes, or change them. */
final class PseudoFileSystems {
    /** As statfs(2) and linux/magic.h have them. */
    private static final Set<Long> TYPES = Set.of(
            0x9fa0L, // proc
            0x62656572L, // sysfs
            0x64626720L, // debugfs
            0x74726163L, // tracefs
            0x73636673L, // securityfs
            0x27e0ebL, // cgroup
            0x63677270L, // cgroup2
            0xcafe4a11L, // bpf
            0x62656570L, // configfs
            0xde5e81e4L, // efivarfs
            0x6165676cL, // pstore
            0xf97cff8cL, // selinuxfs
            0x43415d53L, // smackfs
            0x6e736673L, // nsfs
            0x19800202L, // mqueue
            0x1cd1L, // devpts
            0x42494e4dL, // binfmt_misc
            0x65735543L, // fusectl
            0x67596969L // rpc_pipefs
            );

    private PseudoFileSystems() {}

    static boolean contains(long type) {
        return TYPES.contains(type & 0xffffffffL);
    }
}
