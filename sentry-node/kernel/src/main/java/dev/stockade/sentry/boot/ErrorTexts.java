package dev.stockade.sentry.boot;

import dev.stockade.sentry.abi.Errno;

/** What people are told of an errno, as strerror(3) has it. */
final class ErrorTexts {
    private ErrorTexts() {}

    static String of(Errno errno) {
        return switch (errno) {
            case ENOENT -> "no such file or directory";
            case EACCES, EPERM -> "permission denied";
            case ENOEXEC -> "exec format error";
            case ENOTDIR -> "not a directory";
            case EISDIR -> "is a directory";
            case ELOOP -> "too many levels of symbolic links";
            case EIO -> "input/output error";
            case E2BIG -> "argument list too long";
            case ENAMETOOLONG -> "file name too long";
            case ENOMEM -> "out of memory";
            case EROFS -> "read-only file system";
            case ENOSPC -> "no space left on device";
            case EAGAIN -> "no more processes are allowed";
            case ETXTBSY -> "text file busy";
            default -> errno.name();
        };
    }
}
