package dev.stockade.gofer.service;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.protobuf.ByteString;
import dev.stockade.gofer.TarBytes;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.host.HostDirectory;
import dev.stockade.proto.gofer.v1.GoferGrpc;
import dev.stockade.proto.gofer.v1.Image;
import dev.stockade.proto.gofer.v1.ImagesGrpc;
import dev.stockade.proto.gofer.v1.ImportHeader;
import dev.stockade.proto.gofer.v1.ImportImageRequest;
import dev.stockade.proto.gofer.v1.ImportImageResponse;
import dev.stockade.proto.gofer.v1.ListImagesRequest;
import dev.stockade.proto.gofer.v1.ReadRequest;
import dev.stockade.proto.gofer.v1.ReadResponse;
import dev.stockade.proto.gofer.v1.RemoveImageRequest;
import dev.stockade.proto.gofer.v1.ResolveImageRequest;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.test.common.QuarkusTestResource;
import io.quarkus.test.junit.QuarkusTest;
import io.quarkus.test.junit.QuarkusTestProfile;
import io.quarkus.test.junit.TestProfile;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@QuarkusTest
@QuarkusTestResource(TemporaryStore.class)
@TestProfile(GoferLimitsTest.Small.class)
class GoferLimitsTest {
    /** Limits that a test can reach. */
    public static final class Small implements QuarkusTestProfile {
        @Override
        public Map<String, String> getConfigOverrides() {
            return Map.of(
                    "stockade.gofer.max-image-bytes", "40000000",
                    "stockade.gofer.max-imports", "2",
                    "stockade.gofer.max-reads-per-session", "4",
                    "stockade.gofer.max-calls-per-connection", "32",
                    "stockade.gofer.read-stall-timeout", "3s",
                    "stockade.gofer.import-stall-timeout", "3s");
        }
    }

    @Inject
    GoferNode node;

    @Inject
    MeterRegistry meters;

    @Inject
    GoferConfig config;

    private TestSentry sentry;

    @BeforeEach
    void open() {
        sentry = new TestSentry();
    }

    @AfterEach
    void close() {
        sentry.close();
    }

