package dev.stockade.sentry.fs.gofer;

import dev.stockade.sentry.abi.Errno;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The result of a walk: one node for each name that was found.
 *
 * @param error why the walk stopped before the last name (ENOENT: the name after the last node does not
 *     exist; ENOTDIR: the last node is no directory), or null when all names were walked
 */
public record GoferWalk(List<GoferNode> nodes, @Nullable Errno error) {
    public GoferWalk {
        nodes = List.copyOf(nodes);
    }
}
