package dev.stockade.sentry.server.gofer;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.stockade.proto.gofer.v1.AttachRequest;
import dev.stockade.proto.gofer.v1.AttachResponse;
import dev.stockade.proto.gofer.v1.Attr;
import dev.stockade.proto.gofer.v1.DetachRequest;
import dev.stockade.proto.gofer.v1.DetachResponse;
import dev.stockade.proto.gofer.v1.DirEntry;
import dev.stockade.proto.gofer.v1.GoferGrpc;
import dev.stockade.proto.gofer.v1.GoferGrpc.GoferBlockingStub;
import dev.stockade.proto.gofer.v1.Node;
import dev.stockade.proto.gofer.v1.ReadDirRequest;
import dev.stockade.proto.gofer.v1.ReadDirResponse;
import dev.stockade.proto.gofer.v1.ReadLinkRequest;
import dev.stockade.proto.gofer.v1.ReadLinkResponse;
import dev.stockade.proto.gofer.v1.ReadRequest;
import dev.stockade.proto.gofer.v1.ReadResponse;
import dev.stockade.proto.gofer.v1.ReleaseRequest;
import dev.stockade.proto.gofer.v1.ReleaseResponse;
import dev.stockade.proto.gofer.v1.StatFsRequest;
import dev.stockade.proto.gofer.v1.StatFsResponse;
import dev.stockade.proto.gofer.v1.StatRequest;
import dev.stockade.proto.gofer.v1.StatResponse;
import dev.stockade.proto.gofer.v1.WalkRequest;
import dev.stockade.proto.gofer.v1.WalkResponse;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.fs.gofer.GoferAttr;
import dev.stockade.sentry.fs.gofer.GoferClient;
import dev.stockade.sentry.fs.gofer.GoferDirEntry;
import dev.stockade.sentry.fs.gofer.GoferNode;
import dev.stockade.sentry.fs.gofer.GoferStatFs;
import dev.stockade.sentry.fs.gofer.GoferWalk;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * An image at a gofer node over gRPC.
 *
 * <p>Handles given out are this client's own; behind each stands the gofer's, of the current session. When the gofer
 * has lost the session (it was restarted, or expired it), the first call that notices attaches again, and each handle
 * is walked to again by its path when it is used next. A gofer that cannot be reached is tried again until the
 * operation's time is up.
 *
 * <p>Runs on the callers' threads, which are tasks of sandboxes; see {@link GoferClient} for interruption.
 */
public final class GrpcGoferClient implements GoferClient {
    private static final int PROTOCOL_VERSION = 1;
    private static final int MAX_READ_BYTES = 4 << 20;
    private static final int MAX_NAMES = 256;
    private static final long GOODBYE_SECONDS = 2;
    private static final long ROOT = 1;

    private final ManagedChannel channel;
    /** Shared with the other clients of the channel. */
    private final Semaphore reads;

    private final String imageId;
    private final String sandboxId;
    private final GoferTimeouts timeouts;
    private final Runnable onClose;
    private final HandleReleases releases;
    private final Map<Long, GoferHandle> handles = new ConcurrentHashMap<>();
    private final AtomicLong nextHandle = new AtomicLong(ROOT);
    private final AtomicBoolean closed = new AtomicBoolean();
    /** Held while attaching, so that a lost session is replaced once. */
    private final ReentrantLock attachLock = new ReentrantLock();

    private volatile GoferSession session = new GoferSession("", 0); // changed under attachLock
    private volatile @Nullable GoferNode root; // set when attached first, then unchanged

    GrpcGoferClient(
            ManagedChannel channel,
            Semaphore reads,
            String imageId,
            String sandboxId,
            GoferTimeouts timeouts,
            ScheduledExecutorService scheduler,
            Runnable onClose) {
        this.channel = channel;
        this.reads = reads;
        this.imageId = imageId;
        this.sandboxId = sandboxId;
        this.timeouts = timeouts;
        this.onClose = onClose;
        this.releases = new HandleReleases(scheduler, session, this::sendReleases);
        handles.put(nextHandle.getAndIncrement(), GoferHandle.root());
    }

    /** One attempt of an operation in a session; fails with an errno, or as gRPC fails. */
    private interface Attempt<R> {
        R run(GoferBlockingStub stub, GoferSession in) throws ErrnoException;
    }

    void attach() throws ErrnoException {
        retrying((stub, in) -> {
            reattach(stub, in);
            return in;
        });
    }

