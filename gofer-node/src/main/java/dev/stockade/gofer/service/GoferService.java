package dev.stockade.gofer.service;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.session.FileRead;
import dev.stockade.gofer.session.Session;
import dev.stockade.gofer.session.Sessions;
import dev.stockade.gofer.session.WalkResult;
import dev.stockade.gofer.tree.ImageTree;
import dev.stockade.gofer.tree.Inode;
import dev.stockade.gofer.tree.TreeLimits;
import dev.stockade.proto.gofer.v1.AttachRequest;
import dev.stockade.proto.gofer.v1.AttachResponse;
import dev.stockade.proto.gofer.v1.DetachRequest;
import dev.stockade.proto.gofer.v1.DetachResponse;
import dev.stockade.proto.gofer.v1.DirEntry;
import dev.stockade.proto.gofer.v1.GoferGrpc;
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
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.quarkus.grpc.GrpcService;
import io.smallrye.common.annotation.Blocking;
import jakarta.inject.Inject;

/**
 * File access for sentries. A failed operation is an errno in the response. Nothing here trusts its caller: see
 * {@link Session}.
 *
 * <p>What may wait for the disk or for an import runs on worker threads; everything else is answered from memory, on the
 * connection's own thread, which saves a call most of its time.
 */
@GrpcService
public class GoferService extends GoferGrpc.GoferImplBase {
    /** statfs(2) says that it is an image, full and read-only: nothing of the host's file system is told. */
    private static final long SQUASHFS_MAGIC = 0x73717368;

    private static final int BLOCK_BYTES = 4096;
    private static final int ENTRIES_PER_BATCH = 512;

    private final Sessions sessions;
    private final GoferMetrics metrics;
    private final ReadStreams reads;

    @Inject
    public GoferService(GoferNode node, GoferMetrics metrics, ReadStreams reads) {
        this.sessions = node.sessions();
        this.metrics = metrics;
        this.reads = reads;
    }

    /** What an operation answers, or the errno that it failed with. */
    private interface Operation<R> {
        R run() throws ErrnoException;
    }

    private interface Failure<R> {
        R of(int errno);
    }

    private <R> void answer(String name, StreamObserver<R> out, Failure<R> failure, Operation<R> operation) {
        long startedNs = System.nanoTime();
        Errno result = Errno.OK;
        R response;
        try {
            response = operation.run();
        } catch (ErrnoException e) {
            result = e.errno();
            response = failure.of(result.number());
        }
        metrics.operation(name, result.name(), startedNs);
        out.onNext(response);
        out.onCompleted();
    }

    @Override
    @Blocking
    public void attach(AttachRequest request, StreamObserver<AttachResponse> out) {
        answer(
                "attach",
                out,
                errno -> AttachResponse.newBuilder().setErrno(errno).build(),
                () -> {
                    Session session = sessions.attach(
                            PeerAddress.current(),
                            request.getImageId(),
                            request.getSandboxId(),
                            request.getProtocolVersion());
                    return AttachResponse.newBuilder()
                            .setSession(session.id())
                            .setRootHandle(session.rootHandle())
                            .setRootAttr(Wire.attr(session.tree().root()))
                            .build();
                });
    }

    @Override
    @Blocking
    public void detach(DetachRequest request, StreamObserver<DetachResponse> out) {
        answer("detach", out, errno -> DetachResponse.getDefaultInstance(), () -> {
            sessions.detach(request.getSession());
            return DetachResponse.getDefaultInstance();
        });
    }

    @Override
    public void walk(WalkRequest request, StreamObserver<WalkResponse> out) {
        answer("walk", out, errno -> WalkResponse.newBuilder().setErrno(errno).build(), () -> {
            WalkResult result = sessions.get(request.getSession())
                    .walk(
                            request.getDirectory(),
                            request.getNamesList().stream()
                                    .map(ByteString::toByteArray)
                                    .toList());
            WalkResponse.Builder response =
                    WalkResponse.newBuilder().setErrno(result.error().number());
            result.nodes().forEach(node -> response.addNodes(Wire.node(node)));
            return response.build();
        });
    }

    @Override
    public void stat(StatRequest request, StreamObserver<StatResponse> out) {
        answer("stat", out, errno -> StatResponse.newBuilder().setErrno(errno).build(), () -> {
            Inode inode = sessions.get(request.getSession()).stat(request.getHandle());
            return StatResponse.newBuilder().setAttr(Wire.attr(inode)).build();
        });
    }

