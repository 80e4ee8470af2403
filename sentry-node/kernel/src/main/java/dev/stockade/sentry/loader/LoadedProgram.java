package dev.stockade.sentry.loader;

import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.vfs.FileDescription;

/**
 * A program ready to run.
 *
 * @param memory its address space; the receiver has its one user
 * @param entry the first RIP
 * @param stackPointer the first RSP
 * @param executable what /proc/pid/exe is: the ELF file (for a script, the interpreter); the receiver has a reference
 */
public record LoadedProgram(MemoryManager memory, long entry, long stackPointer, FileDescription executable) {}
