package dev.stockade.control.storage;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.stockade.control.domain.Command;
import dev.stockade.control.domain.SandboxSpec;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Map;

/** JSON in columns. Lenient in what it reads: an older replica may see a newer one's rows. */
@ApplicationScoped
class Json {
    private final ObjectMapper mapper = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .build();

    String write(Object value) {
        try {
            return mapper.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("can't write " + value.getClass() + " as JSON", e);
        }
    }

    SandboxSpec readSpec(String json) {
        return read(json, new TypeReference<>() {});
    }

    Command readCommand(String json) {
        return read(json, new TypeReference<>() {});
    }

    Map<String, String> readLabels(String json) {
        return read(json, new TypeReference<>() {});
    }

    private <T> T read(String json, TypeReference<T> type) {
        try {
            return mapper.readValue(json, type);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a column holds JSON of another shape than " + type.getType(), e);
        }
    }
}
