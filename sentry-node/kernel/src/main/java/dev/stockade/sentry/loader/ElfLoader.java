package dev.stockade.sentry.loader;

import static dev.stockade.sentry.mm.MemoryManager.PAGE_SIZE;

import dev.stockade.sentry.abi.Elf;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Mman;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.vfs.FileDescription;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * Maps an ELF program and its interpreter into a new address space, as fs/binfmt_elf.c of Linux 6.x does. Linux kills
 * the process where this throws after the headers were read: by then its old program is gone.
 */
final class ElfLoader {
    /** ELF_ET_DYN_BASE: position-independent programs with an interpreter go here and above. */
    private static final long DYN_BASE = MemoryManager.TASK_SIZE / 3 * 2;

    private static final long RANDOM_PAGES = (1L << 28) - 1;
    private static final long BRK_RANDOM = 0x200_0000;
    private static final int PATH_MAX = 4096;

    private final MemoryManager mm;
    private final RandomGenerator random;
    private final boolean randomize;

    private long startCode = -1;
    private long endCode;
    private long startData;
    private long endData;
    private long endBrk;

    ElfLoader(MemoryManager mm, RandomGenerator random, boolean randomize) {
        this.mm = mm;
        this.random = random;
        this.randomize = randomize;
    }

    /**
     * Where a program was put.
     *
     * @param programHeaders AT_PHDR
     * @param base AT_BASE: where the interpreter is, 0 without one
     * @param programEntry AT_ENTRY
     * @param entry where to start: in the interpreter if there is one
     */
    record Loaded(
            long programHeaders,
            int programHeaderCount,
            long base,
            long programEntry,
            long entry,
            long startCode,
            long endCode,
            long startData,
            long endData,
            long startBrk) {}

    /** The interpreter that PT_INTERP names, or null; read before anything is mapped. */
    static @Nullable ElfFile interpreter(ElfFile program, ExecutableOpener opener) throws ErrnoException {
        for (ElfFile.ProgramHeader p : program.programHeaders()) {
            if (p.type() != Elf.PT_INTERP) {
                continue;
            }
            if (p.fileSize() < 2 || p.fileSize() > PATH_MAX) {
                throw Errno.ENOEXEC.exception();
            }
            byte[] name = FileReader.readFully(program.file(), p.offset(), (int) p.fileSize());
            if (name[name.length - 1] != 0) {
                throw Errno.ENOEXEC.exception();
            }
            int length = 0;
            while (name[length] != 0) {
                length++;
            }
            FileDescription file = opener.open(Arrays.copyOf(name, length));
            boolean done = false;
            try {
                byte[] header = FileReader.readFully(file, 0, Elf.EHDR_SIZE);
                ElfFile interpreter = ElfFile.parse(file, header, Errno.ELIBBAD);
                done = true;
                return interpreter;
            } finally {
                if (!done) {
                    file.decRef();
                }
            }
        }
        return null;
    }

    static boolean hasExecutableStack(ElfFile program) {
        boolean executable = false;
        for (ElfFile.ProgramHeader p : program.programHeaders()) {
            if (p.type() == Elf.PT_GNU_STACK) {
                executable = (p.flags() & Elf.PF_X) != 0;
            }
        }
        return executable;
    }

