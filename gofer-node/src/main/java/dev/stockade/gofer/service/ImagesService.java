package dev.stockade.gofer.service;

import dev.stockade.gofer.builtin.BusyboxImage;
import dev.stockade.gofer.store.ImageException;
import dev.stockade.gofer.store.ImageRecord;
import dev.stockade.gofer.store.ImageStore;
import dev.stockade.gofer.store.Staging;
import dev.stockade.gofer.store.TarImport;
import dev.stockade.proto.gofer.v1.ImageConfig;
import dev.stockade.proto.gofer.v1.ImagesGrpc;
import dev.stockade.proto.gofer.v1.ImportHeader;
import dev.stockade.proto.gofer.v1.ImportImageRequest;
import dev.stockade.proto.gofer.v1.ImportImageResponse;
import dev.stockade.proto.gofer.v1.ListImagesRequest;
import dev.stockade.proto.gofer.v1.ListImagesResponse;
import dev.stockade.proto.gofer.v1.RemoveImageRequest;
import dev.stockade.proto.gofer.v1.RemoveImageResponse;
import dev.stockade.proto.gofer.v1.ResolveImageRequest;
import dev.stockade.proto.gofer.v1.ResolveImageResponse;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.quarkus.grpc.GrpcService;
import io.quarkus.runtime.ShutdownEvent;
import io.smallrye.common.annotation.Blocking;
import jakarta.enterprise.event.Observes;
import jakarta.inject.Inject;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** The images of this node: a failure is a message for the person who asked. */
@GrpcService
@Blocking
public class ImagesService extends ImagesGrpc.ImagesImplBase {
    private static final Logger LOG = Logger.getLogger(ImagesService.class);
    private static final int MESSAGES_AHEAD = 4;
    private static final int MAX_CONFIG_STRINGS = 4096;

    private final ImageStore store;
    private final BusyboxImage busybox;
    private final GoferMetrics metrics;
    private final Duration stallTimeout;
    private final ExecutorService importers;

    @Inject
    public ImagesService(GoferNode node, GoferMetrics metrics, GoferConfig config) {
        this.store = node.store();
        this.busybox = node.busybox();
        this.metrics = metrics;
        this.stallTimeout = config.importStallTimeout();
        this.importers = new ThreadPoolExecutor(
                0,
                config.maxImports(),
                10,
                TimeUnit.SECONDS,
                new SynchronousQueue<>(),
                Thread.ofPlatform().name("gofer-import-", 0).daemon().factory());
    }

    void stop(@Observes ShutdownEvent event) {
        importers.shutdownNow();
    }

    private interface Operation<R> {
        R run() throws IOException, ImageException;
    }

    private interface Failure<R> {
        R of(String error);
    }

