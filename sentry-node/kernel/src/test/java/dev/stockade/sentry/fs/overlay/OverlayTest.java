package dev.stockade.sentry.fs.overlay;

import static dev.stockade.sentry.vfs.TestSandbox.bytes;
import static dev.stockade.sentry.vfs.TestSandbox.errnoOf;
import static dev.stockade.sentry.vfs.TestSandbox.write;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.fs.gofer.FakeGofer;
import dev.stockade.sentry.fs.gofer.GoferFilesystem;
import dev.stockade.sentry.fs.tmpfs.TmpfsFilesystem;
import dev.stockade.sentry.vfs.FileChanges;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Stat;
import dev.stockade.sentry.vfs.TestSandbox;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class OverlayTest {
    private final TestSandbox s = new TestSandbox();
    private final FakeGofer gofer = new FakeGofer();
    private TmpfsFilesystem upper;
    private OverlayFilesystem overlay;

    @BeforeEach
    void mount() throws ErrnoException {
        gofer.directory("/etc")
                .file("/etc/passwd", "root\n")
                .file("/etc/group", "wheel\n")
                .directory("/etc/empty")
                .directory("/bin")
                .file("/bin/sh", "elf")
                .link("/bin/ash", "/bin/sh")
                .symlink("/bin/link", "sh");
        GoferFilesystem lower = new GoferFilesystem(s.vfs, s.frames, gofer);
        upper = s.newTmpfs();
        overlay = new OverlayFilesystem(s.vfs, lower, upper, s.contextOf(lower));
        s.root(overlay);
    }

    @AfterEach
    void shouldLeaveNothingBehind() {
        overlay.close();
        assertThat(s.frames.usedBytes()).as("frames").isZero();
        assertThat(upper.usedBytes()).as("charged pages").isZero();
    }

    @Test
    void shouldShowTheLowerTree() throws ErrnoException {
        assertThat(s.list("/")).containsExactly("bin", "etc");
        assertThat(s.read("/etc/passwd")).isEqualTo("root\n");
        assertThat(s.read("/bin/link")).isEqualTo("elf");
        assertThat(s.stat("/etc/passwd").device()).isEqualTo(overlay.device());
        assertThat(upper.usedBytes()).isZero();
    }

    @Test
    void shouldCopyUpOnWriting() throws ErrnoException {
        Stat before = s.stat("/etc/passwd");
        FileDescription old = s.open("/etc/passwd", OpenFlags.O_RDONLY);
        s.append("/etc/passwd", "user\n");
        assertThat(s.read("/etc/passwd")).isEqualTo("root\nuser\n");
        assertThat(s.stat("/etc/passwd").ino()).isEqualTo(before.ino());
        assertThat(old.stat().size()).isEqualTo(10);
        assertThat(TestSandbox.read(old, 100)).as("as Linux since 4.19").isEqualTo("root\nuser\n");
        old.decRef();
        assertThat(s.list("/etc")).containsExactlyInAnyOrder("passwd", "group", "empty");
    }

    @Test
    void shouldNotCopyWhatIsTruncated() throws ErrnoException {
        int reads = gofer.reads.get();
        s.write("/etc/passwd", "new");
        assertThat(gofer.reads).hasValue(reads);
        assertThat(s.read("/etc/passwd")).isEqualTo("new");
    }

    @Test
    void shouldCopyUpOnChangesOfAttributes() throws ErrnoException {
        s.chmod("/etc/passwd", 0600);
        assertThat(s.stat("/etc/passwd").mode() & 07777).isEqualTo(0600);
        assertThat(s.stat("/etc/passwd").mtimeNs())
                .as("contents did not change")
                .isEqualTo(6);
        assertThat(s.read("/etc/passwd")).isEqualTo("root\n");
        s.chown("/etc", 5, 6);
        assertThat(s.stat("/etc").uid()).isEqualTo(5);
        assertThat(s.read("/etc/group")).isEqualTo("wheel\n");
    }

    @Test
    void shouldHideWhatWasRemoved() throws ErrnoException {
        s.unlink("/etc/passwd");
        assertThat(errnoOf(() -> s.stat("/etc/passwd"))).isEqualTo(Errno.ENOENT);
        assertThat(s.list("/etc")).containsExactlyInAnyOrder("group", "empty");
        s.write("/etc/passwd", "again");
        assertThat(s.read("/etc/passwd")).isEqualTo("again");
        assertThat(s.list("/etc")).containsExactlyInAnyOrder("group", "empty", "passwd");
        s.unlink("/etc/passwd");
        assertThat(errnoOf(() -> s.stat("/etc/passwd"))).isEqualTo(Errno.ENOENT);
    }

    @Test
    void shouldKeepARemovedFileReadableAndWritable() throws ErrnoException {
        FileDescription f = s.open("/etc/passwd", OpenFlags.O_RDONLY);
        s.unlink("/etc/passwd");
        assertThat(f.stat().nlink()).isZero();
        assertThat(TestSandbox.read(f, 10)).isEqualTo("root\n");
        f.decRef();
        FileDescription g = s.open("/etc/group", OpenFlags.O_RDWR);
        s.unlink("/etc/group");
        write(g, "gone");
        g.seek(0, 0);
        assertThat(TestSandbox.read(g, 10)).isEqualTo("gone\n".substring(0, 4) + "l\n");
        g.decRef();
        assertThat(s.list("/etc")).containsExactly("empty");
    }

    @Test
    void shouldMakeRemovedDirectoriesOpaque() throws ErrnoException {
        assertThat(errnoOf(() -> s.rmdir("/etc"))).isEqualTo(Errno.ENOTEMPTY);
        s.unlink("/etc/passwd");
        s.unlink("/etc/group");
        s.rmdir("/etc/empty");
        assertThat(s.list("/etc")).isEmpty();
        s.rmdir("/etc");
        assertThat(s.list("/")).containsExactly("bin");
        s.mkdir("/etc");
        assertThat(s.list("/etc")).isEmpty();
        assertThat(errnoOf(() -> s.stat("/etc/passwd"))).isEqualTo(Errno.ENOENT);
        s.write("/etc/passwd", "other");
        assertThat(s.list("/etc")).containsExactly("passwd");
    }

    @Test
    void shouldRenameFilesAndLeaveAWhiteout() throws ErrnoException {
        long ino = s.stat("/etc/passwd").ino();
        s.rename("/etc/passwd", "/bin/sh");
        assertThat(s.read("/bin/sh")).isEqualTo("root\n");
        assertThat(s.stat("/bin/sh").ino()).isEqualTo(ino);
        assertThat(errnoOf(() -> s.stat("/etc/passwd"))).isEqualTo(Errno.ENOENT);
        assertThat(s.read("/bin/ash"))
                .as("another name of the file that was replaced")
                .isEqualTo("elf");
        s.rename("/bin/sh", "/etc/passwd");
        assertThat(s.read("/etc/passwd")).isEqualTo("root\n");
        assertThat(s.list("/bin")).containsExactlyInAnyOrder("ash", "link");
    }

    @Test
    void shouldRefuseToMoveLowerDirectories() throws ErrnoException {
        assertThat(errnoOf(() -> s.rename("/etc", "/etc2"))).isEqualTo(Errno.EXDEV);
        s.chmod("/etc", 0700);
        assertThat(errnoOf(() -> s.rename("/etc", "/etc2"))).isEqualTo(Errno.EXDEV);
        s.mkdir("/new");
        s.write("/new/f", "x");
        s.rename("/new", "/etc/moved");
        assertThat(s.read("/etc/moved/f")).isEqualTo("x");
        s.rename("/etc/moved", "/etc/empty");
        assertThat(s.list("/etc/empty")).containsExactly("f");
        assertThat(errnoOf(() -> s.rename("/etc/empty", "/bin"))).isEqualTo(Errno.ENOTEMPTY);
        s.unlink("/etc/empty/f");
        s.rmdir("/etc/empty");
        assertThat(errnoOf(() -> s.stat("/etc/empty"))).isEqualTo(Errno.ENOENT);
    }

    @Test
    void shouldExchange() throws ErrnoException {
        s.rename("/etc/passwd", "/bin/sh", FileChanges.RENAME_EXCHANGE);
        assertThat(s.read("/etc/passwd")).isEqualTo("elf");
        assertThat(s.read("/bin/sh")).isEqualTo("root\n");
        s.unlink("/etc/passwd");
        assertThat(errnoOf(() -> s.stat("/etc/passwd"))).isEqualTo(Errno.ENOENT);
    }

    @Test
    void shouldLinkAfterCopyingUp() throws ErrnoException {
        s.link("/etc/passwd", "/bin/passwd");
        assertThat(s.stat("/bin/passwd").ino()).isEqualTo(s.stat("/etc/passwd").ino());
        assertThat(s.stat("/bin/passwd").nlink()).isEqualTo(2);
        s.append("/bin/passwd", "both\n");
        assertThat(s.read("/etc/passwd")).isEqualTo("root\nboth\n");
        s.unlink("/etc/passwd");
        assertThat(s.read("/bin/passwd")).isEqualTo("root\nboth\n");
        assertThat(s.stat("/bin/passwd").nlink()).isEqualTo(1);
    }

    @Test
    void shouldNotShowWhiteouts() {
        assertThat(errnoOf(() -> s.vfs.changes().mknod(s.context, null, bytes("/w"), FileMode.S_IFCHR | 0600, 0)))
                .isEqualTo(Errno.EPERM);
        assertThat(errnoOf(
                        () -> s.vfs.changes().mknod(s.context, null, bytes("/null"), FileMode.S_IFCHR | 0600, 0x103)))
                .isNull();
    }

    @Test
    void shouldListWithTheNumbersThatStatGives() throws ErrnoException {
        s.write("/etc/new", "x");
        s.append("/etc/group", "y");
        s.mkdir("/etc/dir");
        FileDescription d = s.open("/etc", OpenFlags.O_RDONLY);
        d.iterateDirents((name, ino, type, next) -> {
            String n = TestSandbox.string(name);
            if (!n.startsWith(".")) {
                assertThat(errnoOf(() -> {
                            Stat st = s.lstat("/etc/" + n);
                            assertThat(ino).as(n).isEqualTo(st.ino());
                            assertThat(type).isEqualTo(FileMode.direntType(st.mode()));
                        }))
                        .isNull();
            }
            return true;
        });
        d.decRef();
    }

    @Test
    void shouldSurviveANarrowDentryCache() throws ErrnoException {
        TestSandbox tiny = new TestSandbox(4);
        GoferFilesystem lower = new GoferFilesystem(tiny.vfs, tiny.frames, gofer);
        OverlayFilesystem o = new OverlayFilesystem(tiny.vfs, lower, tiny.newTmpfs(), tiny.contextOf(lower));
        tiny.root(o);
        long ino = tiny.stat("/etc/passwd").ino();
        tiny.append("/etc/passwd", "x");
        for (int i = 0; i < 50; i++) {
            tiny.write("/f" + i, "" + i);
        }
        System.gc();
        assertThat(tiny.stat("/etc/passwd").ino()).isEqualTo(ino);
        assertThat(tiny.read("/etc/passwd")).isEqualTo("root\nx");
        assertThat(tiny.read("/f7")).isEqualTo("7");
        o.close();
        assertThat(tiny.frames.usedBytes()).isZero();
    }

    @Test
    void shouldFindFilesWithoutFollowing() throws ErrnoException {
        assertThat(s.vfs.stat(s.context, null, bytes("/bin/link"), 0).mode() & FileMode.S_IFMT)
                .isEqualTo(FileMode.S_IFLNK);
        assertThat(s.vfs.resolve(s.context, null, bytes("/bin/link"), VirtualFilesystem.FOLLOW)
                        .dentry()
                        .name())
                .isEqualTo(bytes("sh"));
    }
}
