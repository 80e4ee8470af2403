package dev.stockade.sentry.kvm.hostfs;

import dev.stockade.sentry.fs.gofer.GoferAttr;
import java.nio.ByteBuffer;

/**
 * What statx(2) says.
 *
 * @param device of the file system that holds the file
 */
record HostAttributes(long device, GoferAttr attr) {

    /** From a struct statx. */
    static HostAttributes of(ByteBuffer b) {
        return new HostAttributes(
                makedev(b.getInt(136), b.getInt(140)),
                new GoferAttr(
                        b.getLong(32),
                        b.getShort(28) & 0xffff,
                        b.getInt(16),
                        b.getInt(20),
                        b.getInt(24),
                        makedev(b.getInt(128), b.getInt(132)),
                        b.getLong(40),
                        b.getLong(48),
                        timeNs(b, 64),
                        timeNs(b, 112),
                        timeNs(b, 96)));
    }

    private static long timeNs(ByteBuffer b, int at) {
        return b.getLong(at) * 1_000_000_000L + b.getInt(at + 8);
    }

    private static long makedev(long major, long minor) {
        return (major & 0xfffff000L) << 32 | (major & 0xfffL) << 8 | (minor & 0xffffff00L) << 12 | (minor & 0xffL);
    }

    HostAttributes withIno(long ino) {
        return new HostAttributes(
                device,
                new GoferAttr(
                        ino,
                        attr.mode(),
                        attr.nlink(),
                        attr.uid(),
                        attr.gid(),
                        attr.rdev(),
                        attr.size(),
                        attr.blocks(),
                        attr.atimeNs(),
                        attr.mtimeNs(),
                        attr.ctimeNs()));
    }
}
