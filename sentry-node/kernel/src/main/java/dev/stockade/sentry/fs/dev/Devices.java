package dev.stockade.sentry.fs.dev;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.nio.charset.StandardCharsets;
import java.util.random.RandomGenerator;

/** The devices that every sandbox has. */
public final class Devices {
    private static final int MEM_MAJOR = 1;
    private static final int TTYAUX_MAJOR = 5;

    private Devices() {}

    /**
     * Makes the device numbers openable. /dev/tty gives ENXIO until somebody who knows terminals registers another
     * opener for 5:0.
     *
     * @param random thread-safe and fit for keys: a {@link java.security.SecureRandom}
     */
    public static void register(VirtualFilesystem vfs, RandomGenerator random) {
        memory(vfs, 3, MemoryDevice.Kind.NULL, random);
        memory(vfs, 5, MemoryDevice.Kind.ZERO, random);
        memory(vfs, 7, MemoryDevice.Kind.FULL, random);
        memory(vfs, 8, MemoryDevice.Kind.RANDOM, random);
        memory(vfs, 9, MemoryDevice.Kind.RANDOM, random);
        vfs.registerCharacterDevice(TTYAUX_MAJOR, 0, (context, where, flags) -> {
            throw Errno.ENXIO.exception();
        });
    }

    private static void memory(VirtualFilesystem vfs, int minor, MemoryDevice.Kind kind, RandomGenerator random) {
        vfs.registerCharacterDevice(
                MEM_MAJOR, minor, (context, where, flags) -> new MemoryDevice(where, flags, kind, random));
    }

    /**
     * Fills an empty directory with what a container finds in /dev: the nodes of {@link #register}, links to the
     * process's own descriptors, and the mount points pts and shm.
     */
    public static void populate(Inode dev) throws ErrnoException {
        node(dev, "null", MEM_MAJOR, 3);
        node(dev, "zero", MEM_MAJOR, 5);
        node(dev, "full", MEM_MAJOR, 7);
        node(dev, "random", MEM_MAJOR, 8);
        node(dev, "urandom", MEM_MAJOR, 9);
        node(dev, "tty", TTYAUX_MAJOR, 0);
        link(dev, "fd", "/proc/self/fd");
        link(dev, "stdin", "/proc/self/fd/0");
        link(dev, "stdout", "/proc/self/fd/1");
        link(dev, "stderr", "/proc/self/fd/2");
        dev.makeDirectory(bytes("pts"), FileMode.S_IFDIR | 0755, 0, 0);
        dev.makeDirectory(bytes("shm"), FileMode.S_IFDIR | FileMode.S_ISVTX | 0777, 0, 0);
    }

    private static void node(Inode dev, String name, int major, int minor) throws ErrnoException {
        dev.create(bytes(name), FileMode.S_IFCHR | 0666, 0, 0, FileMode.makeDevice(major, minor));
    }

    private static void link(Inode dev, String name, String target) throws ErrnoException {
        dev.makeSymlink(bytes(name), bytes(target), 0, 0);
    }

    private static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.US_ASCII);
    }
}
