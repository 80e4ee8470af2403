package dev.stockade.sentry.mm;

/**
 * What an address space holds, in bytes (/proc/pid/statm, the Vm* and Rss* lines of /proc/pid/status).
 *
 * @param virtual VmSize
 * @param peakVirtual VmPeak
 * @param residentAnonymous RssAnon
 * @param residentFile RssFile
 * @param residentShared RssShmem
 * @param peakResident VmHWM
 * @param data VmData: private writable mappings
 * @param stack VmStk
 * @param text VmExe and VmLib: executable file mappings
 * @param locked VmLck
 * @param pageTables VmPTE
 */
public record MemoryUsage(
        long virtual,
        long peakVirtual,
        long residentAnonymous,
        long residentFile,
        long residentShared,
        long peakResident,
        long data,
        long stack,
        long text,
        long locked,
        long pageTables) {
    public long resident() {
        return residentAnonymous + residentFile + residentShared;
    }
}
