package dev.stockade.sentry.kvm.selftest;

import dev.stockade.sentry.kvm.Assembler;
import dev.stockade.sentry.platform.Context;
import dev.stockade.sentry.platform.Machine;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Page tables of a hand-made guest. Frames come from a {@link Frames} that several address spaces share. */
final class GuestAddressSpace {
    static final long CODE = 0x40_0000;
    static final long DATA = 0x60_0000;
    static final long STACK_TOP = 0x7fff_0000L;

    static final long PRESENT = 1;
    static final long WRITE = 2;
    static final long USER = 4;
    static final long ACCESSED_DIRTY = 0x60;
    static final long LARGE = 0x80;
    static final long NO_EXECUTE = 1L << 63;
    static final long READ_ONLY = PRESENT | USER | ACCESSED_DIRTY;
    static final long READ_WRITE = READ_ONLY | WRITE;

    private static final long ADDRESS = 0x000f_ffff_ffff_f000L;

    /** Hands out frames, the next higher each time. */
    static class Frames {
        private long next;

        long take() {
            long frame = next;
            next += 4096;
            return frame;
        }
    }

    private final Machine machine;
    private final MemorySegment memory;
    private final Frames frames;
    private final long root;

    GuestAddressSpace(Machine machine, Frames frames) {
        this(machine, frames, frames.take());
    }

    GuestAddressSpace(Machine machine, Frames frames, long root) {
        this.machine = machine;
        this.memory = machine.memory().segment();
        this.frames = frames;
        this.root = root;
        zero(root);
        machine.installKernelMappings(root);
    }

    private void zero(long frame) {
        memory.asSlice(frame, 4096).fill((byte) 0);
    }

    long root() {
        return root;
    }

    /** Where the entry for this address is, with the tables above it made. */
    long entry(long address) {
        return entry(address, 12);
    }

    private long entry(long address, int leafShift) {
        long table = root;
        for (int shift = 39; shift > leafShift; shift -= 9) {
            long at = table + (address >>> shift & 511) * 8;
            long e = memory.get(ValueLayout.JAVA_LONG, at);
            if ((e & PRESENT) == 0) {
                long frame = frames.take();
                zero(frame);
                e = machine.guestPhysicalBase() + frame | READ_WRITE;
                memory.set(ValueLayout.JAVA_LONG, at, e);
            }
            table = (e & ADDRESS) - machine.guestPhysicalBase();
        }
        return table + (address >>> leafShift & 511) * 8;
    }

    GuestAddressSpace map(long address, long frame, long rights) {
        memory.set(ValueLayout.JAVA_LONG, entry(address), machine.guestPhysicalBase() + frame | rights);
        return this;
    }

    void unmap(long address) {
        memory.set(ValueLayout.JAVA_LONG, entry(address), 0);
    }

    void mapLarge(long address, long frame, long rights) {
        memory.set(ValueLayout.JAVA_LONG, entry(address, 21), machine.guestPhysicalBase() + frame | rights | LARGE);
    }

    void unmapLarge(long address) {
        memory.set(ValueLayout.JAVA_LONG, entry(address, 21), 0);
    }

    /** Maps a new zeroed page and returns its frame. */
    long page(long address, long rights) {
        long frame = frames.take();
        zero(frame);
        map(address, frame, rights);
        return frame;
    }

    /** Maps code at {@link #CODE} (up to four pages), a data page at {@link #DATA} and a stack page. */
    GuestAddressSpace standard(Assembler code) {
        load(code);
        page(DATA, READ_WRITE | NO_EXECUTE);
        page(STACK_TOP - 4096, READ_WRITE | NO_EXECUTE);
        return this;
    }

    void load(Assembler code) {
        byte[] bytes = code.assemble();
        for (int at = 0; at < bytes.length; at += 4096) {
            long frame = page(CODE + at, READ_ONLY);
            MemorySegment.copy(bytes, at, memory, ValueLayout.JAVA_BYTE, frame, Math.min(4096, bytes.length - at));
        }
    }

    long frameOf(long address) {
        return (memory.get(ValueLayout.JAVA_LONG, entry(address)) & ADDRESS) - machine.guestPhysicalBase();
    }

    long read(long address) {
        return memory.get(ValueLayout.JAVA_LONG, frameOf(address) + (address & 4095));
    }

    void write(long address, long value) {
        memory.set(ValueLayout.JAVA_LONG, frameOf(address) + (address & 4095), value);
    }

    /** A context at the start of the code with the stack set. */
    Context start() {
        Context c = machine.newContext();
        c.registers().rip = CODE;
        c.registers().rsp = STACK_TOP - 64;
        return c;
    }
}
