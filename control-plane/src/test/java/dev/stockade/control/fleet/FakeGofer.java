package dev.stockade.control.fleet;

import dev.stockade.proto.control.v1.Capacity;
import dev.stockade.proto.control.v1.NodeKind;
import dev.stockade.proto.gofer.v1.Image;
import dev.stockade.proto.gofer.v1.ImageConfig;
import dev.stockade.proto.gofer.v1.ImagesGrpc;
import dev.stockade.proto.gofer.v1.ImportImageRequest;
import dev.stockade.proto.gofer.v1.ImportImageResponse;
import dev.stockade.proto.gofer.v1.ListImagesRequest;
import dev.stockade.proto.gofer.v1.ListImagesResponse;
import dev.stockade.proto.gofer.v1.RemoveImageRequest;
import dev.stockade.proto.gofer.v1.RemoveImageResponse;
import dev.stockade.proto.gofer.v1.ResolveImageRequest;
import dev.stockade.proto.gofer.v1.ResolveImageResponse;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A gofer node that knows images by name and size only. */
public final class FakeGofer extends ImagesGrpc.ImagesImplBase implements AutoCloseable {
    private final String id;
    private final Server server;
    private final Registration registration;
    public final Map<String, Image> images = new ConcurrentHashMap<>();

    /** Ends imports after so many bytes, as a full disk would. */
    public volatile long failAfterBytes = Long.MAX_VALUE;

    public FakeGofer(String id) {
        this.id = id;
        images.put(
                "busybox",
                image(
                        "busybox",
                        1_000_000,
                        ImageConfig.newBuilder().addCmd("sh").build()));
        try {
            server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
                    .addService(this)
                    .build()
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        registration = new Registration(id, NodeKind.NODE_KIND_GOFER, server.getPort(), Capacity.getDefaultInstance());
    }

    public String id() {
        return id;
    }

    public String address() {
        return "127.0.0.1:" + server.getPort();
    }

    public static Image image(String name, long sizeBytes, ImageConfig config) {
        return Image.newBuilder()
                .setName(name)
                .setId("sha256:" + name)
                .setSizeBytes(sizeBytes)
                .setConfig(config)
                .build();
    }

    @Override
    public void resolve(ResolveImageRequest request, StreamObserver<ResolveImageResponse> answer) {
        Image image = images.get(request.getName());
        answer.onNext(
                image == null
                        ? ResolveImageResponse.newBuilder()
                                .setError("no image " + request.getName() + ": import it first")
                                .build()
                        : ResolveImageResponse.newBuilder().setImage(image).build());
        answer.onCompleted();
    }

    @Override
    public void list(ListImagesRequest request, StreamObserver<ListImagesResponse> answer) {
        answer.onNext(
                ListImagesResponse.newBuilder().addAllImages(images.values()).build());
        answer.onCompleted();
    }

    @Override
    public void remove(RemoveImageRequest request, StreamObserver<RemoveImageResponse> answer) {
        boolean known = images.remove(request.getName()) != null;
        answer.onNext(RemoveImageResponse.newBuilder()
                .setError(known ? "" : "no image " + request.getName())
                .build());
        answer.onCompleted();
    }

    @Override
    public StreamObserver<ImportImageRequest> import_(StreamObserver<ImportImageResponse> answer) {
        return new StreamObserver<>() {
            private String name = "";
            private ImageConfig config = ImageConfig.getDefaultInstance();
            private long bytes;
            private boolean failed;

            @Override
            public void onNext(ImportImageRequest request) {
                if (request.hasHeader()) {
                    name = request.getHeader().getName();
                    config = request.getHeader().getConfig();
                }
                bytes += request.getData().size();
                if (bytes > failAfterBytes && !failed) {
                    failed = true;
                    answer.onError(Status.RESOURCE_EXHAUSTED
                            .withDescription("no space left on device")
                            .asRuntimeException());
                }
            }

            @Override
            public void onError(Throwable failure) {
                failed = true;
            }

            @Override
            public void onCompleted() {
                if (!failed) {
                    Image image = image(name, bytes, config);
                    images.put(name, image);
                    answer.onNext(
                            ImportImageResponse.newBuilder().setImage(image).build());
                    answer.onCompleted();
                }
            }
        };
    }

    @Override
    public void close() {
        registration.silence();
        registration.deregister();
        registration.close();
        server.shutdownNow();
    }
}
