package dev.stockade.gofer.session;

import java.time.Duration;

/**
 * What sentries may hold at most. "Per peer" is per address that they connect from, so that one hostile node cannot
 * take what the others need.
 *
 * @param handles over all sessions
 * @param idle after which an unused session ends
 */
public record SessionLimits(
        int sessions,
        int sessionsPerPeer,
        int handles,
        int handlesPerSession,
        int namesPerWalk,
        int readsPerSession,
        int readsPerPeer,
        int readBytes,
        Duration idle) {}
