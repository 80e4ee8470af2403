package dev.stockade.gofer.service;

import com.google.protobuf.UnsafeByteOperations;
import dev.stockade.gofer.session.WalkResult;
import dev.stockade.gofer.store.ImageConfig;
import dev.stockade.gofer.store.ImageRecord;
import dev.stockade.gofer.tree.Inode;
import dev.stockade.proto.gofer.v1.Attr;
import dev.stockade.proto.gofer.v1.Image;
import dev.stockade.proto.gofer.v1.Node;

/** What the services' own types look like on the wire. */
final class Wire {
    private Wire() {}

    static Attr attr(Inode inode) {
        long mtimeNs = inode.metadata().mtimeNs();
        return Attr.newBuilder()
                .setIno(inode.ino())
                .setMode(inode.mode())
                .setNlink(inode.nlink())
                .setUid(inode.metadata().uid())
                .setGid(inode.metadata().gid())
                .setRdev(inode.rdev())
                .setSize(inode.size())
                .setBlocks(inode.blocks())
                .setAtimeNs(mtimeNs)
                .setMtimeNs(mtimeNs)
                .setCtimeNs(mtimeNs)
                .build();
    }

    static Node node(WalkResult.Node node) {
        Node.Builder b = Node.newBuilder().setHandle(node.handle()).setAttr(attr(node.inode()));
        if (node.inode().isSymlink()) {
            b.setSymlinkTarget(UnsafeByteOperations.unsafeWrap(node.inode().target()));
        }
        return b.build();
    }

    static Image image(ImageRecord record) {
        return Image.newBuilder()
                .setName(record.name())
                .setId(record.id())
                .setSizeBytes(record.sizeBytes())
                .setFiles(record.files())
                .setCreatedNs(record.createdNs())
                .setConfig(config(record.config()))
                .build();
    }

    private static dev.stockade.proto.gofer.v1.ImageConfig config(ImageConfig config) {
        return dev.stockade.proto.gofer.v1.ImageConfig.newBuilder()
                .addAllEntrypoint(config.entrypoint())
                .addAllCmd(config.cmd())
                .addAllEnv(config.env())
                .setWorkingDir(config.workingDir())
                .setUser(config.user())
                .build();
    }

    static ImageConfig config(dev.stockade.proto.gofer.v1.ImageConfig config) {
        return new ImageConfig(
                config.getEntrypointList(),
                config.getCmdList(),
                config.getEnvList(),
                config.getWorkingDir(),
                config.getUser());
    }
}
