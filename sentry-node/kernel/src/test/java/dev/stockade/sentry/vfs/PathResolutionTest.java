package dev.stockade.sentry.vfs;

import static dev.stockade.sentry.vfs.TestSandbox.bytes;
import static dev.stockade.sentry.vfs.TestSandbox.errnoOf;
import static dev.stockade.sentry.vfs.TestSandbox.string;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PathResolutionTest {
    private final TestSandbox s = new TestSandbox();

    @BeforeEach
    void makeTree() throws ErrnoException {
        s.root(s.newTmpfs());
        s.mkdir("/a");
        s.mkdir("/a/b");
        s.mkdir("/a/b/c");
        s.write("/a/f", "contents of f");
        s.write("/a/b/g", "g");
        s.symlink("b/c", "/a/rel");
        s.symlink("/a/b", "/a/abs");
        s.symlink("..", "/a/b/up");
        s.symlink("f", "/a/tof");
        s.symlink("f/", "/a/tofslash");
        s.symlink("nowhere", "/a/dangling");
        s.symlink("loop2", "/loop1");
        s.symlink("loop1", "/loop2");
        s.symlink("x".repeat(256), "/long");
    }

    @ParameterizedTest
    @CsvSource({
        "/, /",
        "//, /",
        "/., /",
        "/.., /",
        "/../../a, /a",
        "/a/b/../b/./c, /a/b/c",
        "/a//b///c, /a/b/c",
        "/a/b/c/, /a/b/c",
        "/a/rel, /a/b/c",
        "/a/rel/, /a/b/c",
        "/a/rel/.., /a/b",
        "/a/abs/g, /a/b/g",
        "/a/abs/up/f, /a/f",
        "/a/b/up/b/up/tof, /a/f",
        "a/f, /a/f",
        "., /",
    })
    void shouldResolve(String path, String expected) throws ErrnoException {
        assertThat(string(s.vfs.path(s.resolve(path), s.context.root()))).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "'', ENOENT",
        "/nope, ENOENT",
        "/nope/x, ENOENT",
        "/a/f/, ENOTDIR",
        "/a/f/x, ENOTDIR",
        "/a/f/., ENOTDIR",
        "/a/f/.., ENOTDIR",
        "/a/tof/, ENOTDIR",
        "/a/tofslash, ENOTDIR",
        "/a/dangling, ENOENT",
        "/loop1, ELOOP",
        "/loop1/x, ELOOP",
        "/long, ENAMETOOLONG",
    })
    void shouldFail(String path, Errno expected) {
        assertThat(errnoOf(() -> s.resolve(path))).isEqualTo(expected);
    }

    @Test
    void shouldLimitNamesAndPaths() {
        assertThat(errnoOf(() -> s.resolve("/" + "n".repeat(255)))).isEqualTo(Errno.ENOENT);
        assertThat(errnoOf(() -> s.resolve("/" + "n".repeat(256)))).isEqualTo(Errno.ENAMETOOLONG);
        assertThat(errnoOf(() -> s.resolve("/./".repeat(1365)))).isNull();
        assertThat(errnoOf(() -> s.resolve("/./".repeat(1365) + "/"))).isEqualTo(Errno.ENAMETOOLONG);
    }

    @Test
    void shouldFollowFortySymlinksAndNoMore() throws ErrnoException {
        s.write("/target", "x");
        s.symlink("target", "/s1");
        for (int i = 2; i <= 41; i++) {
            s.symlink("s" + (i - 1), "/s" + i);
        }
        assertThat(s.read("/s40")).isEqualTo("x");
        assertThat(errnoOf(() -> s.resolve("/s41"))).isEqualTo(Errno.ELOOP);
    }

    @Test
    void shouldStayInsideAChangedRoot() throws ErrnoException {
        VirtualDentry jail = s.resolve("/a/b");
        VfsContext inside = new VfsContext(s.context.credentials(), jail, jail, 0);
        assertThat(string(s.vfs.path(s.vfs.resolve(inside, null, bytes("../../.."), 1), jail)))
                .isEqualTo("/");
        assertThat(errnoOf(() -> s.vfs.resolve(inside, null, bytes("/a/f"), 1))).isEqualTo(Errno.ENOENT);
        assertThat(s.vfs.stat(inside, null, bytes("/up"), 1).ino())
                .as("'..' of the root is the root")
                .isEqualTo(s.stat("/a/b").ino());
        VfsContext outside = new VfsContext(s.context.credentials(), jail, s.resolve("/a"), 0);
        assertThat(string(s.vfs.getcwd(outside))).isEqualTo("(unreachable)/a");
    }

    @Test
    void shouldNameDeletedFiles() throws ErrnoException {
        VirtualDentry f = s.resolve("/a/f");
        VirtualDentry c = s.resolve("/a/b/c");
        s.unlink("/a/f");
        s.rmdir("/a/b/c");
        assertThat(string(s.vfs.path(f, s.context.root()))).isEqualTo("/a/f (deleted)");
        VfsContext there = new VfsContext(s.context.credentials(), s.context.root(), c, 0);
        assertThat(errnoOf(() -> s.vfs.getcwd(there))).isEqualTo(Errno.ENOENT);
        assertThat(errnoOf(() -> s.vfs.changes().mkdir(there, null, bytes("x"), 0777)))
                .isEqualTo(Errno.ENOENT);
    }

    @Test
    void shouldFollowARenamedDirectory() throws ErrnoException {
        VfsContext in = s.in("/a/b/c");
        s.rename("/a/b", "/moved");
        assertThat(string(s.vfs.getcwd(in))).isEqualTo("/moved/c");
        assertThat(errnoOf(() -> s.resolve("/a/b"))).isEqualTo(Errno.ENOENT);
        assertThat(s.read("/moved/g")).isEqualTo("g");
    }

    @ParameterizedTest
    @CsvSource({
        "/new, 0, ",
        "/a/f, 0, ",
        "/a/f, O_EXCL, EEXIST",
        "/a/tof, 0, ",
        "/a/tof, O_EXCL, EEXIST",
        "/a/tof, O_NOFOLLOW, ELOOP",
        "/a/dangling, 0, ",
        "/a/dangling, O_EXCL, EEXIST",
        "/new/, 0, EISDIR",
        "/a, 0, EISDIR",
        "/., 0, EISDIR",
        "/., O_EXCL, EEXIST",
        "/nope/new, 0, ENOENT",
        "/a/f/new, 0, ENOTDIR",
        "/a/new, O_DIRECTORY, EINVAL",
        "/loop1, 0, ELOOP",
    })
    void shouldCreateAsLinuxDoes(String path, String extra, Errno expected) {
        int flags = OpenFlags.O_CREAT
                | OpenFlags.O_RDWR
                | switch (extra) {
                    case "O_EXCL" -> OpenFlags.O_EXCL;
                    case "O_NOFOLLOW" -> OpenFlags.O_NOFOLLOW;
                    case "O_DIRECTORY" -> OpenFlags.O_DIRECTORY;
                    default -> 0;
                };
        assertThat(errnoOf(() -> s.open(path, flags).decRef())).isEqualTo(expected);
    }

    @Test
    void shouldCreateTheTargetOfADanglingLink() throws ErrnoException {
        s.write("/a/dangling", "made");
        assertThat(s.read("/a/nowhere")).isEqualTo("made");
        assertThat(s.lstat("/a/dangling").mode() & FileMode.S_IFMT).isEqualTo(FileMode.S_IFLNK);
    }

    @ParameterizedTest
    @CsvSource({
        "rmdir, /, EBUSY",
        "rmdir, /a/., EINVAL",
        "rmdir, /a/.., ENOTEMPTY",
        "rmdir, /a, ENOTEMPTY",
        "rmdir, /a/f, ENOTDIR",
        "rmdir, /a/rel, ENOTDIR",
        "rmdir, /a/b/c/, ",
        "unlink, /, EISDIR",
        "unlink, /a/b, EISDIR",
        "unlink, /a/f/, ENOTDIR",
        "unlink, /a/rel, ",
        "unlink, /nope, ENOENT",
        "mkdir, /, EEXIST",
        "mkdir, /a/., EEXIST",
        "mkdir, /a/f, EEXIST",
        "mkdir, /a/dangling, EEXIST",
        "mkdir, /a/new/, ",
        "mkdir, /nope/new, ENOENT",
    })
    void shouldRefuseAsLinuxDoes(String call, String path, Errno expected) {
        assertThat(errnoOf(() -> {
                    switch (call) {
                        case "rmdir" -> s.rmdir(path);
                        case "unlink" -> s.unlink(path);
                        default -> s.mkdir(path);
                    }
                }))
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "/a, /a/b/x, 0, EINVAL",
        "/a/b/c, /a/b, 0, ENOTEMPTY",
        "/a/b/c, /a, 0, ENOTEMPTY",
        "/a/f, /a/b, 0, EISDIR",
        "/a/b/c, /a/f, 0, ENOTDIR",
        "/a/f, /a/f, 0, ",
        "/a/f, /a/x/, 0, ENOTDIR",
        "/a/b/c/, /a/x/, 0, ",
        "/a/., /x, 0, EBUSY",
        "/a/b/g, /a/f, 1, EEXIST",
        "/a/b/g, /a/x, 2, ENOENT",
        "/a/b/g, /a/f, 2, ",
        "/a/b, /a/f, 2, ",
        "/a, /a/b, 2, EINVAL",
        "/a/f, /x, 3, EINVAL",
        "/a/f, /x, 4, EINVAL",
    })
    void shouldRenameAsLinuxDoes(String from, String to, int flags, Errno expected) {
        assertThat(errnoOf(() -> s.rename(from, to, flags))).isEqualTo(expected);
    }

    @Test
    void shouldExchange() throws ErrnoException {
        s.rename("/a/b", "/a/f", FileChanges.RENAME_EXCHANGE);
        assertThat(s.read("/a/b")).isEqualTo("contents of f");
        assertThat(s.read("/a/f/g")).isEqualTo("g");
    }

    @Test
    void shouldCheckPermissions() throws ErrnoException {
        s.mkdir("/closed");
        s.write("/closed/f", "x");
        s.chmod("/closed", 0700);
        VfsContext user = s.user(1000, 1000, 50);
        assertThat(errnoOf(() -> s.vfs.stat(user, null, bytes("/closed/f"), 1))).isEqualTo(Errno.EACCES);
        assertThat(errnoOf(() -> s.vfs.changes().mkdir(user, null, bytes("/d"), 0777)))
                .isEqualTo(Errno.EACCES);
        s.chmod("/a/f", 0040);
        s.chown("/a/f", 0, 50);
        assertThat(errnoOf(() -> s.vfs.open(user, null, bytes("/a/f"), 0, 0).decRef()))
                .as("read through a supplementary group")
                .isNull();
        s.chmod("/a/f", 0404);
        assertThat(errnoOf(() -> s.vfs.open(user, null, bytes("/a/f"), 0, 0).decRef()))
                .as("the group's bits decide, not the others'")
                .isEqualTo(Errno.EACCES);
    }

    @Test
    void shouldKeepStickyDirectoriesSafe() throws ErrnoException {
        s.mkdir("/t");
        s.chmod("/t", 01777);
        VfsContext one = s.user(1, 1);
        VfsContext two = s.user(2, 2);
        s.vfs.open(one, null, bytes("/t/f"), OpenFlags.O_CREAT | OpenFlags.O_WRONLY, 0666)
                .decRef();
        assertThat(errnoOf(() -> s.vfs.changes().unlink(two, null, bytes("/t/f"))))
                .isEqualTo(Errno.EPERM);
        assertThat(errnoOf(() -> s.vfs.changes().rename(two, null, bytes("/t/f"), null, bytes("/t/g"), 0)))
                .isEqualTo(Errno.EPERM);
        assertThat(errnoOf(() -> s.vfs.changes().unlink(one, null, bytes("/t/f"))))
                .isNull();
    }

    @Test
    void shouldClearSetIdBits() throws ErrnoException {
        s.chmod("/a/f", 06755);
        s.chown("/a/f", 1000, 1000);
        assertThat(s.stat("/a/f").mode() & 07777).isEqualTo(0755);
        s.chmod("/a/f", 06777);
        FileDescription f = s.vfs.open(s.user(5, 5), null, bytes("/a/f"), OpenFlags.O_WRONLY, 0);
        TestSandbox.write(f, "x");
        f.decRef();
        assertThat(s.stat("/a/f").mode() & 07777).isEqualTo(0777);
    }

    @Test
    void shouldInheritTheGroupOfASetgidDirectory() throws ErrnoException {
        s.mkdir("/g");
        s.chown("/g", 0, 77);
        s.chmod("/g", 02777);
        s.mkdir("/g/d");
        s.write("/g/f", "");
        assertThat(s.stat("/g/d").gid()).isEqualTo(77);
        assertThat(s.stat("/g/d").mode() & 07777).isEqualTo(02755);
        assertThat(s.stat("/g/f").gid()).isEqualTo(77);
    }

    @Test
    void shouldCrossMounts() throws ErrnoException {
        TestSandbox.Call busy = () -> s.rmdir("/a/b/c");
        s.mounts().mount(s.resolve("/a/b/c"), s.newTmpfs(), "inner", 0);
        s.write("/a/b/c/inside", "in");
        assertThat(errnoOf(busy)).isEqualTo(Errno.EBUSY);
        assertThat(string(s.vfs.path(s.resolve("/a/b/c/../g"), s.context.root())))
                .isEqualTo("/a/b/g");
        assertThat(errnoOf(() -> s.rename("/a/b/c/inside", "/a/inside"))).isEqualTo(Errno.EXDEV);
        assertThat(errnoOf(() -> s.link("/a/b/c/inside", "/a/inside"))).isEqualTo(Errno.EXDEV);
        assertThat(s.stat("/a/b/c").device()).isNotEqualTo(s.stat("/a/b").device());
        s.mounts().mount(s.resolve("/a/b/c"), s.newTmpfs(), "over", 0);
        assertThat(s.list("/a/b/c")).isEmpty();
        s.mounts().unmount(s.resolve("/a/b/c"), false);
        FileDescription open = s.open("/a/b/c/inside", 0);
        assertThat(errnoOf(() -> s.mounts().unmount(s.resolve("/a/b/c"), false)))
                .isEqualTo(Errno.EBUSY);
        open.decRef();
        s.mounts().unmount(s.resolve("/a/b/c"), false);
        assertThat(errnoOf(busy)).isNull();
    }

    @Test
    void shouldBindAndHonourReadOnlyMounts() throws ErrnoException {
        s.mkdir("/m");
        s.mounts().bind(s.resolve("/m"), s.resolve("/a/b"), false);
        assertThat(s.read("/m/g")).isEqualTo("g");
        s.write("/m/h", "both");
        assertThat(s.read("/a/b/h")).isEqualTo("both");
        assertThat(string(s.vfs.path(s.resolve("/m/c"), s.context.root()))).isEqualTo("/m/c");
        s.mounts().remount(s.resolve("/m"), Mount.MS_RDONLY);
        assertThat(errnoOf(() -> s.write("/m/h", "no"))).isEqualTo(Errno.EROFS);
        assertThat(errnoOf(() -> s.mkdir("/m/d"))).isEqualTo(Errno.EROFS);
        assertThat(errnoOf(() -> s.mkdir("/m/c"))).isEqualTo(Errno.EEXIST);
        assertThat(errnoOf(() -> s.unlink("/m/h"))).isEqualTo(Errno.EROFS);
        s.write("/a/b/h", "yes");
    }

    @Test
    void shouldNotBindWhatWasUnmounted() throws ErrnoException {
        s.mkdir("/m");
        VirtualDentry mounted = s.resolve("/a/b");
        s.mounts().bind(s.resolve("/m"), mounted, false);
        VirtualDentry gone = s.resolve("/m");
        s.mounts().unmount(gone, true);
        assertThat(errnoOf(() -> s.mounts().bind(s.resolve("/m"), gone, false))).isEqualTo(Errno.EINVAL);
    }

    @Test
    void shouldRefuseToWriteWhatIsExecuted() throws ErrnoException {
        Inode f = s.resolve("/a/f").dentry().requireInode();
        f.denyWriteAccess();
        assertThat(errnoOf(() -> s.write("/a/f", "x"))).isEqualTo(Errno.ETXTBSY);
        f.allowWriteAccess();
        FileDescription w = s.open("/a/f", OpenFlags.O_WRONLY);
        assertThat(errnoOf(f::denyWriteAccess)).isEqualTo(Errno.ETXTBSY);
        w.decRef();
        assertThat(errnoOf(f::denyWriteAccess)).isNull();
    }

    @Test
    void shouldKeepDentriesThatAreInUseWhateverTheCacheHolds() throws ErrnoException {
        TestSandbox tiny = new TestSandbox(8);
        tiny.root(tiny.newTmpfs());
        tiny.mkdir("/keep");
        VirtualDentry keep = tiny.resolve("/keep");
        for (int i = 0; i < 500; i++) {
            tiny.mkdir("/d" + i);
        }
        System.gc();
        assertThat(tiny.resolve("/keep").dentry()).isSameAs(keep.dentry());
        assertThat(tiny.vfs.dentries().size()).isLessThanOrEqualTo(8);
        tiny.rename("/keep", "/kept");
        assertThat(string(tiny.vfs.path(keep, tiny.context.root()))).isEqualTo("/kept");
        for (int i = 0; i < 500; i++) {
            tiny.rmdir("/d" + i);
        }
        assertThat(tiny.list("/")).containsExactly("kept");
    }
}
