package dev.stockade.cli.fleet;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;

/** Asks each part of a fleet whether it can do its work. */
final class HealthProbe implements AutoCloseable {
    static final String GOFER_ID = "gofer-1";
    static final String SENTRY_ID = "sentry-1";
    private static final String HEALTHY = "healthy";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration TIMEOUT = Duration.ofSeconds(5);

    private final PortLayout ports;
    private final HttpClient http =
            HttpClient.newBuilder().connectTimeout(TIMEOUT).build();

    HealthProbe(PortLayout ports) {
        this.ports = ports;
    }

    /** "healthy", or in a few words what is not. */
    String ask(PartName part) throws InterruptedException {
        return switch (part) {
            case KAFKA -> kafka();
            case CONTROL_PLANE -> service(ports.controlHttp());
            case GOFER -> node(ports.goferHttp(), GOFER_ID);
            case SENTRY -> node(ports.sentryHttp(), SENTRY_ID);
        };
    }

    static boolean isHealthy(String answer) {
        return answer.equals(HEALTHY);
    }

    /** A node can do its work once the control plane may give it some. */
    private String node(int port, String id) throws InterruptedException {
        String own = service(port);
        if (!isHealthy(own)) {
            return own;
        }
        HttpRequest request = HttpRequest.newBuilder(URI.create(ports.apiUrl() + "/v1/nodes"))
                .timeout(TIMEOUT)
                .build();
        try {
            HttpResponse<byte[]> response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
            for (JsonNode node : JSON.readTree(response.body()).path("items")) {
                if (node.path("id").asText().equals(id)
                        && node.path("state").asText().equals("READY")) {
                    return HEALTHY;
                }
            }
            return "not registered";
        } catch (IOException e) {
            return "not registered: the control plane does not answer";
        }
    }

    private String service(int port) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/q/health/ready"))
                .timeout(TIMEOUT)
                .build();
        try {
            HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
            return response.statusCode() == 200 ? HEALTHY : "not ready";
        } catch (IOException e) {
            return "no answer";
        }
    }

    private String kafka() throws InterruptedException {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("127.0.0.1", ports.kafka()), (int) TIMEOUT.toMillis());
        } catch (IOException e) {
            return "no answer";
        }
        Map<String, Object> configuration = Map.of(
                AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, ports.kafkaAddress(),
                AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, (int) TIMEOUT.toMillis(),
                AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, (int) TIMEOUT.toMillis());
        try (Admin admin = Admin.create(configuration)) {
            int brokers = admin.describeCluster()
                    .nodes()
                    .get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
                    .size();
            return brokers > 0 ? HEALTHY : "not ready";
        } catch (ExecutionException | TimeoutException e) {
            return "not ready";
        }
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
