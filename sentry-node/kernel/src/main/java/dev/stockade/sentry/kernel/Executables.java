package dev.stockade.sentry.kernel;

import dev.stockade.sentry.abi.Capability;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.abi.Resource;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.loader.LoadRequest;
import dev.stockade.sentry.loader.LoadedProgram;
import dev.stockade.sentry.loader.ProgramLoader;
import dev.stockade.sentry.mm.MemoryLimits;
import dev.stockade.sentry.vfs.FileDescription;
import dev.stockade.sentry.vfs.Inode;
import dev.stockade.sentry.vfs.Mount;
import dev.stockade.sentry.vfs.VfsContext;
import dev.stockade.sentry.vfs.VirtualDentry;
import dev.stockade.sentry.vfs.VirtualFilesystem;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finding, checking and loading what execve(2) names. */
public final class Executables {
    private Executables() {}

    /** personality(2): no address space layout randomisation. */
    static final int ADDR_NO_RANDOMIZE = 0x0040000;

    /** A program ready to take a task's place, with the credentials it will have and its name. */
    public record Prepared(LoadedProgram program, Credentials credentials, byte[] comm) {}

    /**
     * Loads a program for a task's execve.
     *
     * @param start where a relative path starts, null for the working directory
     * @param flags of {@link VirtualFilesystem#resolve}
     * @param name as the program is told it was called
     */
    public static Prepared load(
            Task t,
            @Nullable VirtualDentry start,
            byte[] path,
            int flags,
            byte[] name,
            List<byte[]> arguments,
            List<byte[]> environment)
            throws ErrnoException {
        VirtualDentry where = t.kernel.vfs().resolve(t.vfsContext(), start, path, flags);
        if ((flags & VirtualFilesystem.FOLLOW) == 0
                && where.dentry().requireInode().isSymlink()) {
            throw Errno.ELOOP.exception();
        }
        return load(t.kernel, t.vfsContext(), t.tg.limits, where, name, arguments, environment, t.personality);
    }

    static Prepared load(
            Kernel kernel,
            VfsContext context,
            ResourceLimits limits,
            byte[] path,
            List<byte[]> arguments,
            List<byte[]> environment,
            int personality)
            throws ErrnoException {
        VirtualDentry where = kernel.vfs().resolve(context, null, path, VirtualFilesystem.FOLLOW);
        return load(kernel, context, limits, where, path, arguments, environment, personality);
    }

    private static Prepared load(
            Kernel kernel,
            VfsContext context,
            ResourceLimits limits,
            VirtualDentry where,
            byte[] name,
            List<byte[]> arguments,
            List<byte[]> environment,
            int personality)
            throws ErrnoException {
        FileDescription file = open(context, where);
        try {
            Credentials old = context.credentials();
            Credentials fresh = credentialsAfter(old, where);
            boolean secure = fresh.euid() != old.euid()
                    || fresh.egid() != old.egid()
                    || ((fresh.permitted() & ~old.permitted()) != 0 && old.ruid() != 0);
            LoadedProgram program = ProgramLoader.load(new LoadRequest(
                    kernel.addressSpaces(),
                    file,
                    name,
                    arguments,
                    environment,
                    fresh,
                    secure,
                    (personality & ADDR_NO_RANDOMIZE) == 0,
                    memoryLimits(limits),
                    p -> open(context, kernel.vfs().resolve(context, null, p, VirtualFilesystem.FOLLOW))));
            return new Prepared(program, fresh, comm(name));
        } finally {
            file.decRef();
        }
    }

    /** Opens a regular file that the caller may execute; it need not be readable. */
    private static FileDescription open(VfsContext context, VirtualDentry where) throws ErrnoException {
        Inode inode = where.dentry().requireInode();
        if (!inode.isRegular() || (where.mount().flags() & Mount.MS_NOEXEC) != 0) {
            throw Errno.EACCES.exception();
        }
        if ((inode.mode() & 0111) == 0) {
            throw Errno.EACCES.exception(); // CAP_DAC_OVERRIDE does not help without any execute bit
        }
        inode.checkAccess(context, FileMode.MAY_EXEC);
        return inode.open(context, where, OpenFlags.O_RDONLY);
    }

    static VirtualDentry directory(Kernel kernel, VfsContext context, byte[] path) throws ErrnoException {
        return kernel.vfs().resolveDirectory(context, null, path);
    }

    /** The limits that an address space obeys. */
    public static MemoryLimits memoryLimits(ResourceLimits limits) {
        return new MemoryLimits(
                limits.soft(Resource.RLIMIT_AS),
                limits.soft(Resource.RLIMIT_DATA),
                limits.soft(Resource.RLIMIT_STACK),
                limits.soft(Resource.RLIMIT_MEMLOCK));
    }

    /** The last component, as /proc/pid/comm has it. */
    private static byte[] comm(byte[] name) {
        int slash = name.length;
        while (slash > 0 && name[slash - 1] != '/') {
            slash--;
        }
        return Arrays.copyOfRange(name, slash, Math.min(name.length, slash + 15));
    }

    /** Set-user-ID bits and capabilities across execve (capabilities(7), "Transformation of capabilities"). */
    private static Credentials credentialsAfter(Credentials c, VirtualDentry where) {
        int euid = c.euid();
        int egid = c.egid();
        Inode inode = where.dentry().requireInode();
        int mode = inode.mode();
        if (!c.noNewPrivs() && (where.mount().flags() & Mount.MS_NOSUID) == 0) {
            if ((mode & FileMode.S_ISUID) != 0) {
                euid = inode.uid();
            }
            if ((mode & (FileMode.S_ISGID | FileMode.S_IXGRP)) == (FileMode.S_ISGID | FileMode.S_IXGRP)) {
                egid = inode.gid();
            }
        }
        return c.afterExec(euid, egid);
    }

    /** Whether a process may look into another (ptrace's access check, /proc/pid/mem): same user or CAP_SYS_PTRACE. */
    public static boolean mayInspect(Task caller, Task target) {
        Credentials a = caller.credentials();
        Credentials b = target.credentials();
        boolean sameUser = a.ruid() == b.ruid()
                && a.ruid() == b.euid()
                && a.ruid() == b.suid()
                && a.rgid() == b.rgid()
                && a.rgid() == b.egid()
                && a.rgid() == b.sgid();
        return caller.tg == target.tg
                || a.hasCapability(Capability.CAP_SYS_PTRACE)
                || (sameUser && target.tg.dumpable == 1 && (b.permitted() & ~a.permitted()) == 0);
    }
}
