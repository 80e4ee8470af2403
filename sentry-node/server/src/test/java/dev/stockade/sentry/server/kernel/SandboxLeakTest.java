package dev.stockade.sentry.server.kernel;

import static dev.stockade.sentry.server.grpc.ServiceFixture.await;
import static dev.stockade.sentry.server.grpc.ServiceFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.proto.sentry.v1.DeleteSandboxRequest;
import dev.stockade.sentry.server.kernel.KernelFixture.Outcome;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a sandbox held is free when it is gone: threads, descriptors (vCPUs, machines, files) and mappings. */
@Timeout(180)
class SandboxLeakTest {
    private static final int CYCLES = 50;

    @TempDir
    static Path root;

    private static long entries(String directory) {
        try (Stream<Path> s = Files.list(Path.of(directory))) {
            return s.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long guestMappings() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.filter(l -> l.contains("kvm") || l.contains("memfd:")).count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void cycle(KernelFixture node, int i) throws Exception {
        Outcome o = node.run("leak" + i, "sleep 100 & sleep 100 & echo $(echo in a child); exit 3");
        assertThat(o.stdout()).isEqualTo("in a child\n");
        assertThat(o.code()).isEqualTo(3);
        node.service
                .client()
                .deleteSandbox(DeleteSandboxRequest.newBuilder()
                        .setKey(key("leak" + i, 1))
                        .build());
    }

    @Test
    void shouldFreeEverything() throws Exception {
        KernelFixture.assumeKvm();
        BusyboxTree.make(root);
        try (KernelFixture node = new KernelFixture(root)) {
            for (int i = 0; i < 5; i++) {
                cycle(node, i);
            }
            long fds = entries("/proc/self/fd");
            long threads = entries("/proc/self/task");
            long mappings = guestMappings();
            for (int i = 5; i < 5 + CYCLES; i++) {
                cycle(node, i);
            }
            assertThat(node.service.table().capacity().reservedBytes()).isZero();
            // Threads of the JVM and of gRPC come and go: a few either way.
            await("descriptors are closed", () -> entries("/proc/self/fd") <= fds + 3);
            await("threads are gone", () -> entries("/proc/self/task") <= threads + 5);
            await("memory is unmapped", () -> guestMappings() <= mappings);
        }
    }
}
