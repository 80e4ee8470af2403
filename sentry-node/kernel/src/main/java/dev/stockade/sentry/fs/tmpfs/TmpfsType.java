package dev.stockade.sentry.fs.tmpfs;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.vfs.Filesystem;
import dev.stockade.sentry.vfs.FilesystemType;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualFilesystem;

/** tmpfs for mount(2), with the options of tmpfs(5) that say how much it may hold and whose its root is. */
final class TmpfsType implements FilesystemType {
    private final VirtualFilesystem vfs;
    private final FrameAllocator frames;
    private final TmpfsFilesystem.Limits most;

    TmpfsType(VirtualFilesystem vfs, FrameAllocator frames, TmpfsFilesystem.Limits most) {
        this.vfs = vfs;
        this.frames = frames;
        this.most = most;
    }

    @Override
    public String name() {
        return "tmpfs";
    }

    @Override
    public Filesystem make(VfsContext context, String source, String options) throws ErrnoException {
        long size = most.sizeBytes();
        long inodes = most.inodes();
        int mode = 01777;
        int uid = context.credentials().fsuid();
        int gid = context.credentials().fsgid();
        for (String option : options.split(",")) {
            int equals = option.indexOf('=');
            String value = option.substring(equals + 1);
            switch (equals < 0 ? "" : option.substring(0, equals)) {
                case "size" -> size = limit(value, most.sizeBytes());
                case "nr_blocks" ->
                    size = limit(value, most.sizeBytes() / TmpfsFilesystem.BLOCK) * TmpfsFilesystem.BLOCK;
                case "nr_inodes" -> inodes = limit(value, most.inodes());
                case "mode" -> mode = (int) number(value, 8) & 07777;
                case "uid" -> uid = (int) number(value, 10);
                case "gid" -> gid = (int) number(value, 10);
                default -> {
                    if (!option.isEmpty()) {
                        throw Errno.EINVAL.exception();
                    }
                }
            }
        }
        return new TmpfsFilesystem(vfs, frames, "tmpfs", new TmpfsFilesystem.Limits(size, inodes), mode, uid, gid);
    }

    /** A number with k, m, g or %; 0 means no limit of its own. */
    private static long limit(String value, long most) throws ErrnoException {
        if (value.isEmpty()) {
            throw Errno.EINVAL.exception();
        }
        char unit = Character.toLowerCase(value.charAt(value.length() - 1));
        String digits = Character.isDigit(unit) ? value : value.substring(0, value.length() - 1);
        long n = number(digits, 10);
        long asked = switch (unit) {
            case 'k' -> scaled(n, 10);
            case 'm' -> scaled(n, 20);
            case 'g' -> scaled(n, 30);
            case '%' -> (long) (most / 100.0 * Math.min(n, 100));
            default -> {
                if (!Character.isDigit(unit)) {
                    throw Errno.EINVAL.exception();
                }
                yield n;
            }
        };
        return asked == 0 ? most : Math.min(asked, most);
    }

    private static long scaled(long n, int shift) {
        return n > Long.MAX_VALUE >> shift ? Long.MAX_VALUE : n << shift;
    }

    private static long number(String digits, int radix) throws ErrnoException {
        try {
            long n = Long.parseLong(digits, radix);
            if (n >= 0) {
                return n;
            }
        } catch (NumberFormatException e) {
            throw Errno.EINVAL.exception();
        }
        throw Errno.EINVAL.exception();
    }
}
