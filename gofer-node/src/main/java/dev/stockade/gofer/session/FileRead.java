package dev.stockade.gofer.session;

import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.store.OpenImage;
import java.nio.ByteBuffer;

/**
 * A read under way: keeps its file open until closed. Used by one thread at a time.
 *
 * <p>The range never reaches beyond the size that the image's description states.
 */
public final class FileRead implements AutoCloseable {
    private final Session session;
    private final OpenImage.Content content;
    private Runnable onClose = () -> {};
    private long offset;
    private long left;
    private boolean closed;

    FileRead(Session session, OpenImage.Content content, long offset, long length) {
        this.session = session;
        this.content = content;
        this.offset = offset;
        this.left = length;
    }

    void onClose(Runnable action) {
        onClose = action;
    }

    /** Whether everything was read. */
    public boolean done() {
        return left == 0;
    }

    /** Reads the next bytes into a direct buffer, at most to its limit. */
    public void next(ByteBuffer direct) throws ErrnoException {
        if (direct.remaining() > left) {
            direct.limit(direct.position() + (int) left);
        }
        int n = content.read(direct, offset);
        offset += n;
        left = n == 0 ? 0 : left - n;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            content.close();
            session.endRead();
            onClose.run();
        }
    }
}
