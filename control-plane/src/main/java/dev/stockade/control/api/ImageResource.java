package dev.stockade.control.api;

import dev.stockade.control.domain.FleetNode;
import dev.stockade.control.lifecycle.InvalidRequestException;
import dev.stockade.control.nodes.GoferNodes;
import dev.stockade.control.nodes.ImageImport;
import dev.stockade.control.nodes.Wire;
import dev.stockade.proto.gofer.v1.Image;
import dev.stockade.proto.gofer.v1.ImageConfig;
import io.smallrye.common.annotation.RunOnVirtualThread;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.parameters.RequestBody;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

/** Images; they belong to the whole fleet, not to a tenant. */
@Path("/v1/images")
@Produces({MediaType.APPLICATION_JSON, Problem.MEDIA_TYPE})
@RunOnVirtualThread
@Tag(name = "images")
public class ImageResource {
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,126}[a-z0-9])?");

    private final GoferNodes gofers;
    private final ImageImport imports;

    ImageResource(GoferNodes gofers, ImageImport imports) {
        this.gofers = gofers;
        this.imports = imports;
    }

    /** An image as clients see it. */
    @Schema(name = "Image")
    public record ImageJson(
            String name,
            String id,
            long sizeBytes,
            long files,
            Instant createdAt,
            List<String> entrypoint,
            List<String> cmd,
            List<String> env,
            String workingDir,
            String user,

            @Schema(description = "The gofer nodes that have it")
            List<String> nodes) {
        static ImageJson of(Image image, List<String> nodes) {
            ImageConfig config = image.getConfig();
            return new ImageJson(
                    image.getName(),
                    image.getId(),
                    image.getSizeBytes(),
                    image.getFiles(),
                    Wire.time(image.getCreatedNs(), Instant.EPOCH),
                    List.copyOf(config.getEntrypointList()),
                    List.copyOf(config.getCmdList()),
                    List.copyOf(config.getEnvList()),
                    config.getWorkingDir(),
                    config.getUser(),
                    nodes);
        }
    }

    /** All images. */
    @Schema(name = "ImageList")
    public record ImageListJson(List<ImageJson> items) {}

    @GET
    @Operation(summary = "Lists the images of all gofer nodes")
    public ImageListJson list() {
        Map<List<String>, Image> images = new TreeMap<>((a, b) -> a.toString().compareTo(b.toString()));
        Map<List<String>, List<String>> nodes =
                new TreeMap<>((a, b) -> a.toString().compareTo(b.toString()));
        for (FleetNode gofer : gofers.ready()) {
            for (Image image : gofers.list(gofer)) {
                List<String> key = List.of(image.getName(), image.getId());
                images.putIfAbsent(key, image);
                nodes.computeIfAbsent(key, k -> new ArrayList<>()).add(gofer.id());
            }
        }
        return new ImageListJson(images.entrySet().stream()
                .map(entry -> ImageJson.of(entry.getValue(), nodes.getOrDefault(entry.getKey(), List.of())))
                .toList());
    }

    @PUT
    @Path("/{name}")
    @Consumes({"application/x-tar", "application/gzip", "application/x-gzip", MediaType.APPLICATION_OCTET_STREAM})
    @Operation(
            summary = "Imports a tar stream as an image on every gofer node",
            description = "The body may be compressed with gzip. A gofer node that joins later does not have it.")
    public Response put(
            @PathParam("name") String name,
            @QueryParam("replace") @DefaultValue("true") boolean replace,
            @QueryParam("entrypoint") List<String> entrypoint,
            @QueryParam("cmd") List<String> cmd,
            @QueryParam("env") List<String> env,
            @QueryParam("workingDir") @DefaultValue("") String workingDir,
            @QueryParam("user") @DefaultValue("") String user,
            @RequestBody(
                            content =
                                    @Content(
                                            schema =
                                                    @Schema(
                                                            type =
                                                                    org.eclipse.microprofile.openapi.annotations.enums
                                                                            .SchemaType.STRING,
                                                            format = "binary")))
                    InputStream tar)
            throws IOException {
        checkName(name);
        ImageImport.Outcome outcome = imports.run(
                name,
                replace,
                ImageConfig.newBuilder()
                        .addAllEntrypoint(entrypoint)
                        .addAllCmd(cmd)
                        .addAllEnv(env)
                        .setWorkingDir(workingDir)
                        .setUser(user)
                        .build(),
                tar);
        if (!outcome.errors().isEmpty()) {
            throw new ImageImportException(name, outcome);
        }
        Image image = outcome.image();
        return Response.status(201)
                .entity(
                        image == null
                                ? null
                                : ImageJson.of(
                                        image,
                                        gofers.ready().stream()
                                                .map(FleetNode::id)
                                                .toList()))
                .build();
    }

    @DELETE
    @Path("/{name}")
    @Operation(summary = "Removes an image from every gofer node; sandboxes that run from it go on")
    public Response delete(@PathParam("name") String name) {
        checkName(name);
        Map<String, String> errors = new TreeMap<>();
        List<FleetNode> nodes = gofers.ready();
        for (FleetNode gofer : nodes) {
            String error = gofers.remove(gofer, name);
            if (!error.isEmpty()) {
                errors.put(gofer.id(), error);
            }
        }
        if (!errors.isEmpty()) {
            throw new ImageRemovalException(name, errors, errors.size() == nodes.size());
        }
        return Response.noContent().build();
    }

    private static void checkName(String name) {
        if (!NAME.matcher(name).matches()) {
            throw new InvalidRequestException(
                    "name",
                    "an image's name has 1 to 128 of a-z, 0-9, ., _ and -, and begins and ends with a letter or digit");
        }
    }
}