    private void reattach(GoferBlockingStub stub, GoferSession lost) throws ErrnoException {
        attachLock.lock();
        try {
            if (!session.equals(lost)) {
                return; // another thread has done it
            }
            AttachResponse response = stub.attach(AttachRequest.newBuilder()
                    .setImageId(imageId)
                    .setSandboxId(sandboxId)
                    .setProtocolVersion(PROTOCOL_VERSION)
                    .build());
            check(response.getErrno());
            session = new GoferSession(response.getSession(), response.getRootHandle());
            if (root == null) {
                root = new GoferNode(ROOT, attr(response.getRootAttr()), null);
            }
        } finally {
            attachLock.unlock();
        }
    }

    private static void check(int errno) throws ErrnoException {
        if (errno != 0) {
            throw Errno.of(errno).exception();
        }
    }

    /** Tries until the operation succeeds, fails for good, or its time is up. */
    private <R> R retrying(Attempt<R> attempt) throws ErrnoException {
        long deadlineNs = System.nanoTime() + timeouts.operation().toNanos();
        int lostSessions = 0;
        while (true) {
            if (closed.get()) {
                throw Errno.EIO.exception();
            }
            long leftNs = deadlineNs - System.nanoTime();
            if (leftNs <= 0) {
                throw Errno.EIO.exception();
            }
            GoferSession in = session;
            GoferBlockingStub stub = GoferGrpc.newBlockingStub(channel)
                    .withDeadlineAfter(Math.min(leftNs, timeouts.attempt().toNanos()), TimeUnit.NANOSECONDS);
            try {
                return attempt.run(stub, in);
            } catch (ErrnoException e) {
                switch (e.errno()) {
                    case ESTALE -> {
                        if (lostSessions++ > 0) {
                            pause(deadlineNs); // a gofer that forgets at once is not to be hurried
                        }
                        reattachUnlessAway(stub, in);
                    }
                    case EAGAIN -> pause(deadlineNs);
                    default -> throw e;
                }
            } catch (StatusRuntimeException e) {
                giveUpUnlessAway(e.getStatus());
                pause(deadlineNs);
            }
        }
    }

    private void reattachUnlessAway(GoferBlockingStub stub, GoferSession lost) throws ErrnoException {
        try {
            reattach(stub, lost);
        } catch (StatusRuntimeException e) {
            giveUpUnlessAway(e.getStatus());
        } catch (ErrnoException e) {
            // The image is gone, or the gofer is full: for the sandbox that is a disk that fails.
            throw Errno.EIO.exception();
        }
    }

    /** Returns if the gofer may be back soon. */
    private void giveUpUnlessAway(Status status) throws ErrnoException {
        if (Thread.currentThread().isInterrupted()) {
            throw Errno.EINTR.exception();
        }
        switch (status.getCode()) {
            case UNAVAILABLE -> channel.resetConnectBackoff();
            // Nothing came back in time: the connection may be dead without knowing it.
            case DEADLINE_EXCEEDED -> channel.enterIdle();
            case ABORTED, CANCELLED, INTERNAL, UNKNOWN -> {}
            case OK,
                    INVALID_ARGUMENT,
                    NOT_FOUND,
                    ALREADY_EXISTS,
                    PERMISSION_DENIED,
                    RESOURCE_EXHAUSTED,
                    FAILED_PRECONDITION,
                    OUT_OF_RANGE,
                    UNIMPLEMENTED,
                    DATA_LOSS,
                    UNAUTHENTICATED -> throw Errno.EIO.exception();
        }
        if (channel.isShutdown()) {
            throw Errno.EIO.exception();
        }
    }

    private void pause(long deadlineNs) throws ErrnoException {
        long pauseNs = Math.min(timeouts.retryPause().toNanos(), deadlineNs - System.nanoTime());
        try {
            TimeUnit.NANOSECONDS.sleep(Math.max(0, pauseNs));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Errno.EINTR.exception();
        }
    }

    private GoferHandle handle(long handle) throws ErrnoException {
        GoferHandle known = handles.get(handle);
        if (known == null) {
            throw (closed.get() ? Errno.EIO : Errno.EBADF).exception();
        }
        return known;
    }

