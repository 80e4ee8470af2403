package dev.stockade.gofer.builtin;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;

/** Whether a file is a program that needs no other file: an x86-64 ELF without an interpreter (elf(5)). */
final class StaticElf {
    private static final int HEADER_BYTES = 64;
    private static final int PROGRAM_HEADER_BYTES = 56;
    private static final int MAX_PROGRAM_HEADERS = 128;
    private static final int EM_X86_64 = 62;
    private static final int PT_INTERP = 3;

    private StaticElf() {}

    static boolean isStatic(Path file) throws IOException {
        try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
            if (in.length() < HEADER_BYTES) {
                return false;
            }
            ByteBuffer header = read(in, 0, HEADER_BYTES);
            boolean elf64 = header.getInt(0) == 0x464c457f && header.get(4) == 2 && header.get(5) == 1;
            int count = header.getShort(56) & 0xffff;
            long offset = header.getLong(32);
            if (!elf64
                    || header.getShort(18) != EM_X86_64
                    || header.getShort(54) != PROGRAM_HEADER_BYTES
                    || count == 0
                    || count > MAX_PROGRAM_HEADERS
                    || offset < 0
                    || offset > in.length() - (long) count * PROGRAM_HEADER_BYTES) {
                return false;
            }
            ByteBuffer headers = read(in, offset, count * PROGRAM_HEADER_BYTES);
            for (int i = 0; i < count; i++) {
                if (headers.getInt(i * PROGRAM_HEADER_BYTES) == PT_INTERP) {
                    return false;
                }
            }
            return true;
        }
    }

    private static ByteBuffer read(RandomAccessFile in, long offset, int length) throws IOException {
        byte[] bytes = new byte[length];
        in.seek(offset);
        in.readFully(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
