package dev.stockade.sentry.vfs;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** Ways up the tree of dentries and mounts. */
final class MountTree {
    private static final byte[] UNREACHABLE = "(unreachable)".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] DELETED = " (deleted)".getBytes(StandardCharsets.US_ASCII);

    private MountTree() {}

    /** ".." without regard to any root but that of the namespace, the topmost mount there. */
    static VirtualDentry parent(VirtualDentry of) {
        Mount mount = of.mount();
        Dentry dentry = of.dentry();
        for (; ; ) {
            if (dentry != mount.root()) {
                Dentry p = dentry.parent();
                if (p == null) {
                    return new VirtualDentry(mount, dentry);
                }
                return MountNamespace.traverse(new VirtualDentry(mount, p));
            }
            VirtualDentry at = mount.mountpoint();
            if (at == null) {
                return new VirtualDentry(mount, dentry);
            }
            mount = at.mount();
            dentry = at.dentry();
        }
    }

    /** The path from the root of the namespace. */
    static byte[] path(VirtualDentry of) {
        MountNamespace ns = of.mount().namespace();
        return path(of, ns == null ? of.mount().rootDentry() : ns.root(), false);
    }

    /**
     * The path from {@code root}, or from wherever the way up ends, to {@code of} (d_path).
     *
     * @param marks whether a place outside the root begins with "(unreachable)"
     */
    static byte[] path(VirtualDentry of, VirtualDentry root, boolean marks) {
        Mount mount = of.mount();
        Dentry dentry = of.dentry();
        if (mount.namespace() == null && dentry.parent() == null && dentry != mount.root()) {
            return dentry.name();
        }
        boolean deleted = dentry.isDeleted();
        boolean reachable = false;
        ArrayDeque<byte[]> names = new ArrayDeque<>();
        for (; ; ) {
            if (mount == root.mount() && dentry == root.dentry()) {
                reachable = true;
                break;
            }
            if (dentry == mount.root()) {
                @Nullable VirtualDentry at = mount.mountpoint();
                if (at == null) {
                    break;
                }
                mount = at.mount();
                dentry = at.dentry();
                continue;
            }
            Dentry p = dentry.parent();
            if (p == null) {
                break;
            }
            names.push(dentry.name());
            dentry = p;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(64);
        if (marks && !reachable) {
            out.writeBytes(UNREACHABLE);
        }
        if (names.isEmpty()) {
            out.write('/');
        }
        for (byte[] n : names) {
            out.write('/');
            out.writeBytes(n);
        }
        if (deleted) {
            out.writeBytes(DELETED);
        }
        return out.toByteArray();
    }
}
