package dev.stockade.sentry.auth;

/**
 * A task's credentials (credentials(7)). Immutable: changes make a new instance, so it may be shared by tasks and read
 * by any thread.
 *
 * @param groups supplementary group ids; never modified
 * @param permitted capability sets as bit masks of CAP_* (capabilities(7))
 */
public record Credentials(
        int ruid,
        int euid,
        int suid,
        int fsuid,
        int rgid,
        int egid,
        int sgid,
        int fsgid,
        int[] groups,
        long permitted,
        long effective,
        long inheritable,
        long bounding,
        long ambient,
        int securebits,
        boolean keepCaps,
        boolean noNewPrivs,
        UserNamespace userNamespace) {

    /** All capabilities that Linux 6.1 knows (CAP_CHECKPOINT_RESTORE is 40). */
    public static final long ALL_CAPABILITIES = (1L << 41) - 1;

    /** The root user of a namespace with all capabilities. */
    public static Credentials root(UserNamespace namespace) {
        return new Credentials(
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                new int[0],
                ALL_CAPABILITIES,
                ALL_CAPABILITIES,
                0,
                ALL_CAPABILITIES,
                0,
                0,
                false,
                false,
                namespace);
    }

    /** An unprivileged user. */
    public static Credentials user(int uid, int gid, int[] groups, UserNamespace namespace) {
        return new Credentials(
                uid,
                uid,
                uid,
                uid,
                gid,
                gid,
                gid,
                gid,
                groups.clone(),
                0,
                0,
                0,
                ALL_CAPABILITIES,
                0,
                0,
                false,
                false,
                namespace);
    }

    /** Whether the effective set has this CAP_* number. */
    public boolean hasCapability(int capability) {
        return (effective & (1L << capability)) != 0;
    }

    /** Whether {@code gid} is the file system group or a supplementary group. */
    public boolean inGroup(int gid) {
        if (fsgid == gid) {
            return true;
        }
        for (int g : groups) {
            if (g == gid) {
                return true;
            }
        }
        return false;
    }

    /** SECBIT_NOROOT and SECBIT_NO_SETUID_FIXUP of prctl(2) PR_SET_SECUREBITS. */
    public static final int SECBIT_NOROOT = 1;

    public static final int SECBIT_NO_SETUID_FIXUP = 4;

    private static final int SECBIT_KEEP_CAPS = 16;

    /** Other capability sets. */
    public Credentials withCapabilities(
            long newPermitted, long newEffective, long newInheritable, long newBounding, long newAmbient) {
        return new Credentials(
                ruid,
                euid,
                suid,
                fsuid,
                rgid,
                egid,
                sgid,
                fsgid,
                groups,
                newPermitted,
                newEffective,
                newInheritable,
                newBounding,
                newAmbient,
                securebits,
                keepCaps,
                noNewPrivs,
                userNamespace);
    }

    /** Other supplementary groups. */
    public Credentials withGroups(int[] newGroups) {
        return new Credentials(
                ruid,
                euid,
                suid,
                fsuid,
                rgid,
                egid,
                sgid,
                fsgid,
                newGroups.clone(),
                permitted,
                effective,
                inheritable,
                bounding,
                ambient,
                securebits,
                keepCaps,
                noNewPrivs,
                userNamespace);
    }

    /** Other group ids. */
    public Credentials withGids(int newRgid, int newEgid, int newSgid, int newFsgid) {
        return new Credentials(
                ruid,
                euid,
                suid,
                fsuid,
                newRgid,
                newEgid,
                newSgid,
                newFsgid,
                groups,
                permitted,
                effective,
                inheritable,
                bounding,
                ambient,
                securebits,
                keepCaps,
                noNewPrivs,
                userNamespace);
    }

    /** PR_SET_KEEPCAPS, PR_SET_NO_NEW_PRIVS and PR_SET_SECUREBITS. */
    public Credentials withFlags(int newSecurebits, boolean newKeepCaps, boolean newNoNewPrivs) {
        return new Credentials(
                ruid,
                euid,
                suid,
                fsuid,
                rgid,
                egid,
                sgid,
                fsgid,
                groups,
                permitted,
                effective,
                inheritable,
                bounding,
                ambient,
                newSecurebits,
                newKeepCaps,
                newNoNewPrivs,
                userNamespace);
    }

    /** Other user ids, with what that does to the capabilities (capabilities(7), "Effect of user ID changes"). */
    public Credentials withUids(int newRuid, int newEuid, int newSuid, int newFsuid) {
        long p = permitted;
        long e = effective;
        long a = ambient;
        if ((securebits & SECBIT_NO_SETUID_FIXUP) == 0) {
            boolean hadRoot = ruid == 0 || euid == 0 || suid == 0;
            boolean hasRoot = newRuid == 0 || newEuid == 0 || newSuid == 0;
            if (hadRoot && !hasRoot) {
                if (!keepCaps) {
                    p = 0;
                    e = 0;
                }
                a = 0;
            }
            if (euid == 0 && newEuid != 0) {
                e = 0;
            } else if (euid != 0 && newEuid == 0) {
                e = p;
            }
            if (fsuid == 0 && newFsuid != 0) {
                e &= ~FS_CAPABILITIES;
            } else if (fsuid != 0 && newFsuid == 0) {
                e |= p & FS_CAPABILITIES;
            }
        }
        return new Credentials(
                newRuid,
                newEuid,
                newSuid,
                newFsuid,
                rgid,
                egid,
                sgid,
                fsgid,
                groups,
                p,
                e,
                inheritable,
                bounding,
                a,
                securebits,
                keepCaps,
                noNewPrivs,
                userNamespace);
    }

    /** CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, LINUX_IMMUTABLE, MKNOD, MAC_OVERRIDE: they go with fsuid. */
    private static final long FS_CAPABILITIES = 1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 9 | 1 << 27 | 1L << 32;

    /**
     * The credentials of a program that execve(2) starts with these effective ids (capabilities(7), "Capabilities and
     * execution of programs by root"; no file has capabilities of its own here).
     */
    public Credentials afterExec(int newEuid, int newEgid) {
        boolean gained = newEuid != euid || newEgid != egid;
        long a = gained ? 0 : ambient;
        long p = a;
        long e = a;
        if ((securebits & SECBIT_NOROOT) == 0 && (newEuid == 0 || ruid == 0)) {
            p = inheritable | bounding;
            e = newEuid == 0 ? p : a;
        }
        if (noNewPrivs) {
            p &= permitted;
            e &= p;
        }
        return new Credentials(
                ruid,
                newEuid,
                newEuid,
                newEuid,
                rgid,
                newEgid,
                newEgid,
                newEgid,
                groups,
                p,
                e,
                inheritable,
                bounding,
                a,
                securebits & ~SECBIT_KEEP_CAPS,
                false,
                noNewPrivs,
                userNamespace);
    }
}
