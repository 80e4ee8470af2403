package dev.stockade.sentry.loader;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.IoSink;
import java.lang.foreign.MemorySegment;

/** Reads parts of an executable into the kernel. */
final class FileReader {
    private FileReader() {}

    /** Reads until the buffer is full or the file ends; the rest of the buffer stays zero. */
    static int readSome(FileDescription file, byte[] buffer, long offset) throws ErrnoException {
        BufferSink sink = new BufferSink(buffer);
        while (sink.remaining() > 0) {
            long n = file.pread(sink, offset + sink.position);
            if (n <= 0) {
                break;
            }
        }
        return sink.position;
    }

    /** Linux's elf_read: EIO if the file ends before. */
    static byte[] readFully(FileDescription file, long offset, int length) throws ErrnoException {
        byte[] buffer = new byte[length];
        if (offset < 0) {
            throw Errno.EINVAL.exception();
        }
        if (readSome(file, buffer, offset) < length) {
            throw Errno.EIO.exception();
        }
        return buffer;
    }

    private static final class BufferSink implements IoSink {
        private final byte[] buffer;
        private int position;

        BufferSink(byte[] buffer) {
            this.buffer = buffer;
        }

        @Override
        public long remaining() {
            return (long) buffer.length - position;
        }

        @Override
        public int put(MemorySegment source, long offset, int length) {
            int n = Math.min(length, buffer.length - position);
            MemorySegment.copy(source, offset, MemorySegment.ofArray(buffer), position, n);
            position += n;
            return n;
        }
    }
}
