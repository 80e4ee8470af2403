package dev.stockade.sentry.platform.fake;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The smallest static executable: one readable, writable and executable segment of 64 KiB at 0x400000. */
public final class TinyElf {
    public static final long BASE = 0x400000;
    public static final int SIZE = 0x10000;

    /** First byte of the segment that programs may use as they like. */
    public static final long DATA = BASE + 0x4000;

    private TinyElf() {}

    public static byte[] image(long entry) {
        ByteBuffer b = ByteBuffer.allocate(0x1000).order(ByteOrder.LITTLE_ENDIAN);
        b.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0});
        b.position(16);
        b.putShort((short) 2).putShort((short) 62).putInt(1); // ET_EXEC, x86-64
        b.putLong(entry).putLong(64).putLong(0).putInt(0);
        b.putShort((short) 64).putShort((short) 56).putShort((short) 1);
        b.position(64);
        b.putInt(1).putInt(7); // PT_LOAD, rwx
        b.putLong(0).putLong(BASE).putLong(BASE).putLong(0x1000).putLong(SIZE).putLong(0x1000);
        return b.array();
    }
}
