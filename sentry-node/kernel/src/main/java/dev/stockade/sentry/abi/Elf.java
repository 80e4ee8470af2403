package dev.stockade.sentry.abi;

/** ELF64 files as Linux loads them (elf(5), include/uapi/linux/elf.h). */
public final class Elf {
    /** "\x7fELF" as a little-endian int. */
    public static final int MAGIC = 0x464c457f;

    public static final int EHDR_SIZE = 64;
    public static final int PHDR_SIZE = 56;

    public static final int ET_EXEC = 2;
    public static final int ET_DYN = 3;
    public static final int EM_X86_64 = 62;

    public static final int PT_LOAD = 1;
    public static final int PT_INTERP = 3;
    public static final int PT_GNU_STACK = 0x6474e551;

    public static final int PF_X = 1;
    public static final int PF_W = 2;
    public static final int PF_R = 4;

    /** Offsets in Elf64_Ehdr. */
    public static final int E_TYPE = 16;

    public static final int E_MACHINE = 18;
    public static final int E_ENTRY = 24;
    public static final int E_PHOFF = 32;
    public static final int E_PHENTSIZE = 54;
    public static final int E_PHNUM = 56;

    /** Offsets in Elf64_Phdr. */
    public static final int P_TYPE = 0;

    public static final int P_FLAGS = 4;
    public static final int P_OFFSET = 8;
    public static final int P_VADDR = 16;
    public static final int P_FILESZ = 32;
    public static final int P_MEMSZ = 40;
    public static final int P_ALIGN = 48;

    private Elf() {}
}
