package dev.stockade.gofer.store;

import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.host.HostDirectory;
import dev.stockade.gofer.tree.ImageTree;
import dev.stockade.gofer.tree.Inode;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * An image in use: it stays on disk and in memory until closed, even when its name is removed meanwhile. Several of
 * one image share everything. Thread-safe.
 */
public final class OpenImage implements AutoCloseable {
    private final ImageStore store;
    private final ContentFiles files;
    private final ImageTree tree;
    private final HostDirectory directory;
    private final AtomicBoolean closed = new AtomicBoolean();

    OpenImage(ImageStore store, ContentFiles files, ImageTree tree, HostDirectory directory) {
        this.store = store;
        this.files = files;
        this.tree = tree;
        this.directory = directory;
    }

    public ImageTree tree() {
        return tree;
    }

    HostDirectory directory() {
        return directory;
    }

    /**
     * Opens the content of a regular file of this image for reading.
     *
     * @throws ErrnoException EISDIR or EINVAL for what is no regular file, ENFILE when too many are open, EIO when
     *     the store is damaged
     */
    public Content openContent(Inode inode) throws ErrnoException {
        if (!inode.isRegular()) {
            throw new ErrnoException(inode.isDirectory() ? Errno.EISDIR : Errno.EINVAL);
        }
        try {
            return new Content(files.acquire(this, inode));
        } catch (ErrnoException e) {
            // Anything but running short means that the store's own files are not what they were.
            throw switch (e.errno()) {
                case ENFILE, EMFILE, ENOMEM -> new ErrnoException(Errno.ENFILE);
                default -> new ErrnoException(Errno.EIO, e.getMessage() == null ? "" : e.getMessage());
            };
        }
    }

    /** The bytes of a file, until closed. */
    public static final class Content implements AutoCloseable {
        private final ContentFiles.Lease lease;

        private Content(ContentFiles.Lease lease) {
            this.lease = lease;
        }

        /** Reads at {@code offset} into a direct buffer; 0 at or after the end. */
        public int read(ByteBuffer direct, long offset) throws ErrnoException {
            return lease.file().read(direct, offset);
        }

        @Override
        public void close() {
            lease.close();
        }
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            store.release(tree.id());
        }
    }
}
