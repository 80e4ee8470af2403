package dev.stockade.sentry.server.gofer;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * A handle as the kernel knows it: by where it was walked to, so that it can be walked to again when the gofer has
 * forgotten it. Images are immutable: the same path is the same file.
 */
final class GoferHandle {
    /** Null for the root; parents stay reachable even when they are released. */
    private final @Nullable GoferHandle parent;

    private final byte[] name;

    @GuardedBy("this")
    private long remote;

    /** The session that {@link #remote} belongs to. */
    @GuardedBy("this")
    private @Nullable GoferSession session;

    @GuardedBy("this")
    private boolean released;

    private GoferHandle(@Nullable GoferHandle parent, byte[] name) {
        this.parent = parent;
        this.name = name;
    }

    static GoferHandle root() {
        return new GoferHandle(null, new byte[0]);
    }

    GoferHandle child(byte[] childName, GoferSession childSession, long childRemote) {
        GoferHandle child = new GoferHandle(this, childName.clone());
        child.bind(childSession, childRemote);
        return child;
    }

    /** The names from the root to here. */
    Deque<byte[]> path() {
        Deque<byte[]> path = new ArrayDeque<>();
        for (GoferHandle h = this; h.parent != null; h = h.parent) {
            path.addFirst(h.name);
        }
        return path;
    }

    /** The gofer's handle in that session, or 0 if it has to be walked to anew. */
    synchronized long remoteIn(GoferSession wanted) {
        if (parent == null) {
            return wanted.root();
        }
        return wanted.equals(session) ? remote : 0;
    }

    /** Remembers the gofer's handle; false if this was released meanwhile or another thread was faster. */
    synchronized boolean bind(GoferSession newSession, long newRemote) {
        if (released || newSession.equals(session)) {
            return false;
        }
        session = newSession;
        remote = newRemote;
        return true;
    }

    /** The gofer's handle that is to be released in that session, or 0. */
    synchronized long release(GoferSession current) {
        released = true;
        return current.equals(session) ? remote : 0;
    }
}
