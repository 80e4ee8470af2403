package dev.stockade.gofer.store;

import dev.stockade.gofer.abi.FileMode;
import dev.stockade.gofer.tree.Metadata;
import dev.stockade.gofer.tree.TreeBuilder;
import dev.stockade.gofer.tree.TreeException;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.jspecify.annotations.Nullable;

/**
 * Turns a tar stream, plain or compressed with gzip, into the entries of a staged image. The stream is hostile: names
 * only ever go into the tree's description, which refuses what leads out of it; contents are counted while they are
 * read, whatever the headers promise; and so are the headers, which a reader keeps in memory.
 *
 * <p>Extended attributes are not kept. Names that are not UTF-8 are refused.
 */
public final class TarImport {
    /** Long names, PAX records and their padding for one entry; also bounds how deep the reader nests. */
    private static final int HEADER_BYTES = 256 * 1024;

    private static final int MAGIC_BYTES = 4;
    private static final long MAX_ID = 0xfffffffeL; // (uid_t) -1 is nobody at all
    /** What the reader makes of bytes that are not UTF-8. */
    private static final char REPLACEMENT = '?';

    private TarImport() {}

    /**
     * Reads the stream to its end.
     *
     * @throws ImageException when the archive is malformed, hostile or too large
     * @throws IOException when the stream or the disk fails
     */
    public static void read(InputStream in, Staging staging) throws IOException, ImageException {
        HeaderBudget plain = new HeaderBudget(decompress(in));
        TarArchiveInputStream tar = new TarArchiveInputStream(plain, StandardCharsets.UTF_8.name());
        int entries = 0;
        for (TarArchiveEntry entry = next(tar, plain, entries); entry != null; entry = next(tar, plain, entries)) {
            entries++;
            try {
                checkNames(entry, plain);
                add(entry, tar, staging);
            } catch (TreeException e) {
                throw new ImageException("refused the archive: " + e.getMessage(), e);
            }
        }
        if (entries == 0) {
            throw new ImageException("the archive has no entries: is it a tar file?");
        }
    }

    private static InputStream decompress(InputStream in) throws IOException, ImageException {
        BufferedInputStream buffered = new BufferedInputStream(in, 64 * 1024);
        buffered.mark(MAGIC_BYTES);
        byte[] magic = buffered.readNBytes(MAGIC_BYTES);
        buffered.reset();
        if (magic.length < MAGIC_BYTES) {
            throw new ImageException("the archive is empty");
        }
        int first = (magic[0] & 0xff) << 24 | (magic[1] & 0xff) << 16 | (magic[2] & 0xff) << 8 | (magic[3] & 0xff);
        if (first >>> 16 == 0x1f8b) {
            return new BufferedInputStream(new GZIPInputStream(buffered, 64 * 1024), 64 * 1024);
        }
        @Nullable
        String other = first == 0x28b52ffd
                ? "zstd"
                : first == 0xfd377a58 ? "xz" : first >>> 8 == 0x425a68 ? "bzip2" : first == 0x504b0304 ? "zip" : null;
        if (other != null) {
            throw new ImageException("the archive is compressed with " + other
                    + ", which is not supported: use a plain tar or one compressed with gzip");
        }
        return buffered;
    }

    private static @Nullable TarArchiveEntry next(TarArchiveInputStream tar, HeaderBudget plain, int entries)
            throws IOException, ImageException {
        plain.limit(HEADER_BYTES);
        try {
            TarArchiveEntry entry = tar.getNextEntry();
            if (entry != null && !entry.isCheckSumOK()) {
                throw new IllegalArgumentException("wrong checksum");
            }
            return entry;
        } catch (IOException | IllegalArgumentException e) {
            if (plain.exceeded()) {
                throw new ImageException("refused the archive: the header after entry " + entries + " is too large");
            }
            if (plain.failed() || plain.truncated()) {
                throw new IOException("the archive ends in its entry " + (entries + 1), e);
            }
            throw new ImageException(
                    "not a tar archive, or a damaged one (after entry " + entries + "): " + e.getMessage(), e);
        } finally {
            plain.unlimited();
        }
    }

