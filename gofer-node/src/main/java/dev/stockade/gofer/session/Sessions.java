package dev.stockade.gofer.session;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.store.ImageStore;
import dev.stockade.gofer.store.OpenImage;
import dev.stockade.gofer.tree.TreeDescription;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * All sessions of this node. A session's id is a secret of 128 bits: who does not know it cannot use it.
 *
 * <p>Thread-safe. Lock order: {@code mu}, then a session's handle table; the store is called without {@code mu}.
 */
public final class Sessions implements AutoCloseable {
    private static final int PROTOCOL_VERSION = 1;
    private static final int ID_BYTES = 16;
    private static final int MAX_SANDBOX_ID = 256;

    private final ImageStore store;
    private final SessionLimits limits;
    private final LongSupplier nanoClock;
    private final SecureRandom random = new SecureRandom();
    private final AtomicInteger handlesLeft;
    private final PeerQuota sessionsByPeer;
    private final PeerQuota readsByPeer;
    private final ReentrantLock mu = new ReentrantLock();

    @GuardedBy("mu")
    private final Map<String, Session> sessions = new HashMap<>();

    @GuardedBy("mu")
    private boolean closed;

    public Sessions(ImageStore store, SessionLimits limits, LongSupplier nanoClock) {
        this.store = store;
        this.limits = limits;
        this.nanoClock = nanoClock;
        this.handlesLeft = new AtomicInteger(limits.handles());
        this.sessionsByPeer = new PeerQuota(limits.sessionsPerPeer(), Errno.ENFILE);
        this.readsByPeer = new PeerQuota(limits.readsPerPeer(), Errno.EAGAIN);
    }

    /**
     * Opens a session on an image.
     *
     * @throws ErrnoException EPROTONOSUPPORT, EINVAL for malformed ids, ENOENT when there is no such image, ENFILE
     *     when there are too many sessions, EIO when the image is damaged
     */
    public Session attach(String peer, String imageId, String sandboxId, int protocolVersion) throws ErrnoException {
        if (protocolVersion != PROTOCOL_VERSION) {
            throw new ErrnoException(Errno.EPROTONOSUPPORT);
        }
        if (!TreeDescription.isId(imageId) || sandboxId.length() > MAX_SANDBOX_ID) {
            throw new ErrnoException(Errno.EINVAL);
        }
        sessionsByPeer.take(peer);
        try {
            return open(peer, imageId, sandboxId);
        } catch (ErrnoException e) {
            sessionsByPeer.giveBack(peer);
            throw e;
        }
    }

    private Session open(String peer, String imageId, String sandboxId) throws ErrnoException {
        OpenImage image = store.acquire(imageId);
        Session session;
        try {
            session = new Session(newId(), sandboxId, peer, image, limits, handlesLeft, nanoClock.getAsLong());
        } catch (ErrnoException e) {
            image.close();
            throw e;
        }
        mu.lock();
        try {
            if (!closed && sessions.size() < limits.sessions()) {
                sessions.put(session.id(), session);
                return session;
            }
        } finally {
            mu.unlock();
        }
        session.close();
        throw new ErrnoException(Errno.ENFILE);
    }

    private String newId() {
        byte[] id = new byte[ID_BYTES];
        random.nextBytes(id);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(id);
    }

    /** The session of that id; ESTALE when there is none (any more). */
    public Session get(String id) throws ErrnoException {
        mu.lock();
        try {
            Session session = sessions.get(id);
            if (session == null) {
                throw new ErrnoException(Errno.ESTALE);
            }
            session.used(nanoClock.getAsLong());
            return session;
        } finally {
            mu.unlock();
        }
    }

    /** Begins a read in a session; see {@link Session#read}. */
    public FileRead read(Session session, long handle, long offset, long length) throws ErrnoException {
        readsByPeer.take(session.peer());
        try {
            FileRead read = session.read(handle, offset, length);
            read.onClose(() -> {
                readsByPeer.giveBack(session.peer());
                session.used(nanoClock.getAsLong());
            });
            return read;
        } catch (ErrnoException e) {
            readsByPeer.giveBack(session.peer());
            throw e;
        }
    }

    /** Ends a session; one that is not there is no error. */
    public void detach(String id) {
        mu.lock();
        Session session;
        try {
            session = sessions.remove(id);
        } finally {
            mu.unlock();
        }
        if (session != null) {
            end(session);
        }
    }

    private void end(Session session) {
        session.close();
        sessionsByPeer.giveBack(session.peer());
    }

    /** Ends the sessions that nobody has used for long. To be called now and then. */
    public void expireIdle() {
        long before = nanoClock.getAsLong() - limits.idle().toNanos();
        List<Session> expired = new ArrayList<>();
        mu.lock();
        try {
            sessions.values().removeIf(session -> {
                boolean idle = session.idleSince(before);
                if (idle) {
                    expired.add(session);
                }
                return idle;
            });
        } finally {
            mu.unlock();
        }
        expired.forEach(this::end);
    }

    public int count() {
        mu.lock();
        try {
            return sessions.size();
        } finally {
            mu.unlock();
        }
    }

    public int handleCount() {
        return limits.handles() - handlesLeft.get();
    }

    public int readCount() {
        return readsByPeer.total();
    }

    /** Ends all sessions and refuses new ones. */
    @Override
    public void close() {
        List<Session> all;
        mu.lock();
        try {
            closed = true;
            all = List.copyOf(sessions.values());
            sessions.clear();
        } finally {
            mu.unlock();
        }
        all.forEach(this::end);
    }
}