    /** The gofer's handle in that session, walked to again if need be. */
    private long remote(GoferHandle handle, GoferBlockingStub stub, GoferSession in) throws ErrnoException {
        long remote = handle.remoteIn(in);
        if (remote != 0) {
            return remote;
        }
        List<byte[]> path = new ArrayList<>(handle.path());
        remote = in.root();
        for (int from = 0; from < path.size(); from += MAX_NAMES) {
            WalkResponse response = walk(stub, in, remote, path.subList(from, Math.min(path.size(), from + MAX_NAMES)));
            if (from > 0) {
                releases.add(in, remote);
            }
            List<Node> nodes = response.getNodesList();
            int passed = response.getErrno() == 0 ? nodes.size() - 1 : nodes.size();
            nodes.subList(0, passed).forEach(node -> releases.add(in, node.getHandle()));
            check(response.getErrno());
            remote = nodes.getLast().getHandle();
        }
        if (!handle.bind(in, remote)) {
            long bound = handle.remoteIn(in);
            if (bound != 0) {
                releases.add(in, remote);
                return bound;
            }
        }
        return remote;
    }

    private static WalkResponse walk(GoferBlockingStub stub, GoferSession in, long directory, List<byte[]> names)
            throws ErrnoException {
        WalkRequest.Builder request =
                WalkRequest.newBuilder().setSession(in.id()).setDirectory(directory);
        names.forEach(name -> request.addNames(UnsafeByteOperations.unsafeWrap(name)));
        WalkResponse response = stub.walk(request.build());
        if (response.getNodesCount() > names.size()
                || (response.getErrno() == 0 && response.getNodesCount() != names.size())) {
            throw Errno.EIO.exception(); // no gofer of ours answers so
        }
        return response;
    }

    @Override
    public GoferNode root() {
        GoferNode attached = root;
        if (attached == null) {
            throw new IllegalStateException("not attached");
        }
        return attached;
    }

    @Override
    public GoferWalk walk(long directory, List<byte[]> names) throws ErrnoException {
        GoferHandle start = handle(directory);
        if (names.size() > MAX_NAMES) {
            throw Errno.EINVAL.exception();
        }
        return retrying((stub, in) -> {
            WalkResponse response = walk(stub, in, remote(start, stub, in), names);
            if (response.getNodesCount() == 0 && response.getErrno() != 0) {
                failUnlessStoppedThere(Errno.of(response.getErrno()));
            }
            List<GoferNode> nodes = new ArrayList<>(response.getNodesCount());
            GoferHandle parent = start;
            for (Node node : response.getNodesList()) {
                GoferAttr attr = attr(node.getAttr());
                parent = parent.child(names.get(nodes.size()), in, node.getHandle());
                long id = nextHandle.getAndIncrement();
                handles.put(id, parent);
                nodes.add(new GoferNode(
                        id, attr, attr.isSymlink() ? node.getSymlinkTarget().toByteArray() : null));
            }
            return new GoferWalk(nodes, response.getErrno() == 0 ? null : Errno.of(response.getErrno()));
        });
    }

    /** What says where a walk stopped is a result; all else means that nothing could be looked up. */
    private static void failUnlessStoppedThere(Errno errno) throws ErrnoException {
        switch (errno) {
            case ENOENT, ENOTDIR -> {}
            default -> throw errno.exception();
        }
    }

    @Override
    public GoferAttr stat(long handle) throws ErrnoException {
        GoferHandle known = handle(handle);
        return retrying((stub, in) -> {
            StatResponse response = stub.stat(StatRequest.newBuilder()
                    .setSession(in.id())
                    .setHandle(remote(known, stub, in))
                    .build());
            check(response.getErrno());
            return attr(response.getAttr());
        });
    }

    @Override
    public byte[] readLink(long handle) throws ErrnoException {
        GoferHandle known = handle(handle);
        return retrying((stub, in) -> {
            ReadLinkResponse response = stub.readLink(ReadLinkRequest.newBuilder()
                    .setSession(in.id())
                    .setHandle(remote(known, stub, in))
                    .build());
            check(response.getErrno());
            return response.getTarget().toByteArray();
        });
    }

    @Override
    public List<GoferDirEntry> readDir(long handle) throws ErrnoException {
        GoferHandle known = handle(handle);
        return retrying((stub, in) -> {
            Iterator<ReadDirResponse> batches = stub.readDir(ReadDirRequest.newBuilder()
                    .setSession(in.id())
                    .setHandle(remote(known, stub, in))
                    .build());
            List<GoferDirEntry> entries = new ArrayList<>();
            while (batches.hasNext()) {
                ReadDirResponse batch = batches.next();
                check(batch.getErrno());
                for (DirEntry entry : batch.getEntriesList()) {
                    entries.add(new GoferDirEntry(entry.getName().toByteArray(), entry.getIno(), entry.getType()));
                }
            }
            return entries;
        });
    }

