package dev.stockade.sentry.server.gofer;

import com.google.protobuf.ByteString;
import dev.stockade.proto.gofer.v1.AttachRequest;
import dev.stockade.proto.gofer.v1.AttachResponse;
import dev.stockade.proto.gofer.v1.Attr;
import dev.stockade.proto.gofer.v1.DetachRequest;
import dev.stockade.proto.gofer.v1.DetachResponse;
import dev.stockade.proto.gofer.v1.DirEntry;
import dev.stockade.proto.gofer.v1.GoferGrpc;
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
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A gofer over a real connection whose tree is a map. A value ending in '/' of a path is a directory, one beginning
 * with "->" a symbolic link, anything else a file's content. Can be stopped and started again on its port, and forgets
 * its sessions then.
 */
final class FakeGofer extends GoferGrpc.GoferImplBase implements AutoCloseable {
    static final String IMAGE = "sha256:fake";

    private final NavigableMap<String, byte[]> tree = new TreeMap<>();
    private final Map<String, Map<Long, String>> sessions = new ConcurrentHashMap<>();
    private final AtomicLong nextHandle = new AtomicLong(100);
    final AtomicInteger attaches = new AtomicInteger();
    final AtomicInteger reads = new AtomicInteger();
    /** So many of the next reads fail with EAGAIN. */
    final AtomicInteger busy = new AtomicInteger();
    /** While set, calls are taken and never answered. */
    volatile boolean mute;

    private int port;
    private @Nullable Server server;

    FakeGofer() {
        put("", "/");
        start();
    }

    FakeGofer put(String path, String value) {
        return put(path, value.getBytes(StandardCharsets.UTF_8));
    }

    FakeGofer put(String path, byte[] value) {
        tree.put(path, value);
        return this;
    }

