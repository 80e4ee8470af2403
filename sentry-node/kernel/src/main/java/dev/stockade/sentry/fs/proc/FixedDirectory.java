package dev.stockade.sentry.fs.proc;

import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.kernel.Task;
import dev.stockade.sentry.vfs.DirectoryEntry;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.VfsContext;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A directory whose names are known when it is made. */
class FixedDirectory extends ProcInode {
    private final Map<String, ProcInode> entries = new LinkedHashMap<>();

    FixedDirectory(ProcFilesystem fs, @Nullable Task owner, long number, int mode) {
        super(fs, owner, number, mode);
    }

    /** Before anybody else knows the directory. */
    final void add(String name, ProcInode inode) {
        entries.put(name, inode);
    }

    @Override
    int links() {
        return 2 + (int) entries.values().stream().filter(Inode::isDirectory).count();
    }

    @Override
    public @Nullable Inode lookup(byte[] name, VfsContext context) {
        return entries.get(string(name));
    }

    @Override
    public List<DirectoryEntry> entries(VfsContext context) {
        List<DirectoryEntry> list = new ArrayList<>(entries.size());
        entries.forEach((name, inode) ->
                list.add(new DirectoryEntry(bytes(name), inode.number(), FileMode.direntType(inode.mode()))));
        return list;
    }
}