    Loaded load(ElfFile program, @Nullable ElfFile interpreter) throws ErrnoException {
        long bias = mapProgram(program, interpreter != null);
        long programHeaders = 0;
        for (ElfFile.ProgramHeader p : program.programHeaders()) {
            long at = program.programHeadersOffset();
            if (p.isLoad()
                    && Long.compareUnsigned(p.offset(), at) <= 0
                    && Long.compareUnsigned(at, p.offset() + p.fileSize()) < 0) {
                programHeaders = at - p.offset() + p.address() + bias;
                break;
            }
        }
        long programEntry = program.entry() + bias;
        long entry = programEntry;
        long base = 0;
        if (interpreter != null) {
            base = mapInterpreter(interpreter);
            entry = base + interpreter.entry();
        }
        if (isBad(entry)) {
            throw Errno.EINVAL.exception();
        }
        long startBrk = pageUp(endBrk + bias);
        if (program.type() == Elf.ET_DYN && interpreter == null && randomize) {
            // A static PIE lies among the mappings: its heap needs room of its own.
            startBrk = DYN_BASE & -PAGE_SIZE;
        }
        if (randomize) {
            startBrk += random.nextLong(BRK_RANDOM) & -PAGE_SIZE;
        }
        if (startBrk < 0 || startBrk > MemoryManager.TASK_SIZE) {
            throw Errno.EINVAL.exception();
        }
        return new Loaded(
                programHeaders,
                program.programHeaders().size(),
                base,
                programEntry,
                entry,
                startCode + bias,
                endCode + bias,
                startData + bias,
                endData + bias,
                startBrk);
    }

    /** Returns the load bias. */
    private long mapProgram(ElfFile program, boolean hasInterpreter) throws ErrnoException {
        long bias = 0;
        boolean first = true;
        for (ElfFile.ProgramHeader p : program.programHeaders()) {
            if (!p.isLoad()) {
                continue;
            }
            int flags = Mman.MAP_PRIVATE;
            long totalSize = 0;
            if (!first) {
                flags |= Mman.MAP_FIXED;
            } else if (program.type() == Elf.ET_EXEC) {
                flags |= Mman.MAP_FIXED_NOREPLACE;
            } else {
                totalSize = program.mappingSize();
                if (totalSize == 0) {
                    throw Errno.EINVAL.exception();
                }
                if (hasInterpreter) {
                    bias = DYN_BASE;
                    if (randomize) {
                        bias += (random.nextLong() & RANDOM_PAGES) * PAGE_SIZE;
                    }
                    long alignment = program.maximumAlignment();
                    if (alignment != 0) {
                        bias &= -alignment;
                    }
                    flags |= Mman.MAP_FIXED_NOREPLACE;
                }
                bias = (bias - p.address()) & -PAGE_SIZE;
            }
            long wanted = bias + p.address();
            long mapped = loadSegment(program, p, wanted, flags, totalSize);
            if (first) {
                first = false;
                if (program.type() == Elf.ET_DYN) {
                    bias += mapped - (wanted & -PAGE_SIZE);
                }
            }
            note(p);
        }
        return bias;
    }

    /** Keeps the extent of code, data and bss, unbiased. */
    private void note(ElfFile.ProgramHeader p) throws ErrnoException {
        long start = p.address();
        if (Long.compareUnsigned(p.fileSize(), p.memorySize()) > 0 || !fits(start, p.memorySize())) {
            throw Errno.EINVAL.exception();
        }
        if ((p.flags() & Elf.PF_X) != 0 && Long.compareUnsigned(start, startCode) < 0) {
            startCode = start;
        }
        startData = Math.max(startData, start);
        long fileEnd = start + p.fileSize();
        if ((p.flags() & Elf.PF_X) != 0) {
            endCode = Math.max(endCode, fileEnd);
        }
        endData = Math.max(endData, fileEnd);
        endBrk = Math.max(endBrk, start + p.memorySize());
    }

    /** Returns where the interpreter was put: what its addresses are relative to. */
    private long mapInterpreter(ElfFile interpreter) throws ErrnoException {
        long totalSize = interpreter.mappingSize();
        if (totalSize == 0) {
            throw Errno.EINVAL.exception();
        }
        long base = 0;
        boolean baseKnown = interpreter.type() == Elf.ET_EXEC;
        for (ElfFile.ProgramHeader p : interpreter.programHeaders()) {
            if (!p.isLoad()) {
                continue;
            }
            int flags = Mman.MAP_PRIVATE | (baseKnown ? Mman.MAP_FIXED : 0);
            long wanted = baseKnown ? base + p.address() : p.address() & (PAGE_SIZE - 1);
            long mapped = loadSegment(interpreter, p, wanted, flags, totalSize);
            totalSize = 0;
            if (!baseKnown) {
                base = mapped - (p.address() & -PAGE_SIZE);
                baseKnown = true;
            }
            if (!fits(base + p.address(), p.memorySize()) || Long.compareUnsigned(p.fileSize(), p.memorySize()) > 0) {
                throw Errno.ENOMEM.exception();
            }
        }
        return base;
    }

