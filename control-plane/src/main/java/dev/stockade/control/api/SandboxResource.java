package dev.stockade.control.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.domain.SandboxState;
import dev.stockade.control.lifecycle.CreateRequest;
import dev.stockade.control.lifecycle.CreateSandbox;
import dev.stockade.control.lifecycle.DeleteSandbox;
import dev.stockade.control.lifecycle.FindSandbox;
import dev.stockade.control.lifecycle.InvalidRequestException;
import dev.stockade.control.lifecycle.SandboxConfig;
import dev.stockade.control.lifecycle.StartExecution;
import dev.stockade.control.lifecycle.StopSandbox;
import dev.stockade.control.storage.SandboxStore;
import io.smallrye.common.annotation.RunOnVirtualThread;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jspecify.annotations.Nullable;

/** Sandboxes and the commands in them. A sandbox can be named by its id or its name. */
@Path("/v1/sandboxes")
@Produces({MediaType.APPLICATION_JSON, Problem.MEDIA_TYPE})
@Consumes(MediaType.APPLICATION_JSON)
@RunOnVirtualThread
@Tag(name = "sandboxes")
public class SandboxResource {
    private final CreateSandbox create;
    private final FindSandbox find;
    private final StopSandbox stop;
    private final DeleteSandbox delete;
    private final StartExecution start;
    private final SandboxStore store;
    private final SandboxConfig config;
    private final ObjectMapper json;

    SandboxResource(
            CreateSandbox create,
            FindSandbox find,
            StopSandbox stop,
            DeleteSandbox delete,
            StartExecution start,
            SandboxStore store,
            SandboxConfig config,
            ObjectMapper json) {
        this.create = create;
        this.find = find;
        this.stop = stop;
        this.delete = delete;
        this.start = start;
        this.store = store;
        this.config = config;
        this.json = json;
    }

    @POST
    @Operation(
            summary = "Creates a sandbox",
            description = "Answers once its node has made it (and started it, unless startOnAttach), or it failed, or "
                    + "the time for that is over; the state in the answer says which. With an Idempotency-Key header, "
                    + "the same request made again answers with the sandbox that it made the first time.")
    @APIResponse(responseCode = "201", description = "Created")
    @APIResponse(responseCode = "503", description = "No node can take it, or no gofer node is there")
    public Response create(
            @HeaderParam(Tenant.HEADER) @Nullable String tenantHeader,
            @HeaderParam("Idempotency-Key") @Nullable String idempotencyKey,
            @NotNull(message = "send a JSON object with at least an image") @Valid CreateSandboxJson body) {
        String tenant = Tenant.of(tenantHeader);
        CreateSandbox.Created created = create.create(new CreateRequest(
                tenant,
                body.name(),
                body.image(),
                body.commandRequest(),
                body.hostname(),
                body.memoryBytes(),
                body.cpus(),
                body.maxTasks(),
                body.startOnAttach(),
                body.init(),
                Duration.ofSeconds(Objects.requireNonNullElse(body.timeoutSeconds(), 0L))
                        .toMillis(),
                Objects.requireNonNullElse(body.nodeLabels(), Map.of()),
                idempotency(idempotencyKey, body)));
        Response.ResponseBuilder response = Response.created(
                        URI.create("/v1/sandboxes/" + created.sandbox().id()))
                .entity(SandboxJson.of(created.sandbox()));
        if (created.replayed()) {
            response.header("Idempotency-Replayed", "true");
        }
        return response.build();
    }

