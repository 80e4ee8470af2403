package dev.stockade.sentry.server.gofer;

/**
 * A session at the gofer; each attachment has another id.
 *
 * @param id the gofer's name for it
 * @param root the gofer's handle of the root
 */
record GoferSession(String id, long root) {}
