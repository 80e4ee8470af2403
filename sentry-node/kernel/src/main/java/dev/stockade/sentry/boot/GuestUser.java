package dev.stockade.sentry.boot;

/**
 * Who a process runs as.
 *
 * @param groups supplementary group ids; not to be changed
 * @param home its home directory
 */
@SuppressWarnings("ArrayRecordComponent") // a carrier, never compared
public record GuestUser(int uid, int gid, int[] groups, String home) {}