    private static void await(String what, BooleanSupplier condition) {
        long deadlineNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as(what).isLessThan(deadlineNs);
            Thread.onSpinWait();
        }
    }

    /** A receiver that takes only what it asks for. */
    private static final class SlowReceiver implements ClientResponseObserver<ReadRequest, ReadResponse> {
        final AtomicLong bytes = new AtomicLong();
        final CompletableFuture<Void> ended = new CompletableFuture<>();
        private final CountDownLatch started = new CountDownLatch(1);
        private ClientCallStreamObserver<ReadRequest> call;

        @Override
        public void beforeStart(ClientCallStreamObserver<ReadRequest> requests) {
            call = requests;
            requests.disableAutoRequestWithInitial(1);
            started.countDown();
        }

        void take(int messages) {
            call.request(messages);
        }

        void cancel() {
            call.cancel("enough", null);
        }

        @Override
        public void onNext(ReadResponse value) {
            bytes.addAndGet(value.getData().size());
        }

        @Override
        public void onError(Throwable t) {
            ended.completeExceptionally(t);
        }

        @Override
        public void onCompleted() {
            ended.complete(null);
        }
    }

    private SlowReceiver read(TestSentry.Session session, long handle) {
        SlowReceiver receiver = new SlowReceiver();
        GoferGrpc.newStub(sentry.channel)
                .read(
                        ReadRequest.newBuilder()
                                .setSession(session.id)
                                .setHandle(handle)
                                .setLength(4 << 20)
                                .build(),
                        receiver);
        return receiver;
    }

    private double sentBytes() {
        return meters.get("stockade.gofer.read.bytes").counter().count();
    }

    @Test
    void shouldSendNoFasterThanTheReceiverTakes() throws Exception {
        Image image = sentry.importImage(
                "slow", new TarBytes().file("f", new byte[4 << 20]).bytes());
        try (TestSentry.Session session = sentry.attach(image)) {
            long handle = session.node("f").getHandle();
            SlowReceiver receiver = read(session, handle);
            await("first chunk", () -> receiver.bytes.get() > 0);
            assertThat(node.sessions().readCount()).isEqualTo(1);
            double before = sentBytes();
            receiver.take(100);
            receiver.ended.get(60, TimeUnit.SECONDS);
            assertThat(receiver.bytes.get()).isEqualTo(4 << 20);
            await("read counted", () -> sentBytes() - before == 4 << 20);
            await("no read left", () -> node.sessions().readCount() == 0);
        }
    }

    @Test
    void shouldEndReadsThatNobodyTakesAndBoundThem() {
        Image image = sentry.importImage(
                "stall", new TarBytes().file("f", new byte[4 << 20]).bytes());
        try (TestSentry.Session session = sentry.attach(image);
                TestSentry.Session other = sentry.attach(image)) {
            long handle = session.node("f").getHandle();
            List<SlowReceiver> stalled = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                stalled.add(read(session, handle));
            }
            await("all under way", () -> node.sessions().readCount() == 4);
            assertThat(session.readError(handle, 0, 1)).isEqualTo(Errno.EAGAIN);
            assertThat(other.readError(other.node("f").getHandle(), 0, 1)).isEqualTo(Errno.OK);
            await("the stalled ones ended", () -> node.sessions().readCount() == 0);
            assertThat(session.readError(handle, 0, 1)).isEqualTo(Errno.OK);
            stalled.forEach(SlowReceiver::cancel);
        }
    }

    @Test
    void shouldLetGoOfWhatACancelledReadHeld() {
        Image image = sentry.importImage(
                "cancel", new TarBytes().file("f", new byte[4 << 20]).bytes());
        try (TestSentry.Session session = sentry.attach(image)) {
            SlowReceiver receiver = read(session, session.node("f").getHandle());
            await("first chunk", () -> receiver.bytes.get() > 0);
            receiver.cancel();
            await("no read left", () -> node.sessions().readCount() == 0);
        }
    }

    @Test
    void shouldLeaveNothingOfAnUploadThatIsBrokenOff() {
        for (int i = 0; i < 5; i++) {
            CompletableFuture<ImportImageResponse> answer = new CompletableFuture<>();
            StreamObserver<ImportImageRequest> out =
                    ImagesGrpc.newStub(sentry.channel).import_(TestSentry.observer(answer));
            out.onNext(header("broken"));
            out.onNext(ImportImageRequest.newBuilder()
                    .setData(ByteString.copyFrom(
                            new TarBytes().file("f", new byte[100_000]).bytes(), 0, 50_000))
                    .build());
            await("staged", () -> !staging().isEmpty());
            out.onError(new IllegalStateException("broken off"));
            await("nothing left", () -> staging().isEmpty());
        }
        assertThat(sentry.images.list(ListImagesRequest.getDefaultInstance()).getImagesList())
                .noneMatch(image -> image.getName().equals("broken"));
    }

    private List<Path> staging() {
        try (Stream<Path> files = Files.list(config.dataDir().resolve("staging"))) {
            return files.toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static ImportImageRequest header(String name) {
        return ImportImageRequest.newBuilder()
                .setHeader(ImportHeader.newBuilder().setName(name))
                .build();
    }

    @Test
    void shouldEndUploadsThatSendNothingAndBoundThem() {
        List<CompletableFuture<ImportImageResponse>> answers = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            CompletableFuture<ImportImageResponse> answer = new CompletableFuture<>();
            ImagesGrpc.newStub(sentry.channel)
                    .import_(TestSentry.observer(answer))
                    .onNext(header("idle" + i));
            answers.add(answer);
        }
        List<String> errors = answers.stream()
                .map(answer -> answer.orTimeout(60, TimeUnit.SECONDS).join().getError())
                .toList();
        assertThat(errors).filteredOn(e -> e.contains("too many imports")).hasSize(1);
        assertThat(errors).filteredOn(e -> e.contains("sent nothing")).hasSize(2);
    }

    @Test
    void shouldBoundTheCallsOfAConnection() {
        sentry.images.list(ListImagesRequest.getDefaultInstance()); // the connection knows its limit from here on
        List<StreamObserver<ImportImageRequest>> idle = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            idle.add(ImagesGrpc.newStub(sentry.channel).import_(TestSentry.observer(new CompletableFuture<>())));
        }
        assertThatExceptionOfType(StatusRuntimeException.class)
                .as("waits at its sender")
                .isThrownBy(() -> sentry.images
                        .withDeadlineAfter(1, TimeUnit.SECONDS)
                        .list(ListImagesRequest.getDefaultInstance()));
        try (TestSentry other = new TestSentry()) {
            other.images.list(ListImagesRequest.getDefaultInstance());
        }
        idle.forEach(call -> call.onError(new IllegalStateException("enough")));
    }

    @Test
    void shouldRefuseMalformedUploads() {
        assertThat(sentry.tryImport("../x", new byte[0], false).getError()).contains("name");
        assertThat(sentry.tryImport("x", "no tar at all".repeat(100).getBytes(StandardCharsets.UTF_8), false)
                        .getError())
                .contains("tar");
        assertThat(sentry.tryImport("x", new TarBytes().file("../x", "x").bytes(), false)
                        .getError())
                .contains("..");
        assertThat(sentry.tryImport(
                                "big",
                                new TarBytes().file("f", new byte[40_000_001]).bytes(),
                                false)
                        .getError())
                .contains("max-image-bytes");
        CompletableFuture<ImportImageResponse> answer = new CompletableFuture<>();
        StreamObserver<ImportImageRequest> out =
                ImagesGrpc.newStub(sentry.channel).import_(TestSentry.observer(answer));
        out.onNext(ImportImageRequest.newBuilder()
                .setData(ByteString.copyFromUtf8("x"))
                .build());
        assertThat(answer.orTimeout(60, TimeUnit.SECONDS).join().getError()).contains("begins with its header");
        sentry.importImage("twice", new TarBytes().file("f", "1").bytes());
        assertThat(sentry.tryImport("twice", new TarBytes().file("f", "2").bytes(), false)
                        .getError())
                .contains("already");
    }

    @Test
    void shouldRemoveImagesByName() {
        Image image =
                sentry.importImage("removed", new TarBytes().file("f", "bye").bytes());
        TestSentry.Session session = sentry.attach(image);
        assertThat(remove("removed")).isEmpty();
        assertThat(remove("removed")).contains("no image removed");
        assertThat(session.text("f")).as("still attached").isEqualTo("bye");
        assertThat(sentry.images
                        .resolve(ResolveImageRequest.newBuilder()
                                .setName("removed")
                                .build())
                        .getError())
                .contains("no image");
        session.close();
    }

    private String remove(String name) {
        return sentry.images
                .remove(RemoveImageRequest.newBuilder().setName(name).build())
                .getError();
    }

    @Test
    void shouldLeakNoDescriptors() {
        Image image = sentry.importImage(
                "leak", new TarBytes().file("a", "1").file("b", "2").bytes());
        try (TestSentry.Session session = sentry.attach(image)) {
            session.text("a");
            session.text("b");
        }
        int before = HostDirectory.openDescriptors();
        for (int i = 0; i < 200; i++) {
            try (TestSentry.Session session = sentry.attach(image)) {
                assertThat(session.text("a")).isEqualTo("1");
                assertThat(session.text("b")).isEqualTo("2");
                session.walk(session.root, "none");
                session.readError(session.root, 0, 1);
            }
        }
        assertThat(HostDirectory.openDescriptors()).isEqualTo(before);
        assertThat(node.sessions().count()).isZero();
        assertThat(node.sessions().handleCount()).isZero();
    }

    @Test
    void shouldSayHowItIsAndWhatItDid() throws Exception {
        try (TestSentry.Session session = sentry.attach(
                sentry.importImage("metrics", new TarBytes().file("a", "1").bytes()))) {
            session.walk(session.root, "none");
        }
        Timer missing = meters.get("stockade.gofer.operations")
                .tag("operation", "attach")
                .tag("result", "OK")
                .timer();
        assertThat(missing.count()).isPositive();
        int port = ConfigProvider.getConfig().getValue("quarkus.http.test-port", Integer.class);
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpResponse<String> health = http.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/q/health"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(health.statusCode()).isEqualTo(200);
            assertThat(health.body()).contains("\"images\"");
            HttpResponse<String> metrics = http.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/q/metrics"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(metrics.body()).contains("stockade_gofer_sessions", "stockade_gofer_operations_seconds_count");
        }
    }
}