    private CreateRequest.@Nullable Idempotency idempotency(@Nullable String key, CreateSandboxJson body) {
        if (key == null) {
            return null;
        }
        if (!key.matches("[\\x21-\\x7e]{1,255}")) {
            throw new InvalidRequestException("Idempotency-Key", "1 to 255 printable characters without blanks");
        }
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256")
                    .digest(json.writeValueAsString(body).getBytes(StandardCharsets.UTF_8));
            return new CreateRequest.Idempotency(key, HexFormat.of().formatHex(hash));
        } catch (JsonProcessingException | NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @GET
    @Operation(summary = "Lists the tenant's sandboxes, newest first; deleted ones are not among them")
    public SandboxListJson list(
            @HeaderParam(Tenant.HEADER) @Nullable String tenantHeader,
            @QueryParam("state") @Nullable List<String> states,
            @QueryParam("limit") @DefaultValue("100") @Min(1) @Max(1000) int limit,
            @QueryParam("after") @Nullable String after) {
        String tenant = Tenant.of(tenantHeader);
        List<Sandbox> page = store.list(tenant, states(states), limit + 1, after);
        boolean more = page.size() > limit;
        List<Sandbox> items = more ? page.subList(0, limit) : page;
        return new SandboxListJson(
                items.stream().map(SandboxJson::of).toList(),
                more ? items.getLast().id() : null);
    }

    private static Set<SandboxState> states(@Nullable List<String> names) {
        if (names == null || names.isEmpty()) {
            return EnumSet.complementOf(EnumSet.of(SandboxState.DELETED));
        }
        EnumSet<SandboxState> states = EnumSet.noneOf(SandboxState.class);
        for (String name : names) {
            try {
                states.add(SandboxState.valueOf(name.toUpperCase(Locale.ROOT)));
            } catch (IllegalArgumentException e) {
                throw new InvalidRequestException(
                        "state", "there is no state " + name + "; known are " + Arrays.toString(SandboxState.values()));
            }
        }
        return states;
    }

    @GET
    @Path("/{id}")
    @Operation(summary = "Shows a sandbox")
    public SandboxJson get(@HeaderParam(Tenant.HEADER) @Nullable String tenantHeader, @PathParam("id") String id) {
        return SandboxJson.of(find.find(Tenant.of(tenantHeader), id));
    }

    @POST
    @Path("/{id}/stop")
    @Operation(
            summary = "Stops a sandbox",
            description = "SIGTERM to its command, SIGKILL to all that is left after the grace period. Answers once it "
                    + "is over; 202 if that could not be awaited.")
    public Response stop(
            @HeaderParam(Tenant.HEADER) @Nullable String tenantHeader,
            @PathParam("id") String id,
            @Nullable @Valid StopJson body) {
        Sandbox sandbox = find.find(Tenant.of(tenantHeader), id);
        Duration grace = body == null || body.graceSeconds() == null
                ? config.defaultGrace()
                : Duration.ofSeconds(body.graceSeconds());
        Sandbox stopped = stop.stop(sandbox, grace);
        return Response.status(stopped.state().isOver() ? 200 : 202)
                .entity(SandboxJson.of(stopped))
                .build();
    }

    @DELETE
    @Path("/{id}")
    @Consumes(MediaType.WILDCARD)
    @Operation(
            summary = "Deletes a sandbox",
            description = "With all that is kept of it. 204 once that is done; 202 if its node could not be told yet, "
                    + "which is tried again.")
    public Response delete(
            @HeaderParam(Tenant.HEADER) @Nullable String tenantHeader,
            @PathParam("id") String id,
            @QueryParam("force") @DefaultValue("false") boolean force) {
        Sandbox deleted = delete.delete(find.find(Tenant.of(tenantHeader), id), force);
        return deleted.state() == SandboxState.DELETED
                ? Response.noContent().build()
                : Response.accepted(SandboxJson.of(deleted)).build();
    }

    @POST
    @Path("/{id}/executions")
    @Operation(
            summary = "Announces a further command of a running sandbox",
            description = "It starts once a WebSocket is opened at /v1/sandboxes/{id}/executions/{executionId}/stream.")
    @APIResponse(responseCode = "201", description = "Announced")
    public Response execute(
            @HeaderParam(Tenant.HEADER) @Nullable String tenantHeader,
            @PathParam("id") String id,
            @NotNull(message = "send a JSON object with at least args") @Valid CommandJson body) {
        Sandbox sandbox = find.find(Tenant.of(tenantHeader), id);
        Execution execution = start.start(sandbox, body.request());
        return Response.created(URI.create("/v1/sandboxes/" + sandbox.id() + "/executions/" + execution.id()))
                .entity(ExecutionJson.of(execution))
                .build();
    }

    @GET
    @Path("/{id}/executions/{executionId}")
    @Operation(summary = "Shows a further command of a sandbox")
    public ExecutionJson execution(
            @HeaderParam(Tenant.HEADER) @Nullable String tenantHeader,
            @PathParam("id") String id,
            @PathParam("executionId") String executionId) {
        return ExecutionJson.of(find.execution(find.find(Tenant.of(tenantHeader), id), executionId));
    }
}
