package dev.stockade.sentry.loader;

import dev.stockade.sentry.abi.Elf;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Mappable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * The headers of an ELF file. Numbers are as in the file: any value.
 *
 * @param type ET_EXEC or ET_DYN
 * @param programHeadersOffset e_phoff
 */
record ElfFile(
        FileDescription file,
        Mappable mappable,
        int type,
        long entry,
        long programHeadersOffset,
        List<ProgramHeader> programHeaders) {

    /** One program header (Elf64_Phdr). */
    record ProgramHeader(
            int type, int flags, long offset, long address, long fileSize, long memorySize, long alignment) {
        boolean isLoad() {
            return type == Elf.PT_LOAD;
        }

        /** PROT_* of PF_*. */
        int protection() {
            return ((flags & Elf.PF_R) != 0 ? 1 : 0)
                    | ((flags & Elf.PF_W) != 0 ? 2 : 0)
                    | ((flags & Elf.PF_X) != 0 ? 4 : 0);
        }
    }

    /** ELF_MIN_ALIGN: program headers may take so many bytes. */
    private static final int MAX_HEADER_BYTES = 4096;

    /**
     * @param header the first {@link Elf#EHDR_SIZE} bytes at least
     * @param bad what any defect of the headers gives: ENOEXEC for a program, ELIBBAD for its interpreter
     */
    static ElfFile parse(FileDescription file, byte[] header, Errno bad) throws ErrnoException {
        ByteBuffer h = ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN);
        int type = h.getShort(Elf.E_TYPE) & 0xffff;
        if (h.getInt(0) != Elf.MAGIC
                || (type != Elf.ET_EXEC && type != Elf.ET_DYN)
                || h.getShort(Elf.E_MACHINE) != Elf.EM_X86_64) {
            throw bad.exception();
        }
        Mappable mappable;
        try {
            mappable = file.mappable();
        } catch (ErrnoException e) {
            throw bad.exception();
        }
        int count = h.getShort(Elf.E_PHNUM) & 0xffff;
        int size = count * Elf.PHDR_SIZE;
        if ((h.getShort(Elf.E_PHENTSIZE) & 0xffff) != Elf.PHDR_SIZE || size == 0 || size > MAX_HEADER_BYTES) {
            throw bad.exception();
        }
        long offset = h.getLong(Elf.E_PHOFF);
        byte[] table;
        try {
            table = FileReader.readFully(file, offset, size);
        } catch (ErrnoException e) {
            throw bad.exception();
        }
        ByteBuffer t = ByteBuffer.wrap(table).order(ByteOrder.LITTLE_ENDIAN);
        List<ProgramHeader> headers = new ArrayList<>(count);
        for (int i = 0; i < size; i += Elf.PHDR_SIZE) {
            headers.add(new ProgramHeader(
                    t.getInt(i + Elf.P_TYPE),
                    t.getInt(i + Elf.P_FLAGS),
                    t.getLong(i + Elf.P_OFFSET),
                    t.getLong(i + Elf.P_VADDR),
                    t.getLong(i + Elf.P_FILESZ),
                    t.getLong(i + Elf.P_MEMSZ),
                    t.getLong(i + Elf.P_ALIGN)));
        }
        return new ElfFile(file, mappable, type, h.getLong(Elf.E_ENTRY), offset, headers);
    }

    /** Linux's total_mapping_size: from the first loaded page to the last byte, 0 if nothing is loaded. */
    long mappingSize() {
        long low = -1;
        long high = 0;
        boolean any = false;
        for (ProgramHeader p : programHeaders) {
            if (p.isLoad()) {
                any = true;
                long start = p.address() & -MemoryManager.PAGE_SIZE;
                long end = p.address() + p.memorySize();
                low = Long.compareUnsigned(start, low) < 0 ? start : low;
                high = Long.compareUnsigned(end, high) > 0 ? end : high;
            }
        }
        return any ? high - low : 0;
    }

    /** The strictest alignment of a loaded segment (Linux's maximum_alignment): a power of two, 0 for none. */
    long maximumAlignment() {
        long alignment = 0;
        for (ProgramHeader p : programHeaders) {
            if (p.isLoad() && Long.bitCount(p.alignment()) == 1) {
                alignment = Long.compareUnsigned(p.alignment(), alignment) > 0 ? p.alignment() : alignment;
            }
        }
        return alignment;
    }
}
