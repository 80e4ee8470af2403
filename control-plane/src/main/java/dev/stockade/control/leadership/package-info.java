/**
 * Which one of several replicas does what only one may do. Beneath {@code events} and {@code reconcile}.
 */
@NullMarked
package dev.stockade.control.leadership;

import org.jspecify.annotations.NullMarked;
