package dev.stockade.control.nodes;

import com.google.protobuf.ByteString;
import dev.stockade.control.domain.FleetNode;
import dev.stockade.proto.gofer.v1.Image;
import dev.stockade.proto.gofer.v1.ImageConfig;
import dev.stockade.proto.gofer.v1.ImportHeader;
import dev.stockade.proto.gofer.v1.ImportImageRequest;
import dev.stockade.proto.gofer.v1.ImportImageResponse;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Sends a tar stream to every gofer node at once. The slowest one sets the pace; only a chunk and what the
 * connections' windows hold is in memory.
 */
@ApplicationScoped
public class ImageImport {
    private static final int CHUNK_BYTES = 64 << 10;

    /** A node that takes no data for this long has failed. */
    private static final Duration STALL_TIMEOUT = Duration.ofSeconds(60);

    /** For a node to finish once it has everything. */
    private static final Duration FINISH_TIMEOUT = Duration.ofMinutes(5);

    private final GoferNodes gofers;

    ImageImport(GoferNodes gofers) {
        this.gofers = gofers;
    }

    /**
     * What became of an import.
     *
     * @param image as the nodes that took it describe it; null if none did
     * @param errors node id to why not
     */
    public record Outcome(@Nullable Image image, SequencedMap<String, String> errors) {}

    /** Blocks until every node is done; a node that fails does not stop the others. */
    public Outcome run(String name, boolean replace, ImageConfig config, InputStream tar) throws IOException {
        List<FleetNode> nodes = gofers.ready();
        if (nodes.isEmpty()) {
            throw new NoGoferException();
        }
        ImportImageRequest header = ImportImageRequest.newBuilder()
                .setHeader(ImportHeader.newBuilder()
                        .setName(name)
                        .setReplace(replace)
                        .setConfig(config))
                .build();
        List<Upload> uploads = nodes.stream().map(Upload::new).toList();
        try {
            uploads.forEach(upload -> upload.send(header));
            byte[] chunk = new byte[CHUNK_BYTES];
            for (int read = tar.readNBytes(chunk, 0, chunk.length);
                    read > 0 && !uploads.stream().allMatch(Upload::isOver);
                    read = tar.readNBytes(chunk, 0, chunk.length)) {
                ImportImageRequest data = ImportImageRequest.newBuilder()
                        .setData(ByteString.copyFrom(chunk, 0, read))
                        .build();
                uploads.forEach(upload -> upload.send(data));
            }
            uploads.forEach(Upload::finish);
        } catch (IOException | RuntimeException e) {
            // Half a tar is no image.
            uploads.forEach(upload -> upload.cancel("the upload broke off"));
            throw e;
        }
        SequencedMap<String, String> errors = new TreeMap<>();
        Image image = null;
        for (Upload upload : uploads) {
            String error = upload.await();
            if (error != null) {
                errors.put(upload.node.id(), error);
            } else if (upload.image != null) {
                image = upload.image;
            }
        }
        return new Outcome(image, errors);
    }

    /** The call to one node. The uploading thread sends; the answer comes on another one. */
    private final class Upload implements ClientResponseObserver<ImportImageRequest, ImportImageResponse> {
        private final FleetNode node;
        private final Semaphore ready = new Semaphore(0);
        private final CountDownLatch over = new CountDownLatch(1);
        private volatile @Nullable ClientCallStreamObserver<ImportImageRequest> call;
        private volatile @Nullable Image image;
        private volatile @Nullable String error;

        Upload(FleetNode node) {
            this.node = node;
            gofers.streaming(node).import_(this);
        }

        @Override
        public void beforeStart(ClientCallStreamObserver<ImportImageRequest> requests) {
            call = requests;
            requests.setOnReadyHandler(ready::release);
        }

        boolean isOver() {
            return over.getCount() == 0;
        }

        void send(ImportImageRequest message) {
            ClientCallStreamObserver<ImportImageRequest> stream = call;
            if (stream == null) {
                return;
            }
            long deadlineNs = System.nanoTime() + STALL_TIMEOUT.toNanos();
            while (!isOver() && !stream.isReady()) {
                ready.drainPermits();
                if (stream.isReady()) {
                    break;
                }
                if (System.nanoTime() - deadlineNs > 0) {
                    cancel("took no data for " + STALL_TIMEOUT.toSeconds() + " s");
                    return;
                }
                tryAcquire();
            }
            if (!isOver()) {
                stream.onNext(message);
            }
        }

        /** Looks again now and then: a call that ended never becomes ready. */
        private void tryAcquire() {
            try {
                if (ready.tryAcquire(200, TimeUnit.MILLISECONDS)) {
                    return;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                cancel("interrupted");
            }
        }

        void finish() {
            ClientCallStreamObserver<ImportImageRequest> stream = call;
            if (stream != null && !isOver()) {
                stream.onCompleted();
            }
        }

        void cancel(String why) {
            error = error == null ? why : error;
            ClientCallStreamObserver<ImportImageRequest> stream = call;
            if (stream != null) {
                stream.cancel(why, null);
            }
            over.countDown();
        }

        @Nullable
        String await() {
            try {
                if (!over.await(FINISH_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
                    cancel("did not finish within " + FINISH_TIMEOUT.toSeconds() + " s");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                cancel("interrupted");
            }
            return error;
        }

        @Override
        public void onNext(ImportImageResponse response) {
            if (response.getError().isEmpty()) {
                image = response.getImage();
            } else {
                error = response.getError();
            }
        }

        @Override
        public void onError(Throwable failure) {
            Status status = Status.fromThrowable(failure);
            if (error == null) {
                error = status.getDescription() == null ? status.getCode().name() : status.getDescription();
            }
            over.countDown();
            ready.release();
        }

        @Override
        public void onCompleted() {
            if (image == null && error == null) {
                error = "the node ended the import without an answer";
            }
            over.countDown();
            ready.release();
        }
    }
}
