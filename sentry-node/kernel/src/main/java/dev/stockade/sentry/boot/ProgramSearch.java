package dev.stockade.sentry.boot;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.FileMode;
import dev.stockade.sentry.vfs.Stat;

/** Looks a program up along PATH, as execvp(3) does. */
final class ProgramSearch {
    private ProgramSearch() {}

    /**
     * @param program as given; with a slash it is a path already
     * @param path the variable PATH; an empty entry is the working directory
     */
    static String find(RootFiles files, String program, String path, String workingDir) throws LaunchRefusal {
        if (program.isEmpty()) {
            throw new LaunchRefusal(Errno.ENOENT.number(), "the name of the program is empty");
        }
        if (program.indexOf('/') >= 0) {
            return program;
        }
        Errno found = Errno.ENOENT;
        for (String directory : path.split(":", -1)) {
            String base = directory.isEmpty() ? workingDir : directory;
            if (!base.startsWith("/")) {
                base = workingDir + "/" + base;
            }
            String candidate = base.endsWith("/") ? base + program : base + "/" + program;
            try {
                Stat s = files.stat(candidate);
                if (s == null || (s.mode() & FileMode.S_IFMT) == FileMode.S_IFDIR) {
                    continue;
                }
                if ((s.mode() & FileMode.S_IFMT) == FileMode.S_IFREG && (s.mode() & 0111) != 0) {
                    return candidate;
                }
                found = Errno.EACCES;
            } catch (ErrnoException e) {
                if (e.errno() == Errno.EIO) {
                    throw new LaunchRefusal(Errno.EIO.number(), candidate + ": input/output error");
                }
            }
        }
        if (found == Errno.EACCES) {
            throw new LaunchRefusal(found.number(), program + ": permission denied");
        }
        throw new LaunchRefusal(found.number(), program + ": executable file not found in $PATH");
    }
}