    /**
     * Linux's elf_load: the part from the file, zeros after it.
     *
     * @param totalSize not 0: keep so much room for the segments that follow
     * @return the page where the segment begins
     */
    private long loadSegment(ElfFile elf, ElfFile.ProgramHeader p, long address, int flags, long totalSize)
            throws ErrnoException {
        long inPage = p.address() & (PAGE_SIZE - 1);
        int protection = p.protection();
        long mapped = address & -PAGE_SIZE;
        long zeroStart = mapped;
        boolean bss = Long.compareUnsigned(p.memorySize(), p.fileSize()) > 0;
        if (p.fileSize() != 0) {
            mapped = mapSegment(elf, p, mapped, protection, flags, totalSize);
            zeroStart = mapped + inPage + p.fileSize();
            if (bss && (protection & Mman.PROT_WRITE) != 0) {
                // The rest of the file's last page; the file may well have something there.
                mm.clear(zeroStart, pageUp(zeroStart) - zeroStart);
            }
        } else if ((flags & Mman.MAP_FIXED) == 0 && totalSize != 0) {
            // Nothing of the file to find a place with.
            mapped = reserve(mapped, totalSize, flags);
            zeroStart = mapped;
        }
        if (bss) {
            long start = pageUp(zeroStart);
            long end = pageUp(mapped + inPage + p.memorySize());
            if (Long.compareUnsigned(end, start) > 0) {
                int rw = Mman.PROT_READ | Mman.PROT_WRITE | (protection & Mman.PROT_EXEC);
                mm.mmap(start, end - start, rw, Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS | Mman.MAP_FIXED, null, 0);
            }
        }
        return mapped;
    }

    /** Linux's elf_map. */
    private long mapSegment(
            ElfFile elf, ElfFile.ProgramHeader p, long address, int protection, int flags, long totalSize)
            throws ErrnoException {
        long inPage = p.address() & (PAGE_SIZE - 1);
        long size = pageUp(p.fileSize() + inPage);
        long offset = p.offset() - inPage;
        if (size == 0) {
            return address;
        }
        if ((offset & (PAGE_SIZE - 1)) != 0 || offset < 0 || offset + size < 0) {
            throw Errno.EINVAL.exception();
        }
        if (totalSize == 0) {
            return mm.mapFile(address, size, protection, flags, elf.mappable(), offset);
        }
        long place = reserve(address, Math.max(totalSize, size), flags);
        int fixed = Mman.MAP_PRIVATE | Mman.MAP_FIXED;
        mm.mapFile(place, size, protection, fixed, elf.mappable(), offset);
        return place;
    }

    /** Finds room for a whole program and leaves it free: only this thread uses the address space yet. */
    private long reserve(long address, long totalSize, int flags) throws ErrnoException {
        long size = pageUp(totalSize);
        long place = mm.mmap(address, size, Mman.PROT_NONE, (flags & ~Mman.MAP_FIXED) | Mman.MAP_ANONYMOUS, null, 0);
        mm.munmap(place, size);
        return place;
    }

    private static boolean fits(long start, long size) {
        return start >= 0 && size >= 0 && size <= MemoryManager.TASK_SIZE && start <= MemoryManager.TASK_SIZE - size;
    }

    private static boolean isBad(long address) {
        return address < 0 || address >= MemoryManager.TASK_SIZE;
    }

    private static long pageUp(long address) {
        return (address + PAGE_SIZE - 1) & -PAGE_SIZE;
    }
}