    private static void add(TarArchiveEntry entry, TarArchiveInputStream tar, Staging staging)
            throws IOException, ImageException, TreeException {
        TreeBuilder tree = staging.tree();
        byte[] path = utf8(entry.getName());
        Metadata metadata = metadata(entry);
        switch (entry.getLinkFlag()) {
            case TarConstants.LF_DIR -> tree.directory(path, metadata);
            case TarConstants.LF_SYMLINK -> tree.symlink(path, metadata, utf8(entry.getLinkName()));
            case TarConstants.LF_LINK -> tree.hardLink(path, utf8(entry.getLinkName()));
            case TarConstants.LF_CHR -> tree.special(path, metadata, FileMode.S_IFCHR, device(entry));
            case TarConstants.LF_BLK -> tree.special(path, metadata, FileMode.S_IFBLK, device(entry));
            case TarConstants.LF_FIFO -> tree.special(path, metadata, FileMode.S_IFIFO, 0);
            case TarConstants.LF_OLDNORM,
                    TarConstants.LF_NORMAL,
                    TarConstants.LF_CONTIG,
                    TarConstants.LF_GNUTYPE_SPARSE -> {
                if (path.length > 0 && path[path.length - 1] == '/') { // how tars from before POSIX say directory
                    tree.directory(path, metadata);
                } else {
                    file(entry, path, metadata, tar, staging);
                }
            }
            default ->
                throw new ImageException("refused the archive: entry " + entry.getName() + " has the unknown type "
                        + (int) entry.getLinkFlag());
        }
    }

    private static void file(
            TarArchiveEntry entry, byte[] path, Metadata metadata, TarArchiveInputStream tar, Staging staging)
            throws IOException, ImageException, TreeException {
        long size = entry.getRealSize();
        staging.checkRoomFor(size);
        // The path is checked before its content is read: a bad one must not cost more than its header.
        staging.tree().file(path, metadata, 0, new byte[0]);
        Staging.StoredContent content = staging.addContent(tar);
        if (content.size() != size) {
            throw new IOException("the archive ends inside an entry");
        }
        staging.tree().file(path, metadata, content.size(), content.sha256());
    }

    private static Metadata metadata(TarArchiveEntry entry) throws ImageException {
        Instant mtime = entry.getLastModifiedTime().toInstant();
        long seconds = Math.clamp(
                mtime.getEpochSecond(), Long.MIN_VALUE / 1_000_000_000L + 1, Long.MAX_VALUE / 1_000_000_000L - 1);
        return new Metadata(
                entry.getMode(),
                id(entry, entry.getLongUserId()),
                id(entry, entry.getLongGroupId()),
                TimeUnit.SECONDS.toNanos(seconds) + mtime.getNano());
    }

    private static int id(TarArchiveEntry entry, long id) throws ImageException {
        if (id < 0 || id > MAX_ID) {
            throw new ImageException(
                    "refused the archive: entry " + entry.getName() + " has the impossible owner " + id);
        }
        return (int) id;
    }

    private static long device(TarArchiveEntry entry) {
        return FileMode.makedev(entry.getDevMajor() & 0xffffffffL, entry.getDevMinor() & 0xffffffffL);
    }

    private static byte[] utf8(String name) {
        return name.getBytes(StandardCharsets.UTF_8);
    }

    /** Refuses names that are not UTF-8: the reader has replaced their bytes, so that they no longer stand there. */
    private static void checkNames(TarArchiveEntry entry, HeaderBudget plain) throws ImageException {
        for (String name : List.of(entry.getName(), entry.getLinkName())) {
            for (String part : name.split("/")) {
                if (part.indexOf(REPLACEMENT) >= 0 && !plain.headerContains(utf8(part))) {
                    throw new ImageException("refused the archive: the name " + name + " is not UTF-8");
                }
            }
        }
    }

    /** Stops a reader that takes more for a header than an honest one needs; remembers how the stream ended. */
    private static final class HeaderBudget extends InputStream {
        private final InputStream in;
        private long left = Long.MAX_VALUE;
        private boolean exceeded;
        private boolean failed;
        private boolean ended;
        private final ByteArrayOutputStream header = new ByteArrayOutputStream();

        HeaderBudget(InputStream in) {
            this.in = in;
        }

        void limit(int bytes) {
            left = bytes;
            header.reset();
        }

        /** Whether these bytes stand somewhere in what was read since the limit was set. */
        boolean headerContains(byte[] wanted) {
            // One character for each byte.
            return header.toString(StandardCharsets.ISO_8859_1)
                    .contains(new String(wanted, StandardCharsets.ISO_8859_1));
        }

        void unlimited() {
            left = Long.MAX_VALUE; // more than any archive holds: never comes down to HEADER_BYTES
        }

        boolean exceeded() {
            return exceeded;
        }

        boolean failed() {
            return failed;
        }

        boolean truncated() {
            return ended;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] b, int offset, int length) throws IOException {
            if (left <= 0) {
                exceeded = true;
                throw new IOException("header too large");
            }
            int n;
            try {
                n = in.read(b, offset, (int) Math.min(length, left));
            } catch (IOException e) {
                failed = true;
                throw e;
            }
            if (n < 0) {
                ended = true;
            } else {
                if (left <= HEADER_BYTES) {
                    header.write(b, offset, n);
                }
                left -= n;
            }
            return n;
        }

        @Override
        public void close() throws IOException {
            in.close();
        }
    }
}
