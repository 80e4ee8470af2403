package dev.stockade.gofer.store;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/**
 * What a name stands for.
 *
 * @param id of the tree
 * @param files inodes of the tree
 * @param createdNs since the epoch
 */
public record ImageRecord(String name, String id, long sizeBytes, long files, long createdNs, ImageConfig config) {
    private static final int MAGIC = 0x53544931; // "STI1"
    private static final int MAX_STRINGS = 65536;

    byte[] encode() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(MAGIC);
        writeString(out, name);
        writeString(out, id);
        out.writeLong(sizeBytes);
        out.writeLong(files);
        out.writeLong(createdNs);
        writeStrings(out, config.entrypoint());
        writeStrings(out, config.cmd());
        writeStrings(out, config.env());
        writeString(out, config.workingDir());
        writeString(out, config.user());
        CRC32 crc = new CRC32();
        crc.update(bytes.toByteArray());
        out.writeLong(crc.getValue());
        return bytes.toByteArray();
    }

    static ImageRecord decode(byte[] bytes) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        CRC32 crc = new CRC32();
        crc.update(bytes, 0, Math.max(0, bytes.length - Long.BYTES));
        if (in.readInt() != MAGIC) {
            throw new IOException("not an image record");
        }
        ImageRecord record = new ImageRecord(
                readString(in),
                readString(in),
                in.readLong(),
                in.readLong(),
                in.readLong(),
                new ImageConfig(readStrings(in), readStrings(in), readStrings(in), readString(in), readString(in)));
        if (in.readLong() != crc.getValue()) {
            throw new IOException("damaged image record");
        }
        return record;
    }

    private static void writeString(DataOutputStream out, String s) throws IOException {
        byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
        out.writeInt(utf8.length);
        out.write(utf8);
    }

    private static String readString(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0 || length > in.available()) {
            throw new IOException("damaged image record");
        }
        return new String(in.readNBytes(length), StandardCharsets.UTF_8);
    }

    private static void writeStrings(DataOutputStream out, List<String> strings) throws IOException {
        out.writeInt(strings.size());
        for (String s : strings) {
            writeString(out, s);
        }
    }

    private static List<String> readStrings(DataInputStream in) throws IOException {
        int count = in.readInt();
        if (count < 0 || count > MAX_STRINGS) {
            throw new IOException("damaged image record");
        }
        List<String> strings = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            strings.add(readString(in));
        }
        return strings;
    }
}
