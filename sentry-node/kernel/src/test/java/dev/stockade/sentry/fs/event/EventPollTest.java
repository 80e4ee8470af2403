package dev.stockade.sentry.fs.event;

import static dev.stockade.sentry.vfs.TestSandbox.errnoOf;
import static dev.stockade.sentry.vfs.TestSandbox.read;
import static dev.stockade.sentry.vfs.TestSandbox.write;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.PollEvents;
import dev.stockade.sentry.fs.pipe.Pipes;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.TestSandbox;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class EventPollTest {
    private static final int IN = PollEvents.POLLIN;

    private final TestSandbox s = new TestSandbox();
    private final EventPoll e = new EventPoll(s.vfs);
    private Pipes.Ends p;

    @BeforeEach
    void makePipe() throws ErrnoException {
        p = Pipes.create(s.vfs, 0, 0, 0);
    }

    @AfterEach
    void shouldLeaveNothingBehind() {
        p.read().decRef();
        p.write().decRef();
        e.decRef();
        assertThat(s.heap.usedBytes()).isZero();
    }

    @Test
    void shouldReportLevels() throws ErrnoException {
        e.add(3, p.read(), IN, 77);
        assertThat(e.collect(10)).isEmpty();
        assertThat(e.readiness(IN)).isZero();
        write(p.write(), "ab");
        assertThat(e.readiness(IN)).isEqualTo(IN);
        assertThat(e.collect(10)).containsExactly(new EventPoll.Event(IN, 77));
        assertThat(e.collect(10)).as("still ready").containsExactly(new EventPoll.Event(IN, 77));
        read(p.read(), 2);
        assertThat(e.collect(10)).isEmpty();
    }

    @Test
    void shouldReportEdgesOnce() throws ErrnoException {
        write(p.write(), "a");
        e.add(3, p.read(), IN | EventPoll.EPOLLET, 1);
        assertThat(e.collect(10)).as("ready when added").hasSize(1);
        assertThat(e.collect(10)).isEmpty();
        write(p.write(), "b");
        assertThat(e.collect(10)).hasSize(1);
        assertThat(e.collect(10)).isEmpty();
    }

    @Test
    void shouldEndChainsThatAreMadeFromTheOutsideIn() throws ErrnoException {
        List<EventPoll> chain = new ArrayList<>(List.of(e));
        Errno failure = null;
        while (failure == null && chain.size() < 100) {
            EventPoll inner = new EventPoll(s.vfs);
            failure = errnoOf(() -> chain.getLast().add(3, inner, IN, 0));
            chain.add(inner);
        }
        assertThat(failure).isEqualTo(Errno.ELOOP);
        assertThat(chain).hasSizeLessThan(10);
        chain.stream().skip(1).forEach(FileDescription::decRef);
    }

    @Test
    @Timeout(60)
    void shouldNotGoEveryWayThroughNestedInstances() throws ErrnoException {
        EventPoll[] level = {new EventPoll(s.vfs), new EventPoll(s.vfs), new EventPoll(s.vfs)};
        for (int fd = 0; fd < 500; fd++) {
            level[0].add(fd, p.read(), IN, fd);
            level[1].add(fd, level[0], IN, fd);
            level[2].add(fd, level[1], IN, fd);
            e.add(fd, level[2], IN, fd);
        }
        write(p.write(), "x");
        assertThat(e.readiness(IN)).isEqualTo(IN);
        read(p.read(), 1);
        assertThat(e.readiness(IN)).isZero();
        assertThat(e.collect(10)).isEmpty();
        write(p.write(), "x");
        assertThat(e.readiness(IN)).isEqualTo(IN);
        assertThat(e.collect(10)).hasSize(10);
        for (EventPoll l : level) {
            l.decRef();
        }
    }

    @Test
    void shouldDisarmOneShots() throws ErrnoException {
        write(p.write(), "a");
        e.add(3, p.read(), IN | EventPoll.EPOLLONESHOT, 1);
        assertThat(e.collect(10)).hasSize(1);
        write(p.write(), "b");
        assertThat(e.collect(10)).isEmpty();
        e.modify(3, p.read(), IN | EventPoll.EPOLLONESHOT, 2);
        assertThat(e.collect(10)).containsExactly(new EventPoll.Event(IN, 2));
    }

    @Test
    void shouldForgetFilesThatAreReleased() throws ErrnoException {
        Pipes.Ends q = Pipes.create(s.vfs, 0, 0, 0);
        write(q.write(), "x");
        e.add(5, q.read(), IN, 5);
        assertThat(e.collect(10)).hasSize(1);
        q.read().decRef();
        assertThat(e.collect(10)).isEmpty();
        q.write().decRef();
    }

    @Test
    void shouldRefuseWhatLinuxRefuses() throws ErrnoException {
        s.root(s.newTmpfs());
        s.write("/f", "");
        FileDescription f = s.open("/f", OpenFlags.O_RDONLY);
        assertThat(errnoOf(() -> e.add(4, f, IN, 0))).isEqualTo(Errno.EPERM);
        f.decRef();
        s.mounts().rootMount().filesystem().close();
        assertThat(errnoOf(() -> e.add(4, e, IN, 0))).isEqualTo(Errno.EINVAL);
        e.add(3, p.read(), IN, 0);
        assertThat(errnoOf(() -> e.add(3, p.read(), IN, 0))).isEqualTo(Errno.EEXIST);
        assertThat(errnoOf(() -> e.modify(4, p.read(), IN, 0))).isEqualTo(Errno.ENOENT);
        assertThat(errnoOf(() -> e.delete(4, p.read()))).isEqualTo(Errno.ENOENT);
        e.delete(3, p.read());
    }

    @Test
    void shouldNestWithoutCycles() throws ErrnoException {
        EventPoll outer = new EventPoll(s.vfs);
        outer.add(3, e, IN, 9);
        e.add(4, p.read(), IN, 1);
        assertThat(errnoOf(() -> e.add(5, outer, IN, 0))).isEqualTo(Errno.ELOOP);
        assertThat(outer.collect(10)).isEmpty();
        write(p.write(), "x");
        assertThat(outer.collect(10)).containsExactly(new EventPoll.Event(IN, 9));
        outer.decRef();
    }

    @Test
    void shouldCountEvents() throws ErrnoException {
        EventCounter c = new EventCounter(s.vfs, 2, 0, false);
        e.add(6, c, IN, 6);
        assertThat(e.collect(10)).hasSize(1);
        assertThat(read(c, 8)).isEqualTo("\2\0\0\0\0\0\0\0");
        assertThat(errnoOf(() -> read(c, 8))).isEqualTo(Errno.EAGAIN);
        assertThat(errnoOf(() -> read(c, 7))).isEqualTo(Errno.EINVAL);
        assertThat(errnoOf(() -> write(c, "\377".repeat(8)))).isEqualTo(Errno.EINVAL);
        write(c, "\376" + "\377".repeat(7));
        assertThat(errnoOf(() -> write(c, "\1" + "\0".repeat(7)))).isEqualTo(Errno.EAGAIN);
        c.decRef();
        EventCounter semaphore = new EventCounter(s.vfs, 2, 0, true);
        assertThat(read(semaphore, 8)).isEqualTo("\1\0\0\0\0\0\0\0");
        assertThat(read(semaphore, 8)).isEqualTo("\1\0\0\0\0\0\0\0");
        assertThat(errnoOf(() -> read(semaphore, 8))).isEqualTo(Errno.EAGAIN);
        semaphore.decRef();
    }
}
