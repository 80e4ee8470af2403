/**
 * Makes the address space of a new program: ELF files, interpreter scripts, the initial stack. Knows no task; uses
 * {@code abi}, {@code auth}, {@code memory}, {@code mm} and {@code vfs}.
 */
@NullMarked
package dev.stockade.sentry.loader;

import org.jspecify.annotations.NullMarked;
