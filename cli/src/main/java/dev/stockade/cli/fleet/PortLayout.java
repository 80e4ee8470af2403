package dev.stockade.cli.fleet;

import java.util.LinkedHashMap;
import java.util.Map;

/** The ports of a local fleet, all of them relative to one base. */
public record PortLayout(int base) {
    public static final int DEFAULT_BASE = 7400;
    private static final int HIGHEST_OFFSET = 40;

    public PortLayout {
        if (base < 1024 || base > 65535 - HIGHEST_OFFSET) {
            throw new IllegalArgumentException(
                    "a port base lies between 1024 and " + (65535 - HIGHEST_OFFSET) + ": " + base);
        }
    }

    public int controlHttp() {
        return base;
    }

    public int controlGrpc() {
        return base + 1;
    }

    public int goferGrpc() {
        return base + 10;
    }

    public int goferHttp() {
        return base + 11;
    }

    public int sentryGrpc() {
        return base + 20;
    }

    public int sentryHttp() {
        return base + 21;
    }

    public int kafka() {
        return base + 30;
    }

    public int kafkaController() {
        return base + 31;
    }

    public int postgres() {
        return base + 40;
    }

    /** What listens where, by part. */
    public Map<String, Integer> of(PartName part) {
        Map<String, Integer> ports = new LinkedHashMap<>();
        switch (part) {
            case KAFKA -> {
                ports.put("kafka", kafka());
                ports.put("controller", kafkaController());
            }
            case CONTROL_PLANE -> {
                ports.put("http", controlHttp());
                ports.put("grpc", controlGrpc());
                ports.put("postgres", postgres());
            }
            case GOFER -> {
                ports.put("grpc", goferGrpc());
                ports.put("http", goferHttp());
            }
            case SENTRY -> {
                ports.put("grpc", sentryGrpc());
                ports.put("http", sentryHttp());
            }
        }
        return ports;
    }

    public String apiUrl() {
        return "http://127.0.0.1:" + controlHttp();
    }

    public String kafkaAddress() {
        return "127.0.0.1:" + kafka();
    }
}
