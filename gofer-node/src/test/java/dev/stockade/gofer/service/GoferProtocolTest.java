package dev.stockade.gofer.service;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import dev.stockade.gofer.TarBytes;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.FileMode;
import dev.stockade.proto.gofer.v1.AttachResponse;
import dev.stockade.proto.gofer.v1.Attr;
import dev.stockade.proto.gofer.v1.DetachRequest;
import dev.stockade.proto.gofer.v1.Image;
import dev.stockade.proto.gofer.v1.Node;
import dev.stockade.proto.gofer.v1.ReadLinkRequest;
import dev.stockade.proto.gofer.v1.ReadLinkResponse;
import dev.stockade.proto.gofer.v1.ReleaseRequest;
import dev.stockade.proto.gofer.v1.StatFsRequest;
import dev.stockade.proto.gofer.v1.StatFsResponse;
import dev.stockade.proto.gofer.v1.StatRequest;
import dev.stockade.proto.gofer.v1.WalkResponse;
import io.quarkus.test.common.QuarkusTestResource;
import io.quarkus.test.junit.QuarkusTest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@QuarkusTest
@QuarkusTestResource(TemporaryStore.class)
class GoferProtocolTest {
    private TestSentry sentry;

    @BeforeEach
    void open() {
        sentry = new TestSentry();
    }

    @AfterEach
    void close() {
        sentry.close();
    }

    private static TarBytes sample() {
        return new TarBytes()
                .directory("./")
                .directory("etc/")
                .file("etc/passwd", "root:x:0:0\n", 0640, 7, 8)
                .symlink("etc/link", "/etc/passwd")
                .hardLink("etc/again", "etc/passwd")
                .device("null", TarConstants.LF_CHR, 1, 3)
                .device("fifo", TarConstants.LF_FIFO, 0, 0)
                .file("empty", "");
    }

    @Test
    void shouldServeAnImportedTree() {
        Image image = sentry.importImage("sample", sample().gzip());
        assertThat(image.getId()).matches("sha256:[0-9a-f]{64}");
        assertThat(image.getFiles()).isEqualTo(7);
        assertThat(image.getSizeBytes()).isEqualTo(11);
        try (TestSentry.Session session = sentry.attach(image)) {
            assertThat(session.attached.getRootAttr().getMode()).isEqualTo(FileMode.S_IFDIR | 0755);
            assertThat(session.names(session.root)).containsExactly("empty", "etc", "fifo", "null");
            Attr passwd = session.node("etc/passwd").getAttr();
            assertThat(passwd.getMode()).isEqualTo(FileMode.S_IFREG | 0640);
            assertThat(passwd.getUid()).isEqualTo(7);
            assertThat(passwd.getGid()).isEqualTo(8);
            assertThat(passwd.getNlink()).isEqualTo(2);
            assertThat(passwd.getSize()).isEqualTo(11);
            assertThat(passwd.getMtimeNs()).isEqualTo(1_700_000_000_000_000_000L);
            assertThat(session.node("etc/again").getAttr()).isEqualTo(passwd);
            assertThat(session.node("etc/link").getSymlinkTarget().toStringUtf8())
                    .isEqualTo("/etc/passwd");
            assertThat(session.node("null").getAttr().getRdev()).isEqualTo(FileMode.makedev(1, 3));
            assertThat(session.node("null").getAttr().getMode()).isEqualTo(FileMode.S_IFCHR | 0644);
            assertThat(session.text("etc/passwd")).isEqualTo("root:x:0:0\n");
            assertThat(session.text("etc/again")).isEqualTo("root:x:0:0\n");
            assertThat(session.text("empty")).isEmpty();
        }
    }

