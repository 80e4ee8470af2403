package dev.stockade.sentry.vfs;

import dev.stockade.sentry.abi.FileMode;

/** Where pipes and other files without a path live (Linux's pipefs, anon_inodefs): it has no names. */
final class AnonymousFilesystem extends Filesystem {
    private static final long ANON_INODE_FS_MAGIC = 0x09041934;

    private final Inode root = new Inode(this) {
        @Override
        public long number() {
            return 1;
        }

        @Override
        public int mode() {
            return FileMode.S_IFDIR;
        }

        @Override
        public int uid() {
            return 0;
        }

        @Override
        public int gid() {
            return 0;
        }

        @Override
        public Stat stat() {
            return new Stat(device(), 1, FileMode.S_IFDIR, 1, 0, 0, 0, 0, 4096, 0, 0, 0, 0);
        }
    };

    AnonymousFilesystem(VirtualFilesystem vfs) {
        super(vfs, "anon_inodefs");
    }

    @Override
    public Inode root() {
        return root;
    }

    @Override
    public StatFs statFs() {
        return new StatFs(ANON_INODE_FS_MAGIC, 4096, 0, 0, 0, 0, 0, 255);
    }
}