    @Override
    public void readLink(ReadLinkRequest request, StreamObserver<ReadLinkResponse> out) {
        answer(
                "readlink",
                out,
                errno -> ReadLinkResponse.newBuilder().setErrno(errno).build(),
                () -> {
                    byte[] target = sessions.get(request.getSession()).readLink(request.getHandle());
                    return ReadLinkResponse.newBuilder()
                            .setTarget(UnsafeByteOperations.unsafeWrap(target))
                            .build();
                });
    }

    @Override
    public void readDir(ReadDirRequest request, StreamObserver<ReadDirResponse> out) {
        long startedNs = System.nanoTime();
        Inode directory;
        try {
            directory = sessions.get(request.getSession()).readDirectory(request.getHandle());
        } catch (ErrnoException e) {
            metrics.operation("readdir", e.errno().name(), startedNs);
            out.onNext(ReadDirResponse.newBuilder().setErrno(e.errno().number()).build());
            out.onCompleted();
            return;
        }
        metrics.operation("readdir", Errno.OK.name(), startedNs);
        ServerCallStreamObserver<ReadDirResponse> flow = (ServerCallStreamObserver<ReadDirResponse>) out;
        DirectoryStream stream = new DirectoryStream(flow, directory);
        flow.setOnReadyHandler(stream::pump);
        stream.pump();
    }

    /** Sends a directory's entries in batches while the receiver has room. The tree is immutable and costs nothing. */
    private static final class DirectoryStream {
        private final ServerCallStreamObserver<ReadDirResponse> out;
        private final Inode directory;
        private int next;
        private boolean ended;

        DirectoryStream(ServerCallStreamObserver<ReadDirResponse> out, Inode directory) {
            this.out = out;
            this.directory = directory;
        }

        synchronized void pump() {
            while (!ended && out.isReady()) {
                ReadDirResponse.Builder batch = ReadDirResponse.newBuilder();
                int end = Math.min(directory.childCount(), next + ENTRIES_PER_BATCH);
                for (; next < end; next++) {
                    Inode child = directory.childAt(next);
                    batch.addEntries(DirEntry.newBuilder()
                            .setName(UnsafeByteOperations.unsafeWrap(directory.childName(next)))
                            .setIno(child.ino())
                            .setType(child.type()));
                }
                out.onNext(batch.build());
                if (next == directory.childCount()) {
                    ended = true;
                    out.onCompleted();
                }
            }
        }
    }

    @Override
    @Blocking
    public void read(ReadRequest request, StreamObserver<ReadResponse> out) {
        long startedNs = System.nanoTime();
        FileRead read;
        try {
            Session session = sessions.get(request.getSession());
            // An unsigned length beyond 2^31 arrives as a negative one, which is refused as it should be.
            read = sessions.read(session, request.getHandle(), request.getOffset(), request.getLength());
        } catch (ErrnoException e) {
            metrics.operation("read", e.errno().name(), startedNs);
            out.onNext(ReadResponse.newBuilder().setErrno(e.errno().number()).build());
            out.onCompleted();
            return;
        }
        ServerCallStreamObserver<ReadResponse> flow = (ServerCallStreamObserver<ReadResponse>) out;
        ReadStream[] self = new ReadStream[1];
        ReadStream stream = new ReadStream(flow, read, (result, bytes) -> {
            metrics.operation("read", result.name(), startedNs);
            metrics.bytesRead(bytes);
            reads.remove(self[0]);
        });
        self[0] = stream;
        reads.add(stream);
        flow.setOnReadyThreshold(ReadStream.BYTES_AHEAD);
        flow.setOnReadyHandler(stream::pump);
        flow.setOnCancelHandler(stream::cancelled);
        stream.pump();
    }

    @Override
    public void statFs(StatFsRequest request, StreamObserver<StatFsResponse> out) {
        answer(
                "statfs",
                out,
                errno -> StatFsResponse.newBuilder().setErrno(errno).build(),
                () -> {
                    Session session = sessions.get(request.getSession());
                    session.stat(request.getHandle());
                    ImageTree tree = session.tree();
                    return StatFsResponse.newBuilder()
                            .setType(SQUASHFS_MAGIC)
                            .setBlockSize(BLOCK_BYTES)
                            .setBlocks((tree.contentBytes() + BLOCK_BYTES - 1) / BLOCK_BYTES)
                            .setFiles(tree.inodes())
                            .setNameLength(TreeLimits.NAME_BYTES)
                            .build();
                });
    }

    @Override
    public void release(ReleaseRequest request, StreamObserver<ReleaseResponse> out) {
        answer("release", out, errno -> ReleaseResponse.getDefaultInstance(), () -> {
            sessions.get(request.getSession()).release(request.getHandlesList());
            return ReleaseResponse.getDefaultInstance();
        });
    }
}
