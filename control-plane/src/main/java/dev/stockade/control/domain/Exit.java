package dev.stockade.control.domain;

/**
 * How a process ended.
 *
 * @param code its exit status, or 128 + signal
 * @param signal the signal that killed it; 0 if it exited
 */
public record Exit(int code, int signal) {}
