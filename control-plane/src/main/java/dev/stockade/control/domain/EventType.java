package dev.stockade.control.domain;

import java.util.Locale;

/** The kinds of events in a sandbox's life. */
public enum EventType {
    CREATED,
    SCHEDULED,
    STARTED,
    EXEC_STARTED,
    EXEC_EXITED,
    OOM_KILL,
    UNIMPLEMENTED_SYSCALL,
    STOPPED,
    FAILED,
    DELETED;

    /** As in the last part of the CloudEvents type: {@code exec-started}. */
    public String wireName() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
