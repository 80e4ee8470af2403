/**
 * The gRPC services, configuration, health and metrics: turns wire messages into calls of {@code session}
 * and {@code store}, and their results back.
 */
@NullMarked
package dev.stockade.gofer.service;

import org.jspecify.annotations.NullMarked;