    @Test
    void shouldWalkAsFarAsNamesExist() {
        try (TestSentry.Session session = sentry.attach(sentry.importImage("sample", sample().bytes()))) {
            WalkResponse missing = session.walk(session.root, "etc", "none", "below");
            assertThat(Errno.of(missing.getErrno())).isEqualTo(Errno.ENOENT);
            assertThat(missing.getNodesList()).hasSize(1);
            WalkResponse through = session.walk(session.root, "etc", "passwd", "below");
            assertThat(Errno.of(through.getErrno())).isEqualTo(Errno.ENOTDIR);
            assertThat(through.getNodesList()).hasSize(2);
            // A symbolic link is not followed: nothing is below it.
            assertThat(session.walkError(session.root, "etc", "link", "x")).isEqualTo(Errno.ENOTDIR);
            assertThat(session.walk(session.root).getNodesList()).isEmpty();
        }
    }

    @Test
    void shouldRefuseMalformedNames() {
        try (TestSentry.Session session = sentry.attach(sentry.importImage("sample", sample().bytes()))) {
            for (String name : List.of("", ".", "..", "a/b", "/", "/etc", "a\0b")) {
                assertThat(session.walkError(session.root, "etc", name))
                        .as(name)
                        .isEqualTo(Errno.EINVAL);
                assertThat(session.walk(session.root, "etc", name).getNodesList())
                        .isEmpty();
            }
            assertThat(session.walkError(session.root, "n".repeat(256))).isEqualTo(Errno.ENAMETOOLONG);
            assertThat(session.walkError(session.root, "n".repeat(255))).isEqualTo(Errno.ENOENT);
            List<ByteString> many = Collections.nCopies(257, ByteString.copyFromUtf8("etc"));
            assertThat(Errno.of(session.walk(session.root, many).getErrno())).isEqualTo(Errno.EINVAL);
        }
    }

    @Test
    void shouldRefuseHandlesAndSessionsItDidNotGive() {
        Image image = sentry.importImage("sample", sample().bytes());
        TestSentry.Session session = sentry.attach(image);
        for (long handle : new long[] {0, -1, 99, Long.MAX_VALUE}) {
            assertThat(session.walkError(handle, "etc")).isEqualTo(Errno.EBADF);
            assertThat(session.readError(handle, 0, 1)).isEqualTo(Errno.EBADF);
            assertThat(Errno.of(session.readDir(handle).next().getErrno())).isEqualTo(Errno.EBADF);
            assertThat(stat(session.id, handle)).isEqualTo(Errno.EBADF);
        }
        long etc = session.node("etc").getHandle();
        sentry.gofer.release(ReleaseRequest.newBuilder()
                .setSession(session.id)
                .addHandles(etc)
                .addHandles(session.root)
                .addHandles(12345)
                .build());
        assertThat(stat(session.id, etc)).isEqualTo(Errno.EBADF);
        assertThat(stat(session.id, session.root)).as("the root stays").isEqualTo(Errno.OK);
        session.close();
        assertThat(stat(session.id, session.root)).isEqualTo(Errno.ESTALE);
        assertThat(stat("", 1)).isEqualTo(Errno.ESTALE);
        assertThat(session.walkError(session.root, "etc")).isEqualTo(Errno.ESTALE);
        sentry.gofer.detach(DetachRequest.newBuilder().setSession("nonsense").build());
    }

    private Errno stat(String session, long handle) {
        return Errno.of(sentry.gofer
                .stat(StatRequest.newBuilder()
                        .setSession(session)
                        .setHandle(handle)
                        .build())
                .getErrno());
    }

    @Test
    void shouldRefuseToAttachWhatIsNotThere() {
        Image image = sentry.importImage("sample", sample().bytes());
        assertThat(errno(sentry.tryAttach(image.getId(), 2))).isEqualTo(Errno.EPROTONOSUPPORT);
        assertThat(errno(sentry.tryAttach("sample", 1))).isEqualTo(Errno.EINVAL);
        assertThat(errno(sentry.tryAttach("sha256:../../../etc", 1))).isEqualTo(Errno.EINVAL);
        assertThat(errno(sentry.tryAttach("sha256:" + "0".repeat(64), 1))).isEqualTo(Errno.ENOENT);
    }

