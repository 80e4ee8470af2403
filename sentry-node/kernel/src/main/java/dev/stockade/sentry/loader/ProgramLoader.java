package dev.stockade.sentry.loader;

import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.mm.ProcessImage;
import dev.stockade.sentry.vfs.FileDescription;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** execve(2)'s search_binary_handler: ELF files and interpreter scripts. */
public final class ProgramLoader {
    /** BINPRM_BUF_SIZE: what is looked at to tell what a file is. */
    private static final int HEADER_BYTES = 256;

    /** A script's interpreter may be a script, so often (exec_binprm). */
    private static final int MAX_DEPTH = 5;

    private final LoadRequest request;
    private final List<byte[]> arguments;

    private ProgramLoader(LoadRequest request) {
        this.request = request;
        this.arguments = new ArrayList<>(request.arguments());
    }

    /**
     * Makes a new address space with the program, ready to run. Nothing is left behind on failure.
     *
     * @throws ErrnoException what Linux gives: ENOEXEC, ELOOP, E2BIG, ENOENT (no interpreter), EACCES, ENOMEM, EIO,
     *     EINVAL, ELIBBAD, EFAULT
     */
    public static LoadedProgram load(LoadRequest request) throws ErrnoException {
        return new ProgramLoader(request).loadAny();
    }

    private LoadedProgram loadAny() throws ErrnoException {
        if (arguments.isEmpty()) {
            // Since Linux 5.18 no program starts without argv[0].
            arguments.add(new byte[0]);
        }
        checkSize();
        FileDescription file = request.file();
        file.incRef();
        byte[] path = request.path();
        try {
            for (int depth = 0; ; depth++) {
                if (depth > MAX_DEPTH) {
                    throw Errno.ELOOP.exception();
                }
                byte[] header = new byte[HEADER_BYTES];
                FileReader.readSome(file, header, 0);
                if (header[0] != '#' || header[1] != '!') {
                    return loadElf(file, header);
                }
                InterpreterLine line = InterpreterLine.parse(header);
                arguments.set(0, path);
                byte[] argument = line.argument();
                if (argument != null) {
                    arguments.addFirst(argument);
                }
                arguments.addFirst(line.interpreter());
                checkSize();
                path = line.interpreter();
                FileDescription interpreter = request.opener().open(path);
                file.decRef();
                file = interpreter;
            }
        } finally {
            file.decRef();
        }
    }

    private void checkSize() throws ErrnoException {
        stack().checkSize(request.limits());
    }

    private InitialStack stack() {
        return new InitialStack(request.path(), arguments, request.environment());
    }

    private LoadedProgram loadElf(FileDescription file, byte[] header) throws ErrnoException {
        ElfFile program = ElfFile.parse(file, header, Errno.ENOEXEC);
        ElfFile interpreter = ElfLoader.interpreter(program, request.opener());
        try {
            MemoryManager mm = request.spaces().create(request.limits(), request.randomize());
            boolean done = false;
            try {
                LoadedProgram loaded = load(mm, program, interpreter);
                file.incRef();
                done = true;
                return loaded;
            } finally {
                if (!done) {
                    mm.decUsers();
                }
            }
        } finally {
            if (interpreter != null) {
                interpreter.file().decRef();
            }
        }
    }

    private LoadedProgram load(MemoryManager mm, ElfFile program, @Nullable ElfFile interpreter) throws ErrnoException {
        ElfLoader loader = new ElfLoader(mm, request.spaces().random(), request.randomize());
        ElfLoader.Loaded loaded = loader.load(program, interpreter);
        InitialStack.Placed stack = stack().place(
                        mm,
                        loaded,
                        request.credentials(),
                        request.secure(),
                        ElfLoader.hasExecutableStack(program),
                        request.spaces().random(),
                        request.randomize(),
                        request.limits());
        mm.setStartBrk(loaded.startBrk());
        mm.setImage(new ProcessImage(
                loaded.startCode(),
                loaded.endCode(),
                loaded.startData(),
                loaded.endData(),
                loaded.startBrk(),
                stack.stackPointer(),
                stack.argStart(),
                stack.argEnd(),
                stack.envStart(),
                stack.envEnd(),
                stack.auxv()));
        return new LoadedProgram(mm, loaded.entry(), stack.stackPointer(), program.file());
    }
}
