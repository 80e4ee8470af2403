package dev.stockade.control.fleet;

import dev.stockade.control.events.EventPublisher;
import dev.stockade.control.events.EventSink;
import dev.stockade.control.storage.EventRow;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Alternative;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A broker that can be down; what it took is in its log. The message itself goes to the in-memory channel. */
@Alternative
@Priority(1)
@ApplicationScoped
public class FakeBroker implements EventSink {
    private final EventPublisher publisher;
    private final List<EventRow> log = new CopyOnWriteArrayList<>();
    private volatile boolean down;
    private volatile boolean losesAnswers;

    FakeBroker(EventPublisher publisher) {
        this.publisher = publisher;
    }

    @Override
    public void publish(EventRow event) {
        if (down) {
            throw new IllegalStateException("the broker is down");
        }
        publisher.publish(event);
        log.add(event);
        if (losesAnswers) {
            throw new IllegalStateException("the acknowledgement was lost");
        }
    }

    public void setDown(boolean down) {
        this.down = down;
    }

    public void setLosesAnswers(boolean losesAnswers) {
        this.losesAnswers = losesAnswers;
    }

    public List<EventRow> log() {
        return log;
    }

    /** What it took of a sandbox, in the order it came. */
    public List<EventRow> of(String sandboxId) {
        return log.stream().filter(event -> event.sandboxId().equals(sandboxId)).toList();
    }

    public List<String> typesOf(String sandboxId) {
        return of(sandboxId).stream().map(EventRow::type).toList();
    }
}
