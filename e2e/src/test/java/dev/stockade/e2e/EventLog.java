package dev.stockade.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** All events of the topic so far, by a consumer that knows nothing of Stockade but the topic's name. */
final class EventLog implements AutoCloseable {
    static final String TOPIC = "stockade.sandbox.events";
    private static final Duration POLL = Duration.ofMillis(200);

    /** A record as it came: key, headers, data. */
    record Event(String key, Map<String, String> headers, JsonNode data) {
        String type() {
            return headers.getOrDefault("ce_type", "").replace("dev.stockade.sandbox.", "");
        }

        long sequence() {
            return data.path("sequence").asLong(-1);
        }
    }

    private final KafkaConsumer<String, byte[]> consumer;
    private final List<Event> events = new ArrayList<>();
    private boolean assigned;

    EventLog(Fleet fleet) {
        consumer = new KafkaConsumer<>(
                Map.of(
                        ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                        fleet.kafka(),
                        ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG,
                        false),
                new StringDeserializer(),
                new ByteArrayDeserializer());
    }

    /** Those of one sandbox, in the order in which the broker has them. */
    List<Event> of(String sandboxId) {
        read();
        return events.stream().filter(event -> event.key().equals(sandboxId)).toList();
    }

    List<Event> awaitType(String sandboxId, String type, Duration time) throws Exception {
        return Await.until(
                time,
                () -> of(sandboxId),
                found -> found.stream().anyMatch(event -> event.type().equals(type)));
    }

    private void read() {
        if (!assigned) {
            List<TopicPartition> partitions = consumer.listTopics().getOrDefault(TOPIC, List.of()).stream()
                    .map(info -> new TopicPartition(TOPIC, info.partition()))
                    .toList();
            if (partitions.isEmpty()) {
                return;
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            assigned = true;
        }
        for (ConsumerRecord<String, byte[]> record : consumer.poll(POLL)) {
            Map<String, String> headers = new TreeMap<>();
            record.headers()
                    .forEach(header -> headers.put(header.key(), new String(header.value(), StandardCharsets.UTF_8)));
            try {
                events.add(new Event(record.key(), headers, Fleet.JSON.readTree(record.value())));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    @Override
    public void close() {
        consumer.close();
    }
}
