package dev.stockade.cli.archive;

import dev.stockade.cli.CliException;
import java.io.BufferedInputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;

/** Something that can be read as an uncompressed tar stream. */
public final class TarSource {
    private static final int BUFFER_BYTES = 256 * 1024;
    private static final int GZIP_MAGIC_FIRST = 0x1f;
    private static final int GZIP_MAGIC_SECOND = 0x8b;

    private interface Opening {
        InputStream open() throws IOException;
    }

    private final Opening opening;

    private TarSource(Opening opening) {
        this.opening = opening;
    }

    public static TarSource ofDirectory(Path directory) {
        return new TarSource(() -> new DirectoryTarStream(directory));
    }

    public static TarSource ofFile(Path file) {
        return new TarSource(() -> decompressed(Files.newInputStream(file)));
    }

    /** Can be opened once. */
    public static TarSource ofStandardInput() {
        return new TarSource(() -> decompressed(new FileInputStream(FileDescriptor.in)));
    }

    public InputStream open() throws IOException {
        return opening.open();
    }

    /** SHA-256 of the whole stream, in hexadecimal. */
    public String digest() {
        try (InputStream in = open()) {
            MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[BUFFER_BYTES];
            int count;
            while ((count = in.read(buffer)) > 0) {
                sha256.update(buffer, 0, count);
            }
            return HexFormat.of().formatHex(sha256.digest());
        } catch (IOException e) {
            throw new CliException("cannot read the image's files: " + e.getMessage(), e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    private static InputStream decompressed(InputStream raw) throws IOException {
        BufferedInputStream in = new BufferedInputStream(raw, BUFFER_BYTES);
        in.mark(2);
        boolean gzip = in.read() == GZIP_MAGIC_FIRST && in.read() == GZIP_MAGIC_SECOND;
        in.reset();
        return gzip ? new GZIPInputStream(in, BUFFER_BYTES) : in;
    }
}
