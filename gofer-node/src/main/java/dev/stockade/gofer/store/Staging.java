package dev.stockade.gofer.store;

import dev.stockade.gofer.tree.ImageTree;
import dev.stockade.gofer.tree.TreeBuilder;
import dev.stockade.gofer.tree.TreeDescription;
import dev.stockade.gofer.tree.TreeException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * An image in the making, in a directory of its own where nobody looks. It becomes visible with
 * {@link ImageStore#commit} at one stroke, or vanishes when closed; what a killed process leaves is removed when the
 * store is opened next. Not thread-safe.
 */
public final class Staging implements AutoCloseable {
    static final String DESCRIPTION = "tree";
    static final String DATA = "data";
    private static final int BUFFER_BYTES = 128 * 1024;

    private final Path directory;
    private final StoreLimits limits;
    private final TreeBuilder tree;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private long bytes;
    private boolean committed;

    Staging(Path directory, StoreLimits limits) throws IOException {
        this.directory = directory;
        this.limits = limits;
        this.tree = new TreeBuilder(limits.tree());
        StoreFiles.makePrivateDirectory(directory.resolve(DATA));
    }

    /** The path of a content file beneath an image's directory. */
    static byte[] contentPath(String digest) {
        return (DATA + '/' + digest.substring(0, 2) + '/' + digest).getBytes(StandardCharsets.US_ASCII);
    }

    Path directory() {
        return directory;
    }

    public TreeBuilder tree() {
        return tree;
    }

    /** The content of a file as it was stored. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record StoredContent(long size, byte[] sha256) {}

    /**
     * Stores what the stream holds.
     *
     * @throws ImageException when the image would become larger than allowed
     */
    public StoredContent addContent(InputStream in) throws IOException, ImageException {
        MessageDigest digest = TreeDescription.sha256();
        Path temporary = directory.resolve("content");
        long size = 0;
        try (FileChannel out = FileChannel.open(
                temporary, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.WRITE)) {
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                checkRoomFor(n);
                bytes += n;
                size += n;
                digest.update(buffer, 0, n);
                ByteBuffer b = ByteBuffer.wrap(buffer, 0, n);
                while (b.hasRemaining()) {
                    out.write(b);
                }
            }
        }
        byte[] sha256 = digest.digest();
        String hex = HexFormat.of().formatHex(sha256);
        Path file = directory.resolve(new String(contentPath(hex), StandardCharsets.US_ASCII));
        if (!Files.exists(file)) {
            StoreFiles.makePrivateDirectory(directory.resolve(DATA).resolve(hex.substring(0, 2)));
            Files.move(temporary, file);
        }
        return new StoredContent(size, sha256);
    }

    /** Refuses early what an entry only promises to hold. */
    public void checkRoomFor(long more) throws ImageException {
        if (more < 0 || more > limits.imageBytes() - bytes) {
            throw new ImageException("the image is larger than " + limits.imageBytes()
                    + " bytes (stockade.gofer.max-image-bytes allows no more)");
        }
    }

    /** Writes the description, so that the directory is a whole image. */
    ImageTree finish() throws IOException, TreeException {
        Files.deleteIfExists(directory.resolve("content"));
        TreeDescription description = tree.build();
        StoreFiles.writeDurably(directory.resolve(DESCRIPTION), description.bytes());
        return description.parse();
    }

    void committed() {
        committed = true;
    }

    @Override
    public void close() throws IOException {
        if (!committed) {
            StoreFiles.deleteTree(directory);
        }
    }
}
