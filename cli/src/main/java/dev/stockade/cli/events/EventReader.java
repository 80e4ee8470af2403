package dev.stockade.cli.events;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads the topic of events without being a member of any group: nobody's position changes. */
public final class EventReader implements AutoCloseable {
    public static final String TOPIC = "stockade.sandbox.events";
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final Duration POLL = Duration.ofMillis(250);
    private static final String ATTRIBUTE_PREFIX = "ce_";
    private static final Comparator<Event> BY_TIME = Comparator.comparing(Event::time);

    /** A CloudEvent in binary mode: its attributes by name, and its data. */
    public record Event(Map<String, String> attributes, byte[] data) {
        public String time() {
            return attributes.getOrDefault("time", "");
        }
    }

    private final KafkaConsumer<byte[], byte[]> consumer;
    private final List<TopicPartition> partitions;

    public EventReader(String bootstrapServers) {
        Map<String, Object> configuration = Map.of(
                ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG,
                bootstrapServers,
                ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG,
                false,
                ConsumerConfig.ALLOW_AUTO_CREATE_TOPICS_CONFIG,
                false,
                ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                "read_committed",
                ConsumerConfig.DEFAULT_API_TIMEOUT_MS_CONFIG,
                (int) TIMEOUT.toMillis());
        consumer = new KafkaConsumer<>(configuration, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        List<TopicPartition> found = new ArrayList<>();
        List<PartitionInfo> infos = consumer.listTopics(TIMEOUT).getOrDefault(TOPIC, List.of());
        infos.forEach(info -> found.add(new TopicPartition(TOPIC, info.partition())));
        partitions = List.copyOf(found);
        consumer.assign(partitions);
    }

    /** False when nothing was ever published: the broker makes the topic with the first event. */
    public boolean hasTopic() {
        return !partitions.isEmpty();
    }

    /** The last events up to now, oldest first; those of one sandbox in their order. */
    public List<Event> last(int count) {
        Map<TopicPartition, Long> begin = consumer.beginningOffsets(partitions, TIMEOUT);
        Map<TopicPartition, Long> end = consumer.endOffsets(partitions, TIMEOUT);
        end.forEach((partition, offset) -> consumer.seek(
                partition, Math.max(begin.getOrDefault(partition, 0L), offset - Math.min(count, offset))));
        List<Event> events = new ArrayList<>();
        readTo(end, event -> {
            events.add(event);
            return true;
        });
        // A stable sort: within a partition, and so within a sandbox, equal times keep their order.
        events.sort(BY_TIME);
        return events.subList(Math.max(0, events.size() - count), events.size());
    }

    /** Everything that is kept up to now, oldest first. */
    public List<Event> all() {
        return last(Integer.MAX_VALUE);
    }

    /** Goes on from where the last call ended, until the taker has had enough. */
    public void follow(Predicate<Event> taker) {
        while (true) {
            List<Event> events = new ArrayList<>();
            consumer.poll(POLL).forEach(record -> events.add(event(record)));
            events.sort(BY_TIME);
            for (Event event : events) {
                if (!taker.test(event)) {
                    return;
                }
            }
        }
    }

    private void readTo(Map<TopicPartition, Long> end, Predicate<Event> taker) {
        Map<TopicPartition, Long> open = new HashMap<>(end);
        while (true) {
            open.entrySet().removeIf(entry -> consumer.position(entry.getKey(), TIMEOUT) >= entry.getValue());
            if (open.isEmpty()) {
                return;
            }
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                if (record.offset() < end.getOrDefault(new TopicPartition(record.topic(), record.partition()), 0L)
                        && !taker.test(event(record))) {
                    return;
                }
            }
        }
    }

    private static Event event(ConsumerRecord<byte[], byte[]> record) {
        Map<String, String> attributes = new LinkedHashMap<>();
        for (Header header : record.headers()) {
            String value = header.value() == null ? "" : new String(header.value(), StandardCharsets.UTF_8);
            if (header.key().startsWith(ATTRIBUTE_PREFIX)) {
                attributes.put(header.key().substring(ATTRIBUTE_PREFIX.length()), value);
            } else if (header.key().equals("content-type")) {
                attributes.put("datacontenttype", value);
            }
        }
        return new Event(attributes, record.value() == null ? new byte[0] : record.value());
    }

    @Override
    public void close() {
        consumer.close();
    }
}
