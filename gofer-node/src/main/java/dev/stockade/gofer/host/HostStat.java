package dev.stockade.gofer.host;

/**
 * What statx(2) says of a host file.
 *
 * @param mode type and permission bits
 */
record HostStat(int mode, long ino, long sizeBytes) {}
