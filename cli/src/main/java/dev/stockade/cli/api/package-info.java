/** The control plane's REST API and the WebSocket of an execution's streams, as the command uses them. */
@NullMarked
package dev.stockade.cli.api;

import org.jspecify.annotations.NullMarked;
