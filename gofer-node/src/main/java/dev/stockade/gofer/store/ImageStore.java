package dev.stockade.gofer.store;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.stockade.gofer.abi.Errno;
import dev.stockade.gofer.abi.ErrnoException;
import dev.stockade.gofer.host.HostDirectory;
import dev.stockade.gofer.tree.ImageTree;
import dev.stockade.gofer.tree.TreeDescription;
import dev.stockade.gofer.tree.TreeException;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The images of this node.
 *
 * <pre>
 * lock                   held by the process that serves the store
 * names/NAME             what a name stands for (ImageRecord), replaced by atomic renames only
 * images/HEX/tree        the canonical description; HEX is its SHA-256
 * images/HEX/data/HH/H   contents under their own SHA-256
 * staging/*              images in the making and on their way out; emptied at start
 * </pre>
 *
 * <p>An image is written in staging, made durable and renamed to images at one stroke; only then its name is written.
 * A kill in between leaves an image without a name. Such orphans, and images whose name was replaced, are removed
 * once nobody has them attached, after a grace time in which the sentries of running sandboxes can attach again.
 *
 * <p>Thread-safe. Lock order: {@code mu}, then that of {@link ContentFiles}.
 */
public final class ImageStore implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(ImageStore.class.getName());

    private final Path root;
    private final StoreLimits limits;
    private final Clock clock;
    private final Duration orphanGrace;
    private final FileChannel lockFile;
    private final ContentFiles files;
    private final ReentrantLock mu = new ReentrantLock();

    @GuardedBy("mu")
    private final TreeMap<String, ImageRecord> names = new TreeMap<>();

    /** Every image on disk. */
    @GuardedBy("mu")
    private final Map<String, Stored> images = new HashMap<>();

    /** Loaded trees that nobody has attached, the eldest first. */
    @GuardedBy("mu")
    private final Set<String> idle = new LinkedHashSet<>();

    @GuardedBy("mu")
    private long stagings;

    @GuardedBy("mu")
    private boolean closed;

    /** An image on disk; its fields are guarded by mu. */
    private static final class Stored {
        int users;
        /** When it was first seen without a name, while it has none. */
        @Nullable
        Instant orphanSince;

        @Nullable
        ImageTree tree;

        @Nullable
        HostDirectory directory;
    }

    private ImageStore(Path root, StoreLimits limits, Clock clock, Duration orphanGrace, FileChannel lockFile) {
        this.root = root;
        this.limits = limits;
        this.clock = clock;
        this.orphanGrace = orphanGrace;
        this.lockFile = lockFile;
        this.files = new ContentFiles(limits.openFiles());
    }

    /** Opens the store in that directory, makes it if it is not there, and removes what a killed process left. */
    public static ImageStore open(Path root, StoreLimits limits, Clock clock, Duration orphanGrace) throws IOException {
        StoreFiles.makePrivateDirectory(root);
        for (String directory : List.of("names", "images", "staging")) {
            StoreFiles.makePrivateDirectory(root.resolve(directory));
        }
        FileChannel lockFile =
                FileChannel.open(root.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            lock(lockFile, root);
            ImageStore store = new ImageStore(root, limits, clock, orphanGrace, lockFile);
            store.load();
            return store;
        } catch (IOException | RuntimeException e) {
            lockFile.close();
            throw e;
        }
    }

    private static void lock(FileChannel lockFile, Path root) throws IOException {
        @Nullable FileLock lock;
        try {
            lock = lockFile.tryLock();
        } catch (OverlappingFileLockException e) {
            lock = null;
        }
        if (lock == null) {
            throw new IOException("another gofer serves the images in " + root + " (stockade.gofer.data-dir)");
        }
    }

    private void load() throws IOException {
        mu.lock();
        try {
            StoreFiles.deleteTree(root.resolve("staging"));
            StoreFiles.makePrivateDirectory(root.resolve("staging"));
            Instant now = clock.instant();
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(root.resolve("images"))) {
                for (Path entry : entries) {
                    String id = "sha256:" + entry.getFileName();
                    if (TreeDescription.isId(id)) {
                        Stored stored = new Stored();
                        stored.orphanSince = now;
                        images.put(id, stored);
                    }
                }
            }
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(root.resolve("names"))) {
                for (Path entry : entries) {
                    loadName(entry);
                }
            }
        } finally {
            mu.unlock();
        }
    }

    @GuardedBy("mu")
    private void loadName(Path entry) throws IOException {
        ImageRecord record;
        try {
            record = ImageRecord.decode(Files.readAllBytes(entry));
        } catch (IOException e) {
            LOG.log(Level.WARNING, "ignored the damaged image name {0}: {1}", entry, e.getMessage());
            return;
        }
        Stored stored = images.get(record.id());
        if (stored == null) {
            LOG.log(Level.WARNING, "ignored the image name {0}: its image is missing", record.name());
            return;
        }
        stored.orphanSince = null;
        names.put(record.name(), record);
    }

    public List<ImageRecord> list() {
        mu.lock();
        try {
            return List.copyOf(names.values());
        } finally {
            mu.unlock();
        }
    }

    public Optional<ImageRecord> find(String name) {
        mu.lock();
        try {
            return Optional.ofNullable(names.get(name));
        } finally {
            mu.unlock();
        }
    }

    /** Begins a new image. */
    public Staging stage() throws IOException {
        mu.lock();
        try {
            checkOpen();
            return new Staging(root.resolve("staging").resolve("new-" + stagings++), limits);
        } finally {
            mu.unlock();
        }
    }

    /** Throws unless an image may get that name. */
    public void checkName(String name, boolean replace) throws ImageException {
        ImageName.check(name);
        if (!replace && find(name).isPresent()) {
            throw new ImageException("there is an image " + name + " already: remove it first or replace it");
        }
    }

    /** Makes a staged image visible under a name. */
    public ImageRecord commit(Staging staging, String name, boolean replace, ImageConfig config)
            throws IOException, ImageException {
        checkName(name, replace);
        ImageTree tree;
        try {
            tree = staging.finish();
        } catch (TreeException e) {
            throw new ImageException(String.valueOf(e.getMessage()), e);
        }
        syncContents(staging);
        Instant now = clock.instant();
        ImageRecord record = new ImageRecord(
                name,
                tree.id(),
                tree.contentBytes(),
                tree.inodes(),
                TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano(),
                config);
        mu.lock();
        try {
            checkOpen();
            checkName(name, replace); // again: another import may have taken it meanwhile
            Stored stored = images.get(tree.id());
            if (stored == null) {
                StoreFiles.renameDurably(staging.directory(), directoryOf(tree.id()));
                staging.committed();
                stored = new Stored();
                stored.orphanSince = now;
                images.put(tree.id(), stored);
            }
            Path temporary = root.resolve("staging").resolve("name-" + stagings++);
            StoreFiles.writeDurably(temporary, record.encode());
            StoreFiles.renameDurably(temporary, root.resolve("names").resolve(ImageName.fileName(name)));
            stored.orphanSince = null;
            ImageRecord replaced = names.put(name, record);
            if (replaced != null) {
                orphan(replaced.id());
            }
        } finally {
            mu.unlock();
        }
        return record;
    }

    private static void syncContents(Staging staging) throws IOException {
        try {
            HostDirectory.syncFileSystem(staging.directory());
        } catch (ErrnoException e) {
            throw new IOException("cannot write the image to disk: " + e.getMessage(), e);
        }
    }

    /** Takes a name away; the image itself goes once nobody has it attached. */
    public void remove(String name) throws IOException, ImageException {
        mu.lock();
        try {
            checkOpen();
            ImageRecord record = names.get(name);
            if (record == null) {
                throw new ImageException("there is no image " + ImageName.printable(name));
            }
            Files.deleteIfExists(root.resolve("names").resolve(ImageName.fileName(name)));
            StoreFiles.syncDirectory(root.resolve("names"));
            names.remove(name);
            orphan(record.id());
            Stored stored = images.get(record.id());
            if (stored != null && stored.orphanSince != null && stored.users == 0) {
                delete(record.id());
            }
        } finally {
            mu.unlock();
        }
    }

    @GuardedBy("mu")
    private void orphan(String id) {
        Stored stored = images.get(id);
        if (stored != null && names.values().stream().noneMatch(r -> r.id().equals(id))) {
            stored.orphanSince = clock.instant();
        }
    }

    /** Removes images that have had no name and no user for the grace time. To be called now and then. */
    public void collectOrphans() {
        mu.lock();
        try {
            Instant before = clock.instant().minus(orphanGrace);
            Set<String> gone = new HashSet<>();
            images.forEach((id, stored) -> {
                Instant since = stored.orphanSince;
                if (since != null && stored.users == 0 && !since.isAfter(before)) {
                    gone.add(id);
                }
            });
            for (String id : gone) {
                delete(id);
            }
        } catch (IOException e) {
            LOG.log(Level.WARNING, "cannot remove an unused image: {0}", e.getMessage());
        } finally {
            mu.unlock();
        }
    }

    @GuardedBy("mu")
    private void delete(String id) throws IOException {
        Path trash = root.resolve("staging").resolve("old-" + stagings++);
        StoreFiles.renameDurably(directoryOf(id), trash);
        Stored stored = images.remove(id);
        if (stored != null) {
            unload(id, stored);
        }
        StoreFiles.deleteTree(trash);
    }

    /**
     * Opens an image for use.
     *
     * @throws ErrnoException ENOENT when there is none of that id, EIO when it is damaged
     */
    public OpenImage acquire(String id) throws ErrnoException {
        mu.lock();
        try {
            Stored stored = images.get(id);
            if (stored == null || closed) {
                throw new ErrnoException(Errno.ENOENT);
            }
            ImageTree tree = stored.tree;
            HostDirectory directory = stored.directory;
            if (tree == null || directory == null) {
                tree = loadTree(id);
                directory = HostDirectory.open(directoryOf(id));
                stored.tree = tree;
                stored.directory = directory;
            }
            idle.remove(id);
            stored.users++;
            return new OpenImage(this, files, tree, directory);
        } finally {
            mu.unlock();
        }
    }

    private ImageTree loadTree(String id) throws ErrnoException {
        try {
            TreeDescription description =
                    new TreeDescription(Files.readAllBytes(directoryOf(id).resolve(Staging.DESCRIPTION)));
            if (!description.id().equals(id)) {
                throw new TreeException("its description has changed");
            }
            return description.parse();
        } catch (IOException | TreeException e) {
            LOG.log(Level.ERROR, "image {0} is damaged: {1}", id, e.getMessage());
            throw new ErrnoException(Errno.EIO, "damaged image");
        }
    }

    void release(String id) {
        mu.lock();
        try {
            Stored stored = images.get(id);
            if (stored == null || --stored.users > 0) {
                return;
            }
            idle.add(id);
            Iterator<String> eldest = idle.iterator();
            while (idle.size() > limits.idleImages() && eldest.hasNext()) {
                String unused = eldest.next();
                eldest.remove();
                Stored loaded = images.get(unused);
                if (loaded != null) {
                    unload(unused, loaded);
                }
            }
        } finally {
            mu.unlock();
        }
    }

    @GuardedBy("mu")
    private void unload(String id, Stored stored) {
        idle.remove(id);
        files.forget(id);
        stored.tree = null;
        HostDirectory directory = stored.directory;
        if (directory != null) {
            directory.close();
        }
        stored.directory = null;
    }

    private Path directoryOf(String id) {
        return root.resolve("images").resolve(id.substring(id.indexOf(':') + 1));
    }

    @GuardedBy("mu")
    private void checkOpen() throws IOException {
        if (closed) {
            throw new IOException("the image store is closed");
        }
    }

    /** How many content files are open: for metrics. */
    public int openContents() {
        return files.size();
    }

    /** Closes every descriptor; nobody may read any more. */
    @Override
    public void close() throws IOException {
        mu.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            images.forEach(this::unload);
            files.close();
            lockFile.close();
        } finally {
            mu.unlock();
        }
    }
}
