package dev.stockade.control;

import static org.assertj.core.api.Assertions.assertThat;

import dev.stockade.control.domain.Assignment;
import dev.stockade.control.domain.Change;
import dev.stockade.control.domain.Command;
import dev.stockade.control.domain.SandboxLifecycle;
import dev.stockade.control.domain.SandboxSpec;
import dev.stockade.control.fleet.ApiClient;
import dev.stockade.control.fleet.Await;
import dev.stockade.control.fleet.ControlPlaneTest;
import dev.stockade.control.fleet.FakeBroker;
import dev.stockade.control.fleet.FakeGofer;
import dev.stockade.control.fleet.FakeSentry;
import dev.stockade.control.placement.Placement;
import dev.stockade.control.placement.PlacementPolicy;
import dev.stockade.control.placement.PlacementRequest;
import dev.stockade.control.storage.Leases;
import dev.stockade.control.storage.SandboxStore;
import jakarta.inject.Inject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a control plane that died in the middle left behind is brought on by the next one. */
@ControlPlaneTest
class ReconcileTest {
    @Inject
    SandboxStore store;

    @Inject
    Leases leases;

    @Inject
    FakeBroker broker;

    private final ApiClient api = new ApiClient();
    private FakeGofer gofer;
    private FakeSentry sentry;

    @BeforeEach
    void startNodes() {
        gofer = new FakeGofer("gofer-reconcile");
        sentry = new FakeSentry("sentry-reconcile");
    }

    @AfterEach
    void stopNodes() {
        sentry.close();
        gofer.close();
    }

    /** As if the control plane had died after the commit, before it told the node. */
    private String insertWithoutTelling() {
        String id = "sb-" + UUID.randomUUID();
        SandboxSpec spec = new SandboxSpec(
                "busybox",
                "sha256:busybox",
                new Command(List.of("hang"), List.of(), "", "", false, false, 0, 0),
                "box",
                1 << 20,
                1,
                0,
                false,
                false,
                0);
        Assignment place = new Assignment(sentry.id(), sentry.registration().bootId(), gofer.address());
        Change created = SandboxLifecycle.create(id, api.tenant, null, spec, Instant.now());
        Change scheduled = created.then(SandboxLifecycle.schedule(created.sandbox(), place, Instant.now()));
        assertThat(store.insert(
                        scheduled,
                        new Placement(new PlacementPolicy(1, 1, PlacementPolicy.Strategy.SPREAD)),
                        new PlacementRequest(1 << 20, 1, Map.of()),
                        null,
                        Duration.ZERO))
                .isInstanceOf(SandboxStore.Inserted.Done.class);
        return id;
    }

    @Test
    void shouldTellTheNodeOfASandboxWhoseCreatorDied() {
        String id = insertWithoutTelling();

        api.awaitState(id, "RUNNING");
        assertThat(sentry.held()).contains(id);
        Await.until("the events came", () -> broker.typesOf(id).equals(List.of("created", "scheduled", "started")));
    }

    @Test
    void shouldTryAgainWhenTheNodeCouldNotBeReached() {
        sentry.unreachableCreates.set(2);

        String id = api.running("hang");

        assertThat(api.state(id)).isEqualTo("RUNNING");
        assertThat(sentry.creates.get()).isGreaterThanOrEqualTo(3);
    }

    @Test
    void shouldStopASandboxWhoseStopperDied() {
        String id = api.running("hang");
        store.change(id, sandbox -> SandboxLifecycle.requestStop(sandbox, 0), Duration.ZERO);

        api.awaitState(id, "STOPPED");
        Await.until("the event came", () -> broker.typesOf(id).contains("stopped"));
    }

    @Test
    void shouldLearnThatItStoppedThoughTheAnswerWasLost() {
        String id = api.running("hang");
        sentry.mute(true);
        sentry.lostStopAnswers.set(1);

        api.request().body("{\"graceSeconds\":0}").post("/v1/sandboxes/" + id + "/stop");

        api.awaitState(id, "STOPPED");
        sentry.mute(false);
    }

    @Test
    void shouldDeleteASandboxWhoseDeleterDied() {
        String id = api.running("hang");
        store.change(id, SandboxLifecycle::requestDelete, Duration.ZERO);

        Await.until("it is gone", () -> api.request().get("/v1/sandboxes/" + id).statusCode() == 404);
        assertThat(sentry.held()).doesNotContain(id);
        Await.until(
                "the events came",
                () -> broker.typesOf(id).equals(List.of("created", "scheduled", "started", "stopped", "deleted")));
    }

    @Test
    void shouldGiveALeaseToOneOnly() {
        String name = "test-" + UUID.randomUUID();

        assertThat(leases.acquire(name, "a", Duration.ofMillis(300))).isTrue();
        assertThat(leases.acquire(name, "b", Duration.ofMillis(300))).isFalse();
        assertThat(leases.acquire(name, "a", Duration.ofMillis(300))).isTrue();
        Await.until("it expires", () -> leases.acquire(name, "b", Duration.ofSeconds(60)));
        assertThat(leases.acquire(name, "a", Duration.ofSeconds(60))).isFalse();
        leases.release("b");
        assertThat(leases.acquire(name, "a", Duration.ofSeconds(60))).isTrue();
        leases.release("a");
    }
}
