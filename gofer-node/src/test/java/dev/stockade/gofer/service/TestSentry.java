package dev.stockade.gofer.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.proto.gofer.v1.AttachRequest;
import dev.stockade.proto.gofer.v1.AttachResponse;
import dev.stockade.proto.gofer.v1.DetachRequest;
import dev.stockade.proto.gofer.v1.DirEntry;
import dev.stockade.proto.gofer.v1.GoferGrpc;
import dev.stockade.proto.gofer.v1.Image;
import dev.stockade.proto.gofer.v1.ImagesGrpc;
import dev.stockade.proto.gofer.v1.ImportHeader;
import dev.stockade.proto.gofer.v1.ImportImageRequest;
import dev.stockade.proto.gofer.v1.ImportImageResponse;
import dev.stockade.proto.gofer.v1.Node;
import dev.stockade.proto.gofer.v1.ReadDirRequest;
import dev.stockade.proto.gofer.v1.ReadDirResponse;
import dev.stockade.proto.gofer.v1.ReadRequest;
import dev.stockade.proto.gofer.v1.ReadResponse;
import dev.stockade.proto.gofer.v1.WalkRequest;
import dev.stockade.proto.gofer.v1.WalkResponse;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.config.ConfigProvider;

/** Speaks to the gofer under test as a sentry and an uploader would, over a real connection. */
final class TestSentry implements AutoCloseable {
    final ManagedChannel channel;
    final GoferGrpc.GoferBlockingStub gofer;
    final ImagesGrpc.ImagesBlockingStub images;

    TestSentry() {
        int port = ConfigProvider.getConfig().getValue("quarkus.grpc.server.port", Integer.class);
        channel = Grpc.newChannelBuilder("127.0.0.1:" + port, InsecureChannelCredentials.create())
                .build();
        gofer = GoferGrpc.newBlockingStub(channel);
        images = ImagesGrpc.newBlockingStub(channel);
    }

    ImportImageResponse tryImport(String name, byte[] archive, boolean replace) {
        CompletableFuture<ImportImageResponse> answer = new CompletableFuture<>();
        StreamObserver<ImportImageRequest> out = ImagesGrpc.newStub(channel).import_(observer(answer));
        out.onNext(ImportImageRequest.newBuilder()
                .setHeader(ImportHeader.newBuilder().setName(name).setReplace(replace))
                .build());
        for (int i = 0; i < archive.length; i += 100_000) {
            out.onNext(ImportImageRequest.newBuilder()
                    .setData(ByteString.copyFrom(archive, i, Math.min(100_000, archive.length - i)))
                    .build());
        }
        out.onCompleted();
        return answer.orTimeout(120, TimeUnit.SECONDS).join();
    }

    static <T> StreamObserver<T> observer(CompletableFuture<T> answer) {
        return new StreamObserver<>() {
            @Override
            public void onNext(T value) {
                answer.complete(value);
            }

            @Override
            public void onError(Throwable t) {
                answer.completeExceptionally(t);
            }

            @Override
            public void onCompleted() {
                answer.completeExceptionally(new IllegalStateException("no answer"));
            }
        };
    }

    Image importImage(String name, byte[] archive) {
        ImportImageResponse response = tryImport(name, archive, true);
        assertThat(response.getError()).isEmpty();
        return response.getImage();
    }

    Session attach(Image image) {
        AttachResponse response = tryAttach(image.getId(), 1);
        assertThat(response.getErrno()).isZero();
        return new Session(response.getSession(), response.getRootHandle(), response);
    }

    AttachResponse tryAttach(String imageId, int version) {
        return gofer.attach(AttachRequest.newBuilder()
                .setImageId(imageId)
                .setSandboxId("test")
                .setProtocolVersion(version)
                .build());
    }

    /** A session of this sentry. */
    final class Session implements AutoCloseable {
        final String id;
        final long root;
        final AttachResponse attached;

        Session(String id, long root, AttachResponse attached) {
            this.id = id;
            this.root = root;
            this.attached = attached;
        }

        WalkResponse walk(long directory, String... names) {
            return walk(
                    directory,
                    Arrays.stream(names).map(ByteString::copyFromUtf8).toList());
        }

        WalkResponse walk(long directory, List<ByteString> names) {
            return gofer.walk(WalkRequest.newBuilder()
                    .setSession(id)
                    .setDirectory(directory)
                    .addAllNames(names)
                    .build());
        }

        /** The node at a path from the root that exists. */
        Node node(String path) {
            WalkResponse response = walk(root, path.split("/"));
            assertThat(Errno.of(response.getErrno())).as(path).isEqualTo(Errno.OK);
            return response.getNodes(response.getNodesCount() - 1);
        }

        Errno walkError(long directory, String... names) {
            return Errno.of(walk(directory, names).getErrno());
        }

        Iterator<ReadResponse> read(long handle, long offset, int length) {
            return gofer.read(ReadRequest.newBuilder()
                    .setSession(id)
                    .setHandle(handle)
                    .setOffset(offset)
                    .setLength(length)
                    .build());
        }

        Errno readError(long handle, long offset, int length) {
            return Errno.of(read(handle, offset, length).next().getErrno());
        }

        byte[] bytes(long handle, long offset, int length) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            try {
                for (Iterator<ReadResponse> chunks = read(handle, offset, length); chunks.hasNext(); ) {
                    ReadResponse chunk = chunks.next();
                    assertThat(chunk.getErrno()).isZero();
                    chunk.getData().writeTo(out);
                }
            } catch (IOException e) {
                throw new AssertionError(e);
            }
            return out.toByteArray();
        }

        String text(String path) {
            return new String(bytes(node(path).getHandle(), 0, 1 << 20), StandardCharsets.UTF_8);
        }

        Iterator<ReadDirResponse> readDir(long handle) {
            return gofer.readDir(
                    ReadDirRequest.newBuilder().setSession(id).setHandle(handle).build());
        }

        List<DirEntry> entries(long handle) {
            List<DirEntry> entries = new ArrayList<>();
            readDir(handle).forEachRemaining(batch -> {
                assertThat(batch.getErrno()).isZero();
                entries.addAll(batch.getEntriesList());
            });
            return entries;
        }

        List<String> names(long handle) {
            return entries(handle).stream().map(e -> e.getName().toStringUtf8()).toList();
        }

        @Override
        public void close() {
            gofer.detach(DetachRequest.newBuilder().setSession(id).build());
        }
    }

    @Override
    public void close() {
        channel.shutdownNow();
        try {
            channel.awaitTermination(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
