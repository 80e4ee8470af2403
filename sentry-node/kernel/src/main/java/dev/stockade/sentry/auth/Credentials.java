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
}
