package dev.stockade.cli.fleet;

import dev.stockade.cli.CliException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.UUID;

/** How each part of a local fleet is started: its command line and the files it needs first. */
final class PartCommand {
    /** Parts that mostly wait: a quick start and little memory matter more than peak speed. */
    private static final List<String> LIGHT = List.of(
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xmx512m",
            "--enable-native-access=ALL-UNNAMED",
            "-Djnr.ffi.x86asm.enabled=false");

    private final Installation installation;
    private final PortLayout ports;
    private final Path home;

    PartCommand(Installation installation, PortLayout ports, Path home) {
        this.installation = installation;
        this.ports = ports;
        this.home = home;
    }

    List<String> of(PartName part) {
        return switch (part) {
            case KAFKA -> kafka();
            case CONTROL_PLANE ->
                service(
                        part,
                        ports.controlHttp(),
                        ports.controlGrpc(),
                        LIGHT,
                        List.of(
                                "-Dstockade.database.mode=embedded",
                                "-Dstockade.database.data-dir=" + data("postgres"),
                                "-Dstockade.database.port=" + ports.postgres(),
                                "-Dkafka.bootstrap.servers=" + ports.kafkaAddress(),
                                // Quarkus counts a WebSocket as a request under way, and would wait all its time.
                                "-Dquarkus.shutdown.timeout=2s"));
            case GOFER ->
                service(
                        part,
                        ports.goferHttp(),
                        ports.goferGrpc(),
                        LIGHT,
                        List.of(
                                "-Dstockade.node.id=" + HealthProbe.GOFER_ID,
                                "-Dstockade.node.address=127.0.0.1:" + ports.goferGrpc(),
                                "-Dstockade.control-plane.address=127.0.0.1:" + ports.controlGrpc(),
                                "-Dstockade.gofer.data-dir=" + data("images")));
            case SENTRY ->
                service(
                        part,
                        ports.sentryHttp(),
                        ports.sentryGrpc(),
                        List.of(
                                "-XX:+UseZGC",
                                "-Xmx1g",
                                "--enable-native-access=ALL-UNNAMED",
                                "-Djnr.ffi.x86asm.enabled=false"),
                        List.of(
                                "-Dstockade.node.id=" + HealthProbe.SENTRY_ID,
                                "-Dstockade.node.address=127.0.0.1:" + ports.sentryGrpc(),
                                "-Dstockade.control-plane.address=127.0.0.1:" + ports.controlGrpc()));
        };
    }

    private List<String> service(
            PartName part, int httpPort, int grpcPort, List<String> jvmOptions, List<String> configuration) {
        List<String> command = new ArrayList<>();
        command.add(installation.java().toString());
        command.addAll(jvmOptions);
        command.add("-Dquarkus.http.host=127.0.0.1");
        command.add("-Dquarkus.http.port=" + httpPort);
        command.add("-Dquarkus.grpc.server.host=127.0.0.1");
        command.add("-Dquarkus.grpc.server.port=" + grpcPort);
        command.addAll(configuration);
        command.add("-jar");
        command.add(installation.quarkusJar(part).toString());
        return command;
    }

    private List<String> kafka() {
        String classpath = installation.kafkaJars() + "/*";
        Path properties = data("kafka").resolve("server.properties");
        Path logs = data("kafka").resolve("log");
        try {
            Files.createDirectories(logs);
            Files.writeString(properties, kafkaProperties(logs));
        } catch (IOException e) {
            throw new CliException("cannot write " + properties + ": " + e.getMessage(), e);
        }
        if (!Files.exists(logs.resolve("meta.properties"))) {
            formatStorage(classpath, properties);
        }
        return List.of(
                installation.java().toString(),
                "-Xmx384m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
                "-cp",
                classpath,
                "kafka.Kafka",
                properties.toString());
    }

    private void formatStorage(String classpath, Path properties) {
        UUID id = UUID.randomUUID();
        byte[] bytes = java.nio.ByteBuffer.allocate(16)
                .putLong(id.getMostSignificantBits())
                .putLong(id.getLeastSignificantBits())
                .array();
        String clusterId = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
        try {
            Process format = new ProcessBuilder(
                            installation.java().toString(),
                            "-XX:TieredStopAtLevel=1",
                            "-XX:+UseSerialGC",
                            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                            "-cp",
                            classpath,
                            "kafka.tools.StorageTool",
                            "format",
                            "--cluster-id=" + clusterId,
                            "--config",
                            properties.toString())
                    .redirectErrorStream(true)
                    .start();
            format.getOutputStream().close();
            String output = new String(format.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (format.waitFor() != 0) {
                throw new CliException("the broker's storage could not be formatted: " + output.strip());
            }
        } catch (IOException e) {
            throw new CliException("cannot format the broker's storage: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CliException("interrupted");
        }
    }

    private String kafkaProperties(Path logs) {
        return """
            process.roles=broker,controller
            node.id=1
            controller.quorum.voters=1@127.0.0.1:%2$d
            listeners=PLAINTEXT://127.0.0.1:%1$d,CONTROLLER://127.0.0.1:%2$d
            advertised.listeners=PLAINTEXT://127.0.0.1:%1$d
            controller.listener.names=CONTROLLER
            inter.broker.listener.name=PLAINTEXT
            listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
            log.dirs=%3$s
            num.partitions=4
            offsets.topic.num.partitions=1
            offsets.topic.replication.factor=1
            transaction.state.log.num.partitions=1
            transaction.state.log.replication.factor=1
            transaction.state.log.min.isr=1
            share.coordinator.state.topic.replication.factor=1
            share.coordinator.state.topic.min.isr=1
            group.initial.rebalance.delay.ms=0
            """.formatted(ports.kafka(), ports.kafkaController(), logs);
    }

    private Path data(String name) {
        return home.resolve("data").resolve(name);
    }
}
