/**
 * The REST API, version 1. Every error is an RFC 9457 problem.
 */
@NullMarked
package dev.stockade.control.api;

import org.jspecify.annotations.NullMarked;
