package dev.stockade.gofer.tree;

/** What a tree may have at most. */
public record TreeLimits(int files, int pathBytes) {
    /** NAME_MAX of limits.h, as every Linux file system has it. */
    public static final int NAME_BYTES = 255;
    /** PATH_MAX of limits.h without its NUL: a longer target can be followed by nobody. */
    public static final int TARGET_BYTES = 4095;
}
