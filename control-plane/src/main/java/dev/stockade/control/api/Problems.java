package dev.stockade.control.api;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import dev.stockade.control.domain.IllegalTransitionException;
import dev.stockade.control.lifecycle.ConflictException;
import dev.stockade.control.lifecycle.IdempotencyMismatchException;
import dev.stockade.control.lifecycle.InvalidRequestException;
import dev.stockade.control.lifecycle.NoCapacityException;
import dev.stockade.control.lifecycle.NotFoundException;
import dev.stockade.control.nodes.ImageNotFoundException;
import dev.stockade.control.nodes.NoGoferException;
import dev.stockade.control.nodes.NodeCallException;
import dev.stockade.control.storage.NameTakenException;
import jakarta.validation.ConstraintViolation;
import jakarta.validation.ConstraintViolationException;
import jakarta.validation.Path;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.UriInfo;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;
import org.jspecify.annotations.Nullable;

/** Turns every exception into a problem. */
class Problems {
    private static final Logger LOG = Logger.getLogger(Problems.class);

    private final UriInfo uri;

    Problems(@Context UriInfo uri) {
        this.uri = uri;
    }

    private Response problem(int status, String type, String title, @Nullable String detail, Map<String, Object> more) {
        return Response.status(status)
                .type(Problem.MEDIA_TYPE)
                .entity(new Problem(
                        Problem.TYPE_PREFIX + type,
                        title,
                        status,
                        detail == null ? title : detail,
                        "/" + uri.getPath().replaceFirst("^/", ""),
                        more))
                .build();
    }

    private Response problem(int status, String type, String title, @Nullable String detail) {
        return problem(status, type, title, detail, Map.of());
    }

    @ServerExceptionMapper
    Response map(NotFoundException e) {
        return problem(404, "not-found", "Not found", e.getMessage());
    }

    @ServerExceptionMapper
    Response map(ConflictException e) {
        return problem(409, "wrong-state", "The sandbox is not in a state for this", e.getMessage());
    }

    @ServerExceptionMapper
    Response map(IllegalTransitionException e) {
        return problem(
                409,
                "wrong-state",
                "The sandbox is not in a state for this",
                e.getMessage(),
                Map.of("state", e.from().name()));
    }

    @ServerExceptionMapper
    Response map(NameTakenException e) {
        return problem(409, "name-taken", "The name is taken", e.getMessage());
    }

    @ServerExceptionMapper
    Response map(IdempotencyMismatchException e) {
        return problem(422, "idempotency-key-reused", "The idempotency key belongs to another request", e.getMessage());
    }

    @ServerExceptionMapper
    Response map(ImageNotFoundException e) {
        return problem(422, "image-not-found", "The image can't be used", e.getMessage());
    }

    @ServerExceptionMapper
    Response map(NoCapacityException e) {
        return problem(503, "no-capacity", "No capacity", e.getMessage(), Map.of("nodes", e.reasons()));
    }

    @ServerExceptionMapper
    Response map(NoGoferException e) {
        return problem(503, "no-gofer", "No gofer node", e.getMessage());
    }

    @ServerExceptionMapper
    Response map(NodeCallException e) {
        return switch (e.kind()) {
            case UNREACHABLE ->
                problem(503, "node-unreachable", "A node can't be reached", e.getMessage() + "; try again in a moment");
            case NOT_FOUND -> problem(409, "unknown-on-node", "The node does not know the sandbox", e.getMessage());
            case REFUSED -> problem(409, "node-refused", "The node refused", e.getMessage());
        };
    }

    @ServerExceptionMapper
    Response map(ImageImportException e) {
        return problem(
                e.nowhere() ? 422 : 502,
                "image-not-imported",
                "The image was not imported",
                e.getMessage(),
                Map.of("nodes", e.errors()));
    }

    @ServerExceptionMapper
    Response map(ImageRemovalException e) {
        return problem(
                e.nowhere() ? 404 : 502,
                "image-not-removed",
                "The image was not removed",
                e.getMessage(),
                Map.of("nodes", e.errors()));
    }

    @ServerExceptionMapper
    Response map(InvalidRequestException e) {
        return invalid(List.of(Map.of("field", e.field(), "message", String.valueOf(e.getMessage()))));
    }

