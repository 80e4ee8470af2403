package dev.stockade.sentry.kernel;

/** A task's way out. */
enum TaskExitState {
    ALIVE,
    /** Leaving: takes no more signals, its resources go. */
    INITIATED,
    /** Nothing is left but its status, for its parent. */
    ZOMBIE,
    /** Waited for, or nobody wants to know. */
    DEAD
}
