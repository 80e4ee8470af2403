package dev.stockade.sentry.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.memory.KernelHeap;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Stat;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class FdTableTest {
    private final AtomicInteger released = new AtomicInteger();

    private final class File extends FileDescription {
        File() {
            super(0);
        }

        @Override
        protected void release() {
            released.incrementAndGet();
        }

        @Override
        public Stat stat() {
            throw new UnsupportedOperationException();
        }
    }

    private int install(FdTable t, boolean closeOnExec) throws ErrnoException {
        File f = new File();
        try {
            return t.install(f, 0, closeOnExec, 100);
        } finally {
            f.decRef();
        }
    }

    @Test
    void shouldGiveTheLowestFreeDescriptor() throws ErrnoException {
        FdTable t = new FdTable(new KernelHeap(1 << 20));
        for (int i = 0; i < 40; i++) {
            assertThat(install(t, false)).isEqualTo(i);
        }
        t.remove(7).decRef();
        t.remove(3).decRef();
        assertThat(install(t, false)).isEqualTo(3);
        assertThat(install(t, false)).isEqualTo(7);
        assertThat(install(t, false)).isEqualTo(40);
    }

    @Test
    void shouldRefuseDescriptorsAtTheLimit() throws ErrnoException {
        FdTable t = new FdTable(new KernelHeap(1 << 20));
        for (int i = 0; i < 100; i++) {
            install(t, false);
        }
        assertThatThrownBy(() -> install(t, false)).hasMessage("EMFILE");
        assertThat(released).hasValue(1);
        assertThatThrownBy(() -> t.installAt(100, new File(), false, 100)).hasMessage("EBADF");
        assertThatThrownBy(() -> t.get(100)).hasMessage("EBADF");
        assertThatThrownBy(() -> t.get(-1)).hasMessage("EBADF");
    }

    @Test
    void shouldCloseOnExecOnlyWhatAskedForIt() throws ErrnoException {
        FdTable t = new FdTable(new KernelHeap(1 << 20));
        install(t, false);
        install(t, true);
        install(t, false);
        t.closeOnExec();
        assertThat(t.descriptors()).containsExactly(0, 2);
        assertThat(released).hasValue(1);
    }

    @Test
    void shouldKeepFilesOpenInACopy() throws ErrnoException {
        FdTable t = new FdTable(new KernelHeap(1 << 20));
        install(t, false);
        FdTable copy = t.fork();
        t.decUsers();
        assertThat(released).hasValue(0);
        copy.decUsers();
        assertThat(released).hasValue(1);
    }

    @Test
    void shouldSurviveLookupsDuringChanges() throws Exception {
        FdTable t = new FdTable(new KernelHeap(1 << 20));
        AtomicBoolean stop = new AtomicBoolean();
        List<Throwable> failures = new ArrayList<>();
        List<Thread> readers = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Thread r = new Thread(() -> {
                try {
                    while (!stop.get()) {
                        for (int fd = 0; fd < 20; fd++) {
                            FileDescription f = t.find(fd);
                            if (f != null) {
                                f.decRef();
                            }
                        }
                    }
                } catch (Throwable e) {
                    synchronized (failures) {
                        failures.add(e);
                    }
                }
            });
            r.start();
            readers.add(r);
        }
        int made = 0;
        for (int round = 0; round < 3000; round++) {
            int fd = install(t, false);
            made++;
            if (fd > 15) {
                for (int i = 0; i <= fd; i++) {
                    FileDescription f = t.remove(i);
                    if (f != null) {
                        f.decRef();
                    }
                }
            }
        }
        stop.set(true);
        for (Thread r : readers) {
            r.join();
        }
        t.decUsers();
        assertThat(failures).isEmpty();
        assertThat(released).hasValue(made);
    }
}
