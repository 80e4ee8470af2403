package dev.stockade.sentry.loader;

import dev.stockade.sentry.abi.Elf;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Builds small ELF64 files: headers in the first page, then whatever segments say. */
final class ElfImage {
    private record Segment(int type, int flags, long offset, long address, long fileSize, long memorySize) {}

    private final int type;
    private final long entry;
    private final List<Segment> segments = new ArrayList<>();
    private final ByteBuffer file = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    private int length = 4096;

    ElfImage(int type, long entry) {
        this.type = type;
        this.entry = entry;
    }

    ElfImage segment(int flags, long offset, long address, long fileSize, long memorySize) {
        segments.add(new Segment(Elf.PT_LOAD, flags, offset, address, fileSize, memorySize));
        length = Math.max(length, (int) Math.min(1 << 16, offset + fileSize));
        return this;
    }

    ElfImage header(int kind, int flags) {
        segments.add(new Segment(kind, flags, 0, 0, 0, 0));
        return this;
    }

    ElfImage interpreter(String path) {
        byte[] name = (path + "\0").getBytes(StandardCharsets.ISO_8859_1);
        file.put(2048, name);
        segments.add(new Segment(Elf.PT_INTERP, Elf.PF_R, 2048, 0, name.length, name.length));
        return this;
    }

    ElfImage bytes(int offset, String text) {
        file.put(offset, text.getBytes(StandardCharsets.ISO_8859_1));
        return this;
    }

    byte[] build() {
        file.putInt(0, Elf.MAGIC);
        file.put(4, (byte) 2).put(5, (byte) 1).put(6, (byte) 1);
        file.putShort(Elf.E_TYPE, (short) type);
        file.putShort(Elf.E_MACHINE, (short) Elf.EM_X86_64);
        file.putLong(Elf.E_ENTRY, entry);
        file.putLong(Elf.E_PHOFF, Elf.EHDR_SIZE);
        file.putShort(Elf.E_PHENTSIZE, (short) Elf.PHDR_SIZE);
        file.putShort(Elf.E_PHNUM, (short) segments.size());
        int at = Elf.EHDR_SIZE;
        for (Segment s : segments) {
            file.putInt(at + Elf.P_TYPE, s.type());
            file.putInt(at + Elf.P_FLAGS, s.flags());
            file.putLong(at + Elf.P_OFFSET, s.offset());
            file.putLong(at + Elf.P_VADDR, s.address());
            file.putLong(at + Elf.P_FILESZ, s.fileSize());
            file.putLong(at + Elf.P_MEMSZ, s.memorySize());
            file.putLong(at + Elf.P_ALIGN, 4096);
            at += Elf.PHDR_SIZE;
        }
        byte[] image = new byte[length];
        file.get(0, image);
        return image;
    }
}
