/** The fleet as its users have it: processes, the launcher, HTTP and a broker. */
@NullMarked
package dev.stockade.e2e;

import org.jspecify.annotations.NullMarked;
