package dev.stockade.control.events;

import dev.stockade.control.storage.EventRow;
import io.smallrye.reactive.messaging.MutinyEmitter;
import io.smallrye.reactive.messaging.ce.OutgoingCloudEventMetadata;
import io.smallrye.reactive.messaging.kafka.api.OutgoingKafkaRecordMetadata;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZoneOffset;
import org.eclipse.microprofile.reactive.messaging.Channel;
import org.eclipse.microprofile.reactive.messaging.Message;
import org.eclipse.microprofile.reactive.messaging.Metadata;
import org.eclipse.microprofile.reactive.messaging.OnOverflow;

/** Sends one event to the broker as a CloudEvent in binary mode, keyed by its sandbox. */
@ApplicationScoped
public class EventPublisher implements EventSink {
    static final URI SOURCE = URI.create("/stockade/control-plane");
    static final String TYPE_PREFIX = "dev.stockade.sandbox.";

    /** Longer than the producer's own delivery timeout, which is what normally gives up. */
    private static final Duration DEADLINE = Duration.ofSeconds(20);

    private final MutinyEmitter<byte[]> emitter;

    EventPublisher(
            @Channel("sandbox-events") @OnOverflow(OnOverflow.Strategy.UNBOUNDED_BUFFER)
                    MutinyEmitter<byte[]> emitter) {
        // What is under way is bounded by the relay: one event for each sandbox of a batch.
        this.emitter = emitter;
    }

    @Override
    public void publish(EventRow event) {
        OutgoingCloudEventMetadata<Object> cloudEvent = OutgoingCloudEventMetadata.builder()
                .withId(event.eventId().toString())
                .withSource(SOURCE)
                .withType(TYPE_PREFIX + event.type())
                .withSubject(event.sandboxId())
                .withTimestamp(event.occurredAt().atZone(ZoneOffset.UTC))
                .withDataContentType("application/json")
                .build();
        OutgoingKafkaRecordMetadata<String> record = OutgoingKafkaRecordMetadata.<String>builder()
                .withKey(event.sandboxId())
                .build();
        emitter.sendMessage(Message.of(event.data().getBytes(StandardCharsets.UTF_8), Metadata.of(cloudEvent, record)))
                .await()
                .atMost(DEADLINE);
    }
}