    private Response invalid(List<Map<String, String>> violations) {
        String detail = violations.stream()
                .map(violation -> violation.get("field") + ": " + violation.get("message"))
                .collect(Collectors.joining("; "));
        return problem(400, "invalid-request", "The request is not valid", detail, Map.of("violations", violations));
    }

    @ServerExceptionMapper
    Response map(ConstraintViolationException e) {
        return invalid(e.getConstraintViolations().stream()
                .map(violation -> Map.of("field", field(violation), "message", violation.getMessage()))
                .sorted((a, b) -> a.toString().compareTo(b.toString()))
                .toList());
    }

    /** Without the Java method and parameter that it goes through. */
    private static String field(ConstraintViolation<?> violation) {
        StringBuilder field = new StringBuilder();
        String parameter = "";
        for (Path.Node node : violation.getPropertyPath()) {
            switch (node.getKind()) {
                case PROPERTY, CONTAINER_ELEMENT ->
                    field.append(field.isEmpty() ? "" : ".").append(node);
                case PARAMETER -> parameter = node.getName();
                case BEAN, METHOD, CONSTRUCTOR, RETURN_VALUE, CROSS_PARAMETER -> {}
            }
        }
        return field.isEmpty() ? parameter : field.toString();
    }

    @ServerExceptionMapper
    Response map(JacksonException e) {
        if (e instanceof UnrecognizedPropertyException unknown) {
            return problem(
                    400,
                    "invalid-request",
                    "The request is not valid",
                    "there is no field " + unknown.getPropertyName() + "; known are "
                            + unknown.getKnownPropertyIds().stream()
                                    .map(String::valueOf)
                                    .sorted()
                                    .collect(Collectors.joining(", ")));
        }
        if (e instanceof JsonMappingException mapping && !mapping.getPath().isEmpty()) {
            String field = mapping.getPath().stream()
                    .map(step -> step.getFieldName() == null ? "[" + step.getIndex() + "]" : step.getFieldName())
                    .collect(Collectors.joining("."));
            return problem(
                    400, "invalid-request", "The request is not valid", field + " has a value of the wrong type");
        }
        String text = e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.getMessage();
        String where = e.getLocation() == null
                ? ""
                : " (line " + e.getLocation().getLineNr() + ", column "
                        + e.getLocation().getColumnNr() + ")";
        return problem(400, "malformed-json", "The request body is no JSON object of the right shape", text + where);
    }

    @ServerExceptionMapper
    Response map(WebApplicationException e, @Context HttpHeaders headers) {
        if (e.getCause() instanceof JacksonException json) {
            return map(json);
        }
        int status = e.getResponse().getStatus();
        String path = "/" + uri.getPath().replaceFirst("^/", "");
        return switch (status) {
            case 400 ->
                problem(
                        400,
                        "invalid-request",
                        "The request is not valid",
                        "the request can't be read: check its path, query and body against /openapi");
            case 404 ->
                problem(
                        404,
                        "not-found",
                        "Not found",
                        "there is nothing at " + path + ": see /openapi for what there is");
            case 405 ->
                problem(
                        405,
                        "method-not-allowed",
                        "Method not allowed",
                        "another method is needed for " + path + ": see /openapi");
            case 406 ->
                problem(
                        406,
                        "not-acceptable",
                        "Not acceptable",
                        "send an Accept header that allows what /openapi lists for " + path);
            case 413 -> problem(413, "too-large", "The request body is too large", e.getMessage());
            case 415 ->
                problem(
                        415,
                        "unsupported-media-type",
                        "Unsupported media type",
                        "send a Content-Type that /openapi lists for " + path + ", such as application/json");
            default ->
                problem(
                        status,
                        "http-" + status,
                        e.getResponse().getStatusInfo().getReasonPhrase(),
                        e.getMessage());
        };
    }

    @ServerExceptionMapper
    Response map(Exception e) {
        LOG.errorf(e, "a request to %s failed", uri.getPath());
        return problem(
                500,
                "internal",
                "Internal error",
                "this is a defect or an outage of the control plane: its log says more; the request may be tried again");
    }
}
