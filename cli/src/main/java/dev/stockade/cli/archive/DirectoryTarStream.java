package dev.stockade.cli.archive;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.jspecify.annotations.Nullable;

/**
 * A directory as a tar stream that is made while it is read: nothing is held but one chunk of one file. Entries come
 * in the order of their names, so the same tree gives the same bytes. Not for use by several threads.
 */
final class DirectoryTarStream extends InputStream {
    private static final int CHUNK_BYTES = 64 * 1024;
    private static final int S_IFMT = 0170000;
    private static final int S_IFREG = 0100000;
    private static final int S_IFDIR = 0040000;
    private static final int S_IFLNK = 0120000;
    private static final int S_IFIFO = 0010000;
    private static final int S_IFCHR = 0020000;
    private static final int S_IFBLK = 0060000;

    private final Path root;
    private final Deque<Path> pending = new ArrayDeque<>();
    private final Map<String, String> linkTargets = new HashMap<>(); // "device:inode" to the first name
    private final Buffer buffer = new Buffer();
    private final TarArchiveOutputStream tar = new TarArchiveOutputStream(buffer, "UTF-8");
    private final byte[] chunk = new byte[CHUNK_BYTES];

    private @Nullable InputStream file;
    private Path filePath;
    private long fileRemaining;
    private boolean finished;

    DirectoryTarStream(Path directory) throws IOException {
        root = directory.toRealPath();
        filePath = root;
        tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
        tar.setBigNumberMode(TarArchiveOutputStream.BIGNUMBER_POSIX);
        tar.setAddPaxHeadersForNonAsciiNames(true);
        pending.push(root);
    }

    /** What the tar writer has written and the reader has not yet taken. */
    private static final class Buffer extends ByteArrayOutputStream {
        private int taken;

        int available() {
            return count - taken;
        }

        int take(byte[] into, int offset, int length) {
            int taking = Math.min(length, available());
            System.arraycopy(buf, taken, into, offset, taking);
            taken += taking;
            if (taken == count) {
                taken = 0;
                reset();
            }
            return taking;
        }
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] into, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (buffer.available() == 0) {
            if (finished) {
                return -1;
            }
            advance();
        }
        return buffer.take(into, offset, length);
    }

    private void advance() throws IOException {
        InputStream open = file;
        if (open != null) {
            copyChunk(open);
        } else if (pending.isEmpty()) {
            tar.finish();
            finished = true;
        } else {
            add(pending.pop());
        }
    }

    private void copyChunk(InputStream open) throws IOException {
        if (fileRemaining == 0) {
            open.close();
            file = null;
            tar.closeArchiveEntry();
            return;
        }
        int count = open.read(chunk, 0, (int) Math.min(chunk.length, fileRemaining));
        if (count < 0) {
            throw new IOException(filePath + " became shorter while it was read");
        }
        tar.write(chunk, 0, count);
        fileRemaining -= count;
    }

    private void add(Path path) throws IOException {
        Map<String, Object> unix = Files.readAttributes(path, "unix:*", LinkOption.NOFOLLOW_LINKS);
        int mode = number(unix, "mode").intValue();
        String name = path.equals(root) ? "./" : "./" + root.relativize(path);
        switch (mode & S_IFMT) {
            case S_IFDIR -> {
                put(new TarArchiveEntry(name.endsWith("/") ? name : name + "/", TarConstants.LF_DIR), unix);
                tar.closeArchiveEntry();
                pushChildren(path);
            }
            case S_IFREG -> addFile(path, name, unix);
            case S_IFLNK -> {
                TarArchiveEntry entry = new TarArchiveEntry(name, TarConstants.LF_SYMLINK);
                entry.setLinkName(Files.readSymbolicLink(path).toString());
                put(entry, unix);
                tar.closeArchiveEntry();
            }
            case S_IFIFO -> addSpecial(name, TarConstants.LF_FIFO, unix);
            case S_IFCHR -> addSpecial(name, TarConstants.LF_CHR, unix);
            case S_IFBLK -> addSpecial(name, TarConstants.LF_BLK, unix);
            default -> {} // a socket: it means nothing without its listener, and tar has no type for it
        }
    }

    private void addFile(Path path, String name, Map<String, Object> unix) throws IOException {
        if (number(unix, "nlink").intValue() > 1) {
            String first = linkTargets.putIfAbsent(unix.get("dev") + ":" + unix.get("ino"), name);
            if (first != null) {
                TarArchiveEntry entry = new TarArchiveEntry(name, TarConstants.LF_LINK);
                entry.setLinkName(first);
                put(entry, unix);
                tar.closeArchiveEntry();
                return;
            }
        }
        TarArchiveEntry entry = new TarArchiveEntry(name, TarConstants.LF_NORMAL);
        fileRemaining = number(unix, "size").longValue();
        entry.setSize(fileRemaining);
        file = Files.newInputStream(path);
        filePath = path;
        put(entry, unix);
    }

    private void addSpecial(String name, byte type, Map<String, Object> unix) throws IOException {
        TarArchiveEntry entry = new TarArchiveEntry(name, type);
        long device = number(unix, "rdev").longValue();
        // As glibc's gnu_dev_major and gnu_dev_minor.
        entry.setDevMajor((int) ((device >>> 8) & 0xfff));
        entry.setDevMinor((int) ((device & 0xff) | ((device >>> 12) & 0xfff00)));
        put(entry, unix);
        tar.closeArchiveEntry();
    }

    private void put(TarArchiveEntry entry, Map<String, Object> unix) throws IOException {
        entry.setMode(number(unix, "mode").intValue() & 07777);
        entry.setUserId(number(unix, "uid").longValue());
        entry.setGroupId(number(unix, "gid").longValue());
        entry.setUserName("");
        entry.setGroupName("");
        if (unix.get("lastModifiedTime") instanceof FileTime time) {
            entry.setModTime(time.toMillis());
        }
        tar.putArchiveEntry(entry);
    }

    private void pushChildren(Path directory) throws IOException {
        List<Path> children = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory)) {
            stream.forEach(children::add);
        }
        children.sort(null);
        children.reversed().forEach(pending::push);
    }

    private static Number number(Map<String, Object> unix, String attribute) {
        return unix.get(attribute) instanceof Number number ? number : 0;
    }

    @Override
    public void close() throws IOException {
        InputStream open = file;
        if (open != null) {
            open.close();
        }
    }
}