    private <R> void answer(String name, StreamObserver<R> out, Failure<R> failure, Operation<R> operation) {
        long startedNs = System.nanoTime();
        boolean failed = true;
        R response;
        try {
            response = operation.run();
            failed = false;
        } catch (ImageException e) {
            response = failure.of(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            LOG.warnf("%s failed: %s", name, e);
            response = failure.of(describe(e));
        } catch (RuntimeException e) {
            LOG.errorf(e, "%s failed", name);
            response = failure.of("internal error of the gofer: " + e);
        }
        metrics.operation(name, failed ? "ERROR" : "OK", startedNs);
        out.onNext(response);
        out.onCompleted();
    }

    private static String describe(IOException e) {
        String message = e.getMessage();
        return message == null ? e.getClass().getSimpleName() : message;
    }

    @Override
    public void list(ListImagesRequest request, StreamObserver<ListImagesResponse> out) {
        answer("list-images", out, error -> ListImagesResponse.getDefaultInstance(), () -> {
            ListImagesResponse.Builder response = ListImagesResponse.newBuilder();
            store.list().forEach(record -> response.addImages(Wire.image(record)));
            return response.build();
        });
    }

    @Override
    public void resolve(ResolveImageRequest request, StreamObserver<ResolveImageResponse> out) {
        answer(
                "resolve-image",
                out,
                error -> ResolveImageResponse.newBuilder().setError(error).build(),
                () -> {
                    String name = request.getName();
                    Optional<ImageRecord> found = store.find(name);
                    if (found.isEmpty() && !name.equals(BusyboxImage.NAME)) {
                        throw new ImageException("there is no image of that name: import it first");
                    }
                    ImageRecord record = found.isPresent() ? found.get() : busybox.resolve();
                    return ResolveImageResponse.newBuilder()
                            .setImage(Wire.image(record))
                            .build();
                });
    }

    @Override
    public void remove(RemoveImageRequest request, StreamObserver<RemoveImageResponse> out) {
        answer(
                "remove-image",
                out,
                error -> RemoveImageResponse.newBuilder().setError(error).build(),
                () -> {
                    store.remove(request.getName());
                    return RemoveImageResponse.getDefaultInstance();
                });
    }

    @Override
    public StreamObserver<ImportImageRequest> import_(StreamObserver<ImportImageResponse> out) {
        Upload upload = new Upload((ServerCallStreamObserver<ImportImageResponse>) out);
        upload.start();
        return upload;
    }

    /** One import: messages come in on worker threads, the archive is read on a thread of its own. */
    private final class Upload implements StreamObserver<ImportImageRequest> {
        private final ServerCallStreamObserver<ImportImageResponse> out;
        private final UploadPipe pipe;
        private @Nullable ImportHeader header; // set by the first message, before the importing thread starts
        private boolean refused; // exclusive to the call's messages, which come one after the other

        Upload(ServerCallStreamObserver<ImportImageResponse> out) {
            this.out = out;
            this.pipe = new UploadPipe(() -> out.request(1), stallTimeout);
        }

        void start() {
            out.disableAutoRequest();
            out.setOnCancelHandler(() -> pipe.fail("the sender went away"));
            out.request(1);
        }

        @Override
        public void onNext(ImportImageRequest message) {
            if (refused) {
                return;
            }
            switch (message.getPartCase()) {
                case HEADER -> {
                    if (header == null) {
                        begin(message.getHeader());
                    } else {
                        pipe.fail("a second header in one import");
                    }
                }
                case DATA -> {
                    if (header == null) {
                        refuse("an import begins with its header");
                    } else {
                        pipe.data(message.getData());
                    }
                }
                case PART_NOT_SET -> {
                    if (header == null) {
                        refuse("an import begins with its header");
                    } else {
                        pipe.fail("an empty message in an import");
                    }
                }
            }
        }

        private void begin(ImportHeader first) {
            header = first;
            try {
                checkConfig(first.getConfig());
                store.checkName(first.getName(), first.getReplace());
                importers.execute(() -> run(first));
                out.request(MESSAGES_AHEAD);
            } catch (ImageException e) {
                refuse(String.valueOf(e.getMessage()));
            } catch (RejectedExecutionException e) {
                refuse("too many imports at once (stockade.gofer.max-imports): try again later");
            }
        }

        private void refuse(String error) {
            refused = true;
            answer(
                    "import-image",
                    out,
                    e -> ImportImageResponse.newBuilder().setError(e).build(),
                    () -> {
                        throw new ImageException(error);
                    });
        }

        private void run(ImportHeader first) {
            answer(
                    "import-image",
                    out,
                    error -> ImportImageResponse.newBuilder().setError(error).build(),
                    () -> {
                        try (InputStream in = pipe;
                                Staging staging = store.stage()) {
                            TarImport.read(in, staging);
                            in.transferTo(OutputStream.nullOutputStream()); // what stands after an archive's end
                            ImageRecord record = store.commit(
                                    staging, first.getName(), first.getReplace(), Wire.config(first.getConfig()));
                            LOG.infof("imported image %s: %s, %d files", record.name(), record.id(), record.files());
                            return ImportImageResponse.newBuilder()
                                    .setImage(Wire.image(record))
                                    .build();
                        }
                    });
        }

        @Override
        public void onError(Throwable t) {
            pipe.fail("the sender went away");
        }

        @Override
        public void onCompleted() {
            if (header == null && !refused) {
                refuse("an import begins with its header");
            }
            pipe.end();
        }
    }

    private static void checkConfig(ImageConfig config) throws ImageException {
        int strings = config.getEntrypointCount() + config.getCmdCount() + config.getEnvCount();
        if (strings > MAX_CONFIG_STRINGS) {
            throw new ImageException("the image's configuration has more than " + MAX_CONFIG_STRINGS + " strings");
        }
        for (String variable : config.getEnvList()) {
            if (variable.indexOf('=') <= 0) {
                throw new ImageException("the image's environment has an entry that is not NAME=VALUE");
            }
        }
    }
}