    void start() {
        try {
            server = Grpc.newServerBuilderForPort(port, InsecureServerCredentials.create())
                    .addService(this)
                    .build()
                    .start();
            port = ((InetSocketAddress) server.getListenSockets().getFirst()).getPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void stop() {
        Server running = server;
        if (running != null) {
            running.shutdownNow();
            try {
                running.awaitTermination(10, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        sessions.clear();
    }

    void forgetSessions() {
        sessions.clear();
    }

    String address() {
        return "127.0.0.1:" + port;
    }

    int sessionCount() {
        return sessions.size();
    }

    int handleCount() {
        return sessions.values().stream().mapToInt(Map::size).sum();
    }

    private Attr attr(String path) {
        byte[] value = tree.get(path);
        int type = isDirectory(path) ? 0040755 : isLink(path) ? 0120777 : 0100644;
        return Attr.newBuilder()
                .setIno(path.hashCode() & 0xffffffffL)
                .setMode(type)
                .setSize(value.length)
                .build();
    }

    private boolean isDirectory(String path) {
        return new String(tree.get(path), StandardCharsets.UTF_8).equals("/");
    }

    private boolean isLink(String path) {
        return new String(tree.get(path), StandardCharsets.UTF_8).startsWith("->");
    }

    private static String below(String directory, String name) {
        return directory.isEmpty() ? name : directory + "/" + name;
    }

    private <R> void answer(StreamObserver<R> out, R response) {
        if (!mute) {
            out.onNext(response);
            out.onCompleted();
        }
    }

    /** The path behind a handle, or null with errno[0] set. */
    private @Nullable String path(String session, long handle, int[] errno) {
        Map<Long, String> handles = sessions.get(session);
        if (handles == null) {
            errno[0] = Errno.ESTALE.number();
            return null;
        }
        String path = handles.get(handle);
        errno[0] = path == null ? Errno.EBADF.number() : 0;
        return path;
    }

    @Override
    public void attach(AttachRequest request, StreamObserver<AttachResponse> out) {
        attaches.incrementAndGet();
        if (!request.getImageId().equals(IMAGE)) {
            answer(
                    out,
                    AttachResponse.newBuilder().setErrno(Errno.ENOENT.number()).build());
            return;
        }
        String session = UUID.randomUUID().toString();
        long root = nextHandle.getAndIncrement();
        Map<Long, String> handles = new ConcurrentHashMap<>();
        handles.put(root, "");
        sessions.put(session, handles);
        answer(
                out,
                AttachResponse.newBuilder()
                        .setSession(session)
                        .setRootHandle(root)
                        .setRootAttr(attr(""))
                        .build());
    }

    @Override
    public void detach(DetachRequest request, StreamObserver<DetachResponse> out) {
        sessions.remove(request.getSession());
        answer(out, DetachResponse.getDefaultInstance());
    }

    @Override
    public void walk(WalkRequest request, StreamObserver<WalkResponse> out) {
        int[] errno = new int[1];
        String path = path(request.getSession(), request.getDirectory(), errno);
        WalkResponse.Builder response = WalkResponse.newBuilder().setErrno(errno[0]);
        if (path != null) {
            for (ByteString name : request.getNamesList()) {
                String next = below(path, name.toStringUtf8());
                if (!isDirectory(path) || !tree.containsKey(next)) {
                    response.setErrno((isDirectory(path) ? Errno.ENOENT : Errno.ENOTDIR).number());
                    break;
                }
                path = next;
                long handle = nextHandle.getAndIncrement();
                Map<Long, String> handles = sessions.get(request.getSession());
                if (handles != null) {
                    handles.put(handle, path);
                }
                Node.Builder node = Node.newBuilder().setHandle(handle).setAttr(attr(path));
                if (isLink(path)) {
                    node.setSymlinkTarget(ByteString.copyFrom(tree.get(path)).substring(2));
                }
                response.addNodes(node);
            }
        }
        answer(out, response.build());
    }

    @Override
    public void stat(StatRequest request, StreamObserver<StatResponse> out) {
        int[] errno = new int[1];
        String path = path(request.getSession(), request.getHandle(), errno);
        StatResponse.Builder response = StatResponse.newBuilder().setErrno(errno[0]);
        if (path != null) {
            response.setAttr(attr(path));
        }
        answer(out, response.build());
    }

    @Override
    public void readLink(ReadLinkRequest request, StreamObserver<ReadLinkResponse> out) {
        int[] errno = new int[1];
        String path = path(request.getSession(), request.getHandle(), errno);
        ReadLinkResponse.Builder response = ReadLinkResponse.newBuilder().setErrno(errno[0]);
        if (path != null && isLink(path)) {
            response.setTarget(ByteString.copyFrom(tree.get(path)).substring(2));
        } else if (path != null) {
            response.setErrno(Errno.EINVAL.number());
        }
        answer(out, response.build());
    }

    @Override
    public void readDir(ReadDirRequest request, StreamObserver<ReadDirResponse> out) {
        int[] errno = new int[1];
        String path = path(request.getSession(), request.getHandle(), errno);
        if (path == null || !isDirectory(path)) {
            answer(
                    out,
                    ReadDirResponse.newBuilder()
                            .setErrno(path == null ? errno[0] : Errno.ENOTDIR.number())
                            .build());
            return;
        }
        String prefix = path.isEmpty() ? "" : path + "/";
        tree.keySet().stream()
                .filter(p -> !p.isEmpty() && p.startsWith(prefix) && p.indexOf('/', prefix.length()) < 0)
                .forEach(p -> out.onNext(ReadDirResponse.newBuilder()
                        .addEntries(DirEntry.newBuilder()
                                .setName(ByteString.copyFromUtf8(p.substring(prefix.length())))
                                .setIno(attr(p).getIno())
                                .setType(attr(p).getMode() & 0170000))
                        .build()));
        out.onCompleted();
    }

    @Override
    public void read(ReadRequest request, StreamObserver<ReadResponse> out) {
        reads.incrementAndGet();
        int[] errno = new int[1];
        String path = path(request.getSession(), request.getHandle(), errno);
        if (path != null && busy.getAndUpdate(n -> Math.max(0, n - 1)) > 0) {
            errno[0] = Errno.EAGAIN.number();
        }
        if (path == null || errno[0] != 0) {
            answer(out, ReadResponse.newBuilder().setErrno(errno[0]).build());
            return;
        }
        byte[] content = tree.get(path);
        int from = (int) Math.min(content.length, request.getOffset());
        int to = (int) Math.min(content.length, (long) from + request.getLength());
        for (int i = from; i < to; i += 1000) {
            out.onNext(ReadResponse.newBuilder()
                    .setData(ByteString.copyFrom(content, i, Math.min(1000, to - i)))
                    .build());
        }
        out.onCompleted();
    }

    @Override
    public void statFs(StatFsRequest request, StreamObserver<StatFsResponse> out) {
        int[] errno = new int[1];
        path(request.getSession(), request.getHandle(), errno);
        answer(
                out,
                StatFsResponse.newBuilder()
                        .setErrno(errno[0])
                        .setBlockSize(4096)
                        .setNameLength(255)
                        .build());
    }

    @Override
    public void release(ReleaseRequest request, StreamObserver<ReleaseResponse> out) {
        Map<Long, String> handles = sessions.get(request.getSession());
        if (handles != null) {
            handles.keySet().removeAll(request.getHandlesList());
        }
        answer(out, ReleaseResponse.getDefaultInstance());
    }

    @Override
    public void close() {
        stop();
    }
}
