package dev.stockade.sentry.loader;

import dev.stockade.sentry.abi.AuxVector;
import dev.stockade.sentry.abi.Elf;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.Mman;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.mm.MemoryLimits;
import dev.stockade.sentry.mm.MemoryManager;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The stack that a new program starts with (fs/exec.c, create_elf_tables of fs/binfmt_elf.c). From the top down: eight
 * zero bytes, the path, the environment's strings, the arguments' strings; the platform's name and the random bytes;
 * the auxiliary vector, envp, argv, argc, where the stack pointer stands.
 */
final class InitialStack {
    private static final int MAX_ARG_STRLEN = 131072;
    private static final long ARG_MAX = 131072;
    private static final long STACK_LIMIT = 8L << 20;

    /** The stack is mapped for so much more than is used. */
    private static final long STACK_EXPAND = 131072;

    private static final byte[] PLATFORM = "x86_64\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final int RANDOM_BYTES = 16;

    /** CPUID.1:EDX of every x86-64 processor: FPU to SSE2. Programs ask CPUID for more. */
    private static final long HWCAP = 0x078b_fbff;

    private static final long CLOCK_TICKS = 100;

    private final byte[] path;
    private final List<byte[]> arguments;
    private final List<byte[]> environment;

    InitialStack(byte[] path, List<byte[]> arguments, List<byte[]> environment) {
        this.path = path;
        this.arguments = arguments;
        this.environment = environment;
    }

    /** Where the parts are. */
    record Placed(long stackPointer, long argStart, long argEnd, long envStart, long envEnd, byte[] auxv) {}

    /** Linux's bprm_stack_limits and copy_strings: E2BIG. */
    void checkSize(MemoryLimits limits) throws ErrnoException {
        long limit = STACK_LIMIT / 4 * 3;
        long quarter = limits.stack() >>> 2;
        limit = Math.max(Math.min(limit, quarter), ARG_MAX);
        limit -= 8L * (Math.max(arguments.size(), 1) + environment.size());
        long size = path.length + 1L;
        for (List<byte[]> strings : List.of(arguments, environment)) {
            for (byte[] s : strings) {
                if (s.length >= MAX_ARG_STRLEN) {
                    throw Errno.E2BIG.exception();
                }
                size += s.length + 1L;
            }
        }
        if (size > limit) {
            throw Errno.E2BIG.exception();
        }
    }

    Placed place(
            MemoryManager mm,
            ElfLoader.Loaded program,
            Credentials credentials,
            boolean secure,
            boolean executable,
            RandomGenerator random,
            boolean randomize,
            MemoryLimits limits)
            throws ErrnoException {
        long top = mm.stackTop();
        long execfn = top - 8 - path.length - 1;
        long envEnd = execfn;
        long envStart = envEnd - size(environment);
        long argEnd = envStart;
        long argStart = argEnd - size(arguments);
        long at = argStart;
        if (randomize) {
            at -= random.nextInt(8192);
        }
        at &= -16L;
        long platform = at - PLATFORM.length;
        long randomAt = platform - RANDOM_BYTES;
        long[] auxv = {
            AuxVector.AT_HWCAP,
            HWCAP,
            AuxVector.AT_PAGESZ,
            MemoryManager.PAGE_SIZE,
            AuxVector.AT_CLKTCK,
            CLOCK_TICKS,
            AuxVector.AT_PHDR,
            program.programHeaders(),
            AuxVector.AT_PHENT,
            Elf.PHDR_SIZE,
            AuxVector.AT_PHNUM,
            program.programHeaderCount(),
            AuxVector.AT_BASE,
            program.base(),
            AuxVector.AT_FLAGS,
            0,
            AuxVector.AT_ENTRY,
            program.programEntry(),
            AuxVector.AT_UID,
            Integer.toUnsignedLong(credentials.ruid()),
            AuxVector.AT_EUID,
            Integer.toUnsignedLong(credentials.euid()),
            AuxVector.AT_GID,
            Integer.toUnsignedLong(credentials.rgid()),
            AuxVector.AT_EGID,
            Integer.toUnsignedLong(credentials.egid()),
            AuxVector.AT_SECURE,
            secure ? 1 : 0,
            AuxVector.AT_RANDOM,
            randomAt,
            AuxVector.AT_HWCAP2,
            0,
            AuxVector.AT_EXECFN,
            execfn,
            AuxVector.AT_PLATFORM,
            platform,
            AuxVector.AT_NULL,
            0,
        };
        long words = 1L + arguments.size() + 1 + environment.size() + 1 + auxv.length;
        long stackPointer = (randomAt - words * 8) & -16L;

        ByteBuffer image = ByteBuffer.allocate((int) (top - stackPointer)).order(ByteOrder.LITTLE_ENDIAN);
        image.putLong(arguments.size());
        putPointers(image, arguments, argStart);
        putPointers(image, environment, envStart);
        int auxvAt = image.position();
        for (long word : auxv) {
            image.putLong(word);
        }
        byte[] auxvBytes = new byte[auxv.length * 8];
        image.get(auxvAt, auxvBytes);
        byte[] randomBytes = new byte[RANDOM_BYTES];
        random.nextBytes(randomBytes);
        image.put((int) (randomAt - stackPointer), randomBytes);
        image.put((int) (platform - stackPointer), PLATFORM);
        putStrings(image, (int) (argStart - stackPointer), arguments);
        putStrings(image, (int) (envStart - stackPointer), environment);
        image.put((int) (execfn - stackPointer), path);

        map(mm, stackPointer, executable, limits);
        mm.copyOut(stackPointer, image.array());
        return new Placed(stackPointer, argStart, argEnd, envStart, envEnd, auxvBytes);
    }

    private static void map(MemoryManager mm, long stackPointer, boolean executable, MemoryLimits limits)
            throws ErrnoException {
        long used = mm.stackTop() - (stackPointer & -MemoryManager.PAGE_SIZE);
        long size = used + STACK_EXPAND;
        if (Long.compareUnsigned(size, limits.stack()) > 0) {
            size = Math.max(used, limits.stack() & -MemoryManager.PAGE_SIZE);
        }
        int protection = Mman.PROT_READ | Mman.PROT_WRITE | (executable ? Mman.PROT_EXEC : 0);
        int flags = Mman.MAP_PRIVATE | Mman.MAP_ANONYMOUS | Mman.MAP_FIXED | Mman.MAP_GROWSDOWN;
        mm.mmap(mm.stackTop() - size, size, protection, flags, null, 0);
    }

    private static long size(List<byte[]> strings) {
        long size = 0;
        for (byte[] s : strings) {
            size += s.length + 1L;
        }
        return size;
    }

    private static void putPointers(ByteBuffer image, List<byte[]> strings, long start) {
        long at = start;
        for (byte[] s : strings) {
            image.putLong(at);
            at += s.length + 1L;
        }
        image.putLong(0);
    }

    private static void putStrings(ByteBuffer image, int start, List<byte[]> strings) {
        int at = start;
        for (byte[] s : strings) {
            image.put(at, s);
            at += s.length + 1;
        }
    }
}
