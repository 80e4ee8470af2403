package dev.stockade.sentry.syscalls;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian fields of guest structures in byte arrays. */
final class GuestLayout {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private GuestLayout() {}

    static short getShort(byte[] b, int at) {
        return (short) SHORT.get(b, at);
    }

    static int getInt(byte[] b, int at) {
        return (int) INT.get(b, at);
    }

    static long getLong(byte[] b, int at) {
        return (long) LONG.get(b, at);
    }

    static void putShort(byte[] b, int at, int value) {
        SHORT.set(b, at, (short) value);
    }

    static void putInt(byte[] b, int at, int value) {
        INT.set(b, at, value);
    }

    static void putLong(byte[] b, int at, long value) {
        LONG.set(b, at, value);
    }
}
