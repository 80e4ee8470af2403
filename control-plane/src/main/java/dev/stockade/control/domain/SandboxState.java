package dev.stockade.control.domain;

/** The observed state of a sandbox. */
public enum SandboxState {
    /** Accepted, not placed yet. */
    CREATING,
    /** A node is reserved for it; once that node has made it ready, its main process may start. */
    SCHEDULED,
    /** Its main process runs. */
    RUNNING,
    /** Its main process was told to end. */
    STOPPING,
    /** Its main process is gone; its logs are still there. */
    STOPPED,
    /** The platform could not run it, or lost it. */
    FAILED,
    /** Nothing of it is left but its events. */
    DELETED;

    /** Whether its main process will never run (again). */
    public boolean isOver() {
        return switch (this) {
            case CREATING, SCHEDULED, RUNNING, STOPPING -> false;
            case STOPPED, FAILED, DELETED -> true;
        };
    }

    /** Whether it takes capacity of its node. */
    public boolean holdsReservation() {
        return switch (this) {
            case SCHEDULED, RUNNING, STOPPING -> true;
            case CREATING, STOPPED, FAILED, DELETED -> false;
        };
    }
}
