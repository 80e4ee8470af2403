package dev.stockade.gofer.store;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.host.HostFile;
import dev.stockade.gofer.tree.Inode;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The content files that are open: shared by all sessions, bounded, the least recently used closed first. A file in
 * use is never closed; when all are in use, opening another fails with ENFILE.
 */
final class ContentFiles implements AutoCloseable {
    private final int limit;
    private final ReentrantLock mu = new ReentrantLock();

    /** In order of use, the eldest first. */
    @GuardedBy("mu")
    private final LinkedHashMap<Key, Content> files = new LinkedHashMap<>(16, 0.75f, true);

    ContentFiles(int limit) {
        this.limit = limit;
    }

    private record Key(String imageId, String digest) {}

    private static final class Content {
        final HostFile file;
        int users; // guarded by mu

        Content(HostFile file) {
            this.file = file;
        }
    }

    /** A content file in use until closed. */
    public final class Lease implements AutoCloseable {
        private final Content content;
        private boolean closed; // guarded by mu

        private Lease(Content content) {
            this.content = content;
        }

        HostFile file() {
            return content.file;
        }

        @Override
        public void close() {
            mu.lock();
            try {
                if (!closed) {
                    closed = true;
                    content.users--;
                }
            } finally {
                mu.unlock();
            }
        }
    }

    Lease acquire(OpenImage image, Inode inode) throws ErrnoException {
        String digest = HexFormat.of().formatHex(inode.digest());
        Key key = new Key(image.tree().id(), digest);
        mu.lock();
        try {
            Content content = files.get(key);
            if (content == null) {
                makeRoom();
                HostFile file = image.directory().openFile(Staging.contentPath(digest));
                if (file.sizeBytes() != inode.size()) {
                    file.close();
                    throw new ErrnoException(Errno.EIO, "content " + digest + " is damaged");
                }
                content = new Content(file);
                files.put(key, content);
            }
            content.users++;
            return new Lease(content);
        } finally {
            mu.unlock();
        }
    }

    @GuardedBy("mu")
    private void makeRoom() throws ErrnoException {
        if (files.size() < limit) {
            return;
        }
        Iterator<Content> eldest = files.values().iterator();
        while (eldest.hasNext()) {
            Content content = eldest.next();
            if (content.users == 0) {
                content.file.close();
                eldest.remove();
                return;
            }
        }
        throw new ErrnoException(Errno.ENFILE);
    }

    /** Closes the files of an image that nobody has attached any more. */
    void forget(String imageId) {
        mu.lock();
        try {
            files.entrySet().removeIf(e -> {
                boolean gone = e.getKey().imageId().equals(imageId) && e.getValue().users == 0;
                if (gone) {
                    e.getValue().file.close();
                }
                return gone;
            });
        } finally {
            mu.unlock();
        }
    }

    int size() {
        mu.lock();
        try {
            return files.size();
        } finally {
            mu.unlock();
        }
    }

    /** Closes all; to be called when nobody reads any more. */
    @Override
    public void close() {
        mu.lock();
        try {
            for (Map.Entry<Key, Content> e : files.entrySet()) {
                e.getValue().file.close();
            }
            files.clear();
        } finally {
            mu.unlock();
        }
    }
}
