package dev.stockade.gofer.session;

import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.tree.Inode;
import java.util.List;

/**
 * How far a walk came.
 *
 * @param error why it stopped before the last name; {@link Errno#OK} when it did not
 */
public record WalkResult(List<Node> nodes, Errno error) {

    /** A node with the handle that was made for it. */
    public record Node(long handle, Inode inode) {}
}
