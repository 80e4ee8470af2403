package dev.stockade.sentry.kernel;

/** Host and domain name (uts_namespaces(7)). Thread-safe. */
public final class UtsNamespace {
    /** __NEW_UTS_LEN. */
    public static final int NAME_MAX = 64;

    private volatile byte[] hostname;
    private volatile byte[] domainname;

    public UtsNamespace(byte[] hostname, byte[] domainname) {
        this.hostname = hostname.clone();
        this.domainname = domainname.clone();
    }

    public byte[] hostname() {
        return hostname.clone();
    }

    public void setHostname(byte[] name) {
        hostname = name.clone();
    }

    public byte[] domainname() {
        return domainname.clone();
    }

    public void setDomainname(byte[] name) {
        domainname = name.clone();
    }

    /** A copy (CLONE_NEWUTS). */
    public UtsNamespace copy() {
        return new UtsNamespace(hostname, domainname);
    }
}