    @Override
    public int read(long handle, long offset, MemorySegment destination) throws ErrnoException {
        GoferHandle known = handle(handle);
        if (offset < 0) {
            throw Errno.EINVAL.exception();
        }
        try {
            if (!reads.tryAcquire(timeouts.operation().toNanos(), TimeUnit.NANOSECONDS)) {
                throw Errno.EIO.exception();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw Errno.EINTR.exception();
        }
        try {
            return readParts(known, offset, destination);
        } finally {
            reads.release();
        }
    }

    private int readParts(GoferHandle handle, long offset, MemorySegment destination) throws ErrnoException {
        long wanted = Math.min(destination.byteSize(), Integer.MAX_VALUE);
        long done = 0;
        while (done < wanted) {
            long at = offset + done;
            MemorySegment part = destination.asSlice(done, Math.min(MAX_READ_BYTES, wanted - done));
            int n = retrying((stub, in) -> readPart(stub, in, handle, at, part));
            done += n;
            if (n < part.byteSize()) {
                break;
            }
        }
        return (int) done;
    }

    private int readPart(GoferBlockingStub stub, GoferSession in, GoferHandle handle, long offset, MemorySegment part)
            throws ErrnoException {
        Iterator<ReadResponse> chunks = stub.read(ReadRequest.newBuilder()
                .setSession(in.id())
                .setHandle(remote(handle, stub, in))
                .setOffset(offset)
                .setLength((int) part.byteSize())
                .build());
        long done = 0;
        @Nullable Errno failure = null;
        while (chunks.hasNext()) { // to the end in any case: that frees the stream
            ReadResponse chunk = chunks.next();
            ByteString data = chunk.getData();
            if (chunk.getErrno() != 0) {
                failure = Errno.of(chunk.getErrno());
            } else if (data.size() > part.byteSize() - done) {
                failure = Errno.EIO; // more than was asked for: no gofer of ours
            } else if (failure == null) {
                for (ByteBuffer buffer : data.asReadOnlyByteBufferList()) {
                    MemorySegment source = MemorySegment.ofBuffer(buffer);
                    MemorySegment.copy(source, 0, part, done, source.byteSize());
                    done += source.byteSize();
                }
            }
        }
        if (failure != null) {
            throw failure.exception();
        }
        return (int) done;
    }

    @Override
    public GoferStatFs statFs(long handle) throws ErrnoException {
        GoferHandle known = handle(handle);
        return retrying((stub, in) -> {
            StatFsResponse r = stub.statFs(StatFsRequest.newBuilder()
                    .setSession(in.id())
                    .setHandle(remote(known, stub, in))
                    .build());
            check(r.getErrno());
            return new GoferStatFs(
                    r.getType(),
                    r.getBlockSize(),
                    r.getBlocks(),
                    r.getBlocksFree(),
                    r.getFiles(),
                    r.getFilesFree(),
                    r.getNameLength());
        });
    }

    @Override
    public void release(long... released) {
        GoferSession current = session;
        for (long handle : released) {
            GoferHandle known = handle == ROOT ? null : handles.remove(handle);
            if (known != null) {
                long remote = known.release(current);
                if (remote != 0) {
                    releases.add(current, remote);
                }
            }
        }
    }

    private void sendReleases(GoferSession of, List<Long> remotes) {
        GoferGrpc.newStub(channel)
                .withDeadlineAfter(timeouts.attempt().toNanos(), TimeUnit.NANOSECONDS)
                .release(
                        ReleaseRequest.newBuilder()
                                .setSession(of.id())
                                .addAllHandles(remotes)
                                .build(),
                        new Unanswered<ReleaseResponse>());
    }

    /** For calls whose failure changes nothing: the gofer's limits take care of what it was not told. */
    private static final class Unanswered<T> implements StreamObserver<T> {
        @Override
        public void onNext(T value) {}

        @Override
        public void onError(Throwable t) {}

        @Override
        public void onCompleted() {}
    }

    private static GoferAttr attr(Attr a) {
        return new GoferAttr(
                a.getIno(),
                a.getMode(),
                a.getNlink(),
                a.getUid(),
                a.getGid(),
                a.getRdev(),
                a.getSize(),
                a.getBlocks(),
                a.getAtimeNs(),
                a.getMtimeNs(),
                a.getCtimeNs());
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            handles.clear();
            GoferGrpc.newStub(channel)
                    .withDeadlineAfter(GOODBYE_SECONDS, TimeUnit.SECONDS)
                    .detach(
                            DetachRequest.newBuilder().setSession(session.id()).build(),
                            new Unanswered<DetachResponse>());
            onClose.run();
        }
    }
}
