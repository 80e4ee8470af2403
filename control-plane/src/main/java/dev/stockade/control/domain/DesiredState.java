package dev.stockade.control.domain;

/** What the owner of a sandbox asked for last. It only ever advances. */
public enum DesiredState {
    RUNNING,
    STOPPED,
    DELETED
}
