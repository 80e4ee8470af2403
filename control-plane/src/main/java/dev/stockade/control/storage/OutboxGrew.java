package dev.stockade.control.storage;

/** Fired in a transaction that writes events; observers after its success may publish them. */
public record OutboxGrew() {}
