package dev.stockade.control.api;

import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.lifecycle.FindSandbox;
import dev.stockade.control.nodes.SentryNodes;
import io.smallrye.common.annotation.Blocking;
import io.smallrye.mutiny.Multi;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.resteasy.reactive.RestStreamElementType;
import org.jspecify.annotations.Nullable;

/** The kept output of a sandbox's own command. */
@Path("/v1/sandboxes/{id}/logs")
@Tag(name = "sandboxes")
public class LogResource {
    static final String NDJSON = "application/x-ndjson";

    private final FindSandbox find;
    private final SentryNodes nodes;

    LogResource(FindSandbox find, SentryNodes nodes) {
        this.find = find;
        this.nodes = nodes;
    }

    @GET
    @Blocking
    @Produces(NDJSON)
    @RestStreamElementType(jakarta.ws.rs.core.MediaType.APPLICATION_JSON)
    @Operation(
            summary = "Streams the output of a sandbox's own command",
            description = "One JSON object a line. Its node keeps a bounded amount and drops the oldest first. With "
                    + "follow=true it goes on until the command has ended.")
    public Multi<LogLineJson> logs(
            @HeaderParam(Tenant.HEADER) @Nullable String tenantHeader,
            @PathParam("id") String id,
            @QueryParam("follow") @DefaultValue("false") boolean follow) {
        Sandbox sandbox = find.find(Tenant.of(tenantHeader), id);
        return Multi.createFrom()
                .publisher(nodes.logs(sandbox, follow))
                .onItem()
                .transformToIterable(LogLineJson::of);
    }
}
