package dev.stockade.sentry.vfs;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A file system, or a part of one, attached to the tree. Which mounts stand on it changes under the namespace's lock
 * and may be read without.
 */
public final class Mount {
    public static final int MS_RDONLY = 1;
    public static final int MS_NOSUID = 2;
    public static final int MS_NODEV = 4;
    public static final int MS_NOEXEC = 8;
    public static final int MS_NOATIME = 1024;
    public static final int MS_NODIRATIME = 2048;
    public static final int MS_RELATIME = 1 << 21;

    /** The flags that belong to a mount. */
    public static final int FLAGS =
            MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME;

    /** Heap that an open file costs, its descriptor and what is made with it included. */
    private static final long FILE_BYTES = 512;

    private static final Mount[] NONE = new Mount[0];

    private final int id;
    private final @Nullable MountNamespace namespace;
    private final Filesystem filesystem;
    private final Dentry root;
    private final String source;
    private volatile int flags;
    private volatile @Nullable VirtualDentry mountpoint;
    private volatile Mount[] children = NONE;
    private final AtomicInteger openFiles = new AtomicInteger();

    Mount(
            int id,
            @Nullable MountNamespace namespace,
            Filesystem filesystem,
            Dentry root,
            String source,
            int flags,
            @Nullable VirtualDentry mountpoint) {
        this.id = id;
        this.namespace = namespace;
        this.filesystem = filesystem;
        this.root = root;
        this.source = source;
        this.flags = flags;
        this.mountpoint = mountpoint;
        filesystem.use();
    }

    public int id() {
        return id;
    }

    /** Null for mounts that are in no tree (pipes, anonymous files). */
    public @Nullable MountNamespace namespace() {
        return namespace;
    }

    public Filesystem filesystem() {
        return filesystem;
    }

    /** The dentry that is seen at the mount point. */
    public Dentry root() {
        return root;
    }

    /** What was mounted, as /proc/mounts names it. */
    public String source() {
        return source;
    }

    public int flags() {
        return flags;
    }

    void setFlags(int flags) {
        this.flags = flags;
    }

    /** Where it stands; null for the root of a namespace and after it was unmounted. */
    public @Nullable VirtualDentry mountpoint() {
        return mountpoint;
    }

    void setMountpoint(@Nullable VirtualDentry mountpoint) {
        this.mountpoint = mountpoint;
    }

    public VirtualDentry rootDentry() {
        return new VirtualDentry(this, root);
    }

    public boolean isReadOnly() {
        return (flags & MS_RDONLY) != 0 || filesystem.isReadOnly();
    }

    /** What stands on this dentry of this mount, or null. */
    @Nullable
    Mount childAt(Dentry dentry) {
        for (Mount m : children) {
            VirtualDentry at = m.mountpoint;
            if (at != null && at.dentry() == dentry) {
                return m;
            }
        }
        return null;
    }

    Mount[] children() {
        return children;
    }

    void addChild(Mount child) {
        Mount[] old = children;
        Mount[] now = Arrays.copyOf(old, old.length + 1);
        now[old.length] = child;
        children = now;
    }

    void removeChild(Mount child) {
        children = Arrays.stream(children).filter(m -> m != child).toArray(Mount[]::new);
    }

    void fileOpened() {
        openFiles.incrementAndGet();
        filesystem.use();
        filesystem.vfs().heap().chargeAnyway(FILE_BYTES);
    }

    void fileClosed() {
        openFiles.decrementAndGet();
        filesystem.vfs().heap().uncharge(FILE_BYTES);
        filesystem.unuse();
    }

    boolean hasOpenFiles() {
        return openFiles.get() > 0;
    }
}
