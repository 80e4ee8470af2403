/**
 * What a sandbox is and how its life may go: states, the transition table, and the events that each
 * change gives. Pure values and functions of them; no clock, no database, no wire types.
 *
 * <p>Desired state (what its owner asked for) and observed state (what a node reported) are separate
 * fields; nothing here turns one into the other, that is what {@code lifecycle} and {@code reconcile} do.
 */
@NullMarked
package dev.stockade.control.domain;

import org.jspecify.annotations.NullMarked;