    private static Errno errno(AttachResponse response) {
        return Errno.of(response.getErrno());
    }

    @Test
    void shouldGiveTheErrnoOfTheFilesType() {
        try (TestSentry.Session session = sentry.attach(sentry.importImage("sample", sample().bytes()))) {
            assertThat(session.readError(session.root, 0, 1)).isEqualTo(Errno.EISDIR);
            for (String path : List.of("etc/link", "null", "fifo")) {
                assertThat(session.readError(session.node(path).getHandle(), 0, 1))
                        .as(path)
                        .isEqualTo(Errno.EINVAL);
            }
            Node passwd = session.node("etc/passwd");
            assertThat(session.readError(passwd.getHandle(), -1, 1)).isEqualTo(Errno.EINVAL);
            assertThat(session.readError(passwd.getHandle(), 0, (4 << 20) + 1)).isEqualTo(Errno.EINVAL);
            assertThat(session.readError(passwd.getHandle(), 0, -1)).isEqualTo(Errno.EINVAL);
            assertThat(Errno.of(session.readDir(passwd.getHandle()).next().getErrno()))
                    .isEqualTo(Errno.ENOTDIR);
            assertThat(readLink(session, passwd)).isEqualTo(Errno.EINVAL);
            assertThat(readLink(session, session.node("etc/link"))).isEqualTo(Errno.OK);
        }
    }

    private Errno readLink(TestSentry.Session session, Node node) {
        ReadLinkResponse response = sentry.gofer.readLink(ReadLinkRequest.newBuilder()
                .setSession(session.id)
                .setHandle(node.getHandle())
                .build());
        return Errno.of(response.getErrno());
    }

    @Test
    void shouldReadAnyRangeOfALargeFile() {
        byte[] content = new byte[3_000_000];
        new Random(1).nextBytes(content);
        try (TestSentry.Session session = sentry.attach(
                sentry.importImage("large", new TarBytes().file("f", content).bytes()))) {
            long handle = session.node("f").getHandle();
            assertThat(session.bytes(handle, 0, 4 << 20)).isEqualTo(content);
            assertThat(session.bytes(handle, 1_000_001, 777_777))
                    .isEqualTo(Arrays.copyOfRange(content, 1_000_001, 1_777_778));
            assertThat(session.bytes(handle, 2_999_999, 4096)).isEqualTo(new byte[] {content[2_999_999]});
            assertThat(session.bytes(handle, 3_000_000, 4096)).isEmpty();
            assertThat(session.bytes(handle, Long.MAX_VALUE, 4096)).isEmpty();
            assertThat(session.bytes(handle, 5, 0)).isEmpty();
        }
    }

    @Test
    void shouldListLargeDirectoriesInOrder() {
        TarBytes tar = new TarBytes();
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 2000; i++) {
            names.add("f%05d".formatted(i));
        }
        List<String> shuffled = new ArrayList<>(names);
        Collections.shuffle(shuffled, new Random(2));
        shuffled.forEach(name -> tar.file(name, name));
        try (TestSentry.Session session = sentry.attach(sentry.importImage("many", tar.bytes()))) {
            assertThat(session.names(session.root)).isEqualTo(names);
            assertThat(session.text("f01234")).isEqualTo("f01234");
        }
    }

    @Test
    void shouldTellNothingOfTheHostsFileSystem() {
        try (TestSentry.Session session = sentry.attach(sentry.importImage("sample", sample().bytes()))) {
            StatFsResponse statFs = sentry.gofer.statFs(StatFsRequest.newBuilder()
                    .setSession(session.id)
                    .setHandle(session.root)
                    .build());
            assertThat(statFs.getErrno()).isZero();
            assertThat(statFs.getFiles()).isEqualTo(7);
            assertThat(statFs.getBlocks()).isEqualTo(1);
            assertThat(statFs.getBlocksFree()).isZero();
            assertThat(statFs.getNameLength()).isEqualTo(255);
        }
    }
}
