package dev.stockade.control.domain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SandboxLifecycleTest {
    private static final Instant NOW = Instant.parse("2026-01-02T03:04:05Z");
    private static final Assignment PLACE = new Assignment("node", "boot", "gofer:1");

    private static Change scheduled() {
        SandboxSpec spec = new SandboxSpec(
                "busybox",
                "sha256:0",
                new Command(List.of("sh"), List.of(), "", "", false, false, 0, 0),
                "box",
                1,
                1,
                0,
                false,
                false,
                0);
        Change created = SandboxLifecycle.create("sb-1", "default", null, spec, NOW);
        return created.then(SandboxLifecycle.schedule(created.sandbox(), PLACE, NOW));
    }

    private static NodeReport report(NodeReport.Phase phase, Exit exit) {
        return new NodeReport("sb-1", 1, phase, exit, "because", "", NOW);
    }

    private static List<EventType> types(List<SandboxEvent> events) {
        return events.stream().map(SandboxEvent::type).toList();
    }

    @Test
    void shouldGoThroughAWholeLife() {
        Change life = scheduled();
        life = life.then(SandboxLifecycle.observe(life.sandbox(), report(NodeReport.Phase.CREATED, null)));
        assertThat(life.sandbox().ready()).isTrue();
        assertThat(life.sandbox().isSettled()).isTrue();
        life = life.then(SandboxLifecycle.observe(life.sandbox(), report(NodeReport.Phase.RUNNING, null)));
        life = life.then(SandboxLifecycle.requestStop(life.sandbox(), 1000));
        assertThat(life.sandbox().state()).isEqualTo(SandboxState.STOPPING);
        assertThat(life.sandbox().isSettled()).isFalse();
        life = life.then(SandboxLifecycle.observe(life.sandbox(), report(NodeReport.Phase.STOPPED, new Exit(143, 15))));
        life = life.then(SandboxLifecycle.deleted(life.sandbox(), NOW));

        assertThat(types(life.events()))
                .containsExactly(
                        EventType.CREATED,
                        EventType.SCHEDULED,
                        EventType.STARTED,
                        EventType.STOPPED,
                        EventType.DELETED);
        assertThat(life.events().stream().map(SandboxEvent::sequence)).containsExactly(1L, 2L, 3L, 4L, 5L);
        assertThat(life.sandbox().exit()).isEqualTo(new Exit(143, 15));
    }

    @Test
    void shouldTellOfAStartThatWasMissed() {
        Sandbox sandbox = scheduled().sandbox();

        Change change = SandboxLifecycle.observe(sandbox, report(NodeReport.Phase.STOPPED, new Exit(0, 0)));

        assertThat(types(change.events())).containsExactly(EventType.STARTED, EventType.STOPPED);
    }

    @Test
    void shouldNotClaimAStartOfWhatWasStoppedBefore() {
        Sandbox sandbox = SandboxLifecycle.requestStop(scheduled().sandbox(), 0).sandbox();

        Change change = SandboxLifecycle.observe(sandbox, report(NodeReport.Phase.STOPPED, null));

        assertThat(types(change.events())).containsExactly(EventType.STOPPED);
        assertThat(change.sandbox().startedAt()).isNull();
    }

    @Test
    void shouldIgnoreReportsOfAnotherIncarnation() {
        Sandbox sandbox = scheduled().sandbox();

        Change change = SandboxLifecycle.observe(
                sandbox, new NodeReport("sb-1", 2, NodeReport.Phase.FAILED, null, "x", "y", NOW));

        assertThat(change).isEqualTo(Change.none(sandbox));
    }

    @Test
    void shouldStopARunningSandboxBeforeItIsDeleted() {
        Change running = SandboxLifecycle.observe(scheduled().sandbox(), report(NodeReport.Phase.RUNNING, null));

        Change deleted = SandboxLifecycle.deleted(running.sandbox(), NOW);

        assertThat(types(deleted.events())).containsExactly(EventType.STOPPED, EventType.DELETED);
    }

    @Test
    void shouldNeverTakeBackWhatIsDesired() {
        Sandbox deleted = SandboxLifecycle.requestDelete(scheduled().sandbox()).sandbox();

        assertThat(SandboxLifecycle.requestStop(deleted, 5).sandbox().desired()).isEqualTo(DesiredState.DELETED);
    }

    @Test
    void shouldRefuseAChangeThatTheTableDoesNotHave() {
        Sandbox stopped = SandboxLifecycle.stopped(scheduled().sandbox(), NOW, null, null, null)
                .sandbox();

        assertThatThrownBy(() -> SandboxLifecycle.schedule(stopped, PLACE, NOW))
                .isInstanceOfSatisfying(IllegalTransitionException.class, e -> {
                    assertThat(e.from()).isEqualTo(SandboxState.STOPPED);
                    assertThat(e.to()).isEqualTo(SandboxState.SCHEDULED);
                })
                .hasMessageContaining("sb-1");
    }

    @ParameterizedTest
    @EnumSource(SandboxState.class)
    void shouldReachAnEndFromEveryStateAndLeaveNone(SandboxState state) {
        assertThat(TransitionTable.allows(state, state)).isFalse();
        if (state == SandboxState.DELETED) {
            assertThat(SandboxState.values()).noneMatch(next -> TransitionTable.allows(state, next));
        } else if (state.isOver()) {
            assertThat(TransitionTable.allows(state, SandboxState.DELETED)).isTrue();
        } else {
            assertThat(TransitionTable.allows(state, SandboxState.FAILED)).isTrue();
        }
    }

    @Test
    void shouldStayConsistentWhateverTheOrderOfReports() {
        for (int seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            Change life = scheduled();
            List<SandboxEvent> events = new ArrayList<>(life.events());
            Sandbox sandbox = life.sandbox();
            for (int step = 0; step < 12; step++) {
                Change change = randomStep(sandbox, random);
                assertThat(change.sandbox().desired()).as("seed %d", seed).isGreaterThanOrEqualTo(sandbox.desired());
                events.addAll(change.events());
                sandbox = change.sandbox();
            }
            assertThat(events.stream().map(SandboxEvent::sequence))
                    .as("seed %d", seed)
                    .containsExactlyElementsOf(
                            LongStream.rangeClosed(1, events.size()).boxed().toList());
            List<EventType> types = types(events);
            assertThat(types.stream().filter(t -> t == EventType.STARTED))
                    .as("seed %d", seed)
                    .hasSizeLessThanOrEqualTo(1);
            assertThat(types.stream().filter(t -> t == EventType.STOPPED || t == EventType.FAILED))
                    .as("seed %d", seed)
                    .hasSizeLessThanOrEqualTo(1);
            int end = Math.max(types.indexOf(EventType.STOPPED), types.indexOf(EventType.FAILED));
            assertThat(end >= 0).as("seed %d", seed).isEqualTo(sandbox.state().isOver());
            if (end >= 0) {
                assertThat(types.indexOf(EventType.STARTED)).as("seed %d", seed).isLessThan(end);
            }
            if (types.contains(EventType.DELETED)) {
                assertThat(types.getLast()).as("seed %d", seed).isEqualTo(EventType.DELETED);
                assertThat(end).as("seed %d", seed).isNotNegative();
            }
        }
    }

    private static Change randomStep(Sandbox sandbox, Random random) {
        return switch (random.nextInt(9)) {
            case 0 -> SandboxLifecycle.observe(sandbox, report(NodeReport.Phase.CREATED, null));
            case 1, 2 -> SandboxLifecycle.observe(sandbox, report(NodeReport.Phase.RUNNING, null));
            case 3 -> SandboxLifecycle.observe(sandbox, report(NodeReport.Phase.STOPPED, new Exit(1, 0)));
            case 4 -> SandboxLifecycle.observe(sandbox, report(NodeReport.Phase.FAILED, null));
            case 5 -> SandboxLifecycle.requestStop(sandbox, random.nextInt(1000));
            case 6 -> SandboxLifecycle.fail(sandbox, Reason.NODE_LOST, "lost", NOW);
            case 7 -> SandboxLifecycle.note(sandbox, EventType.OOM_KILL, NOW, null, null, null, Map.of());
            default -> random.nextInt(4) == 0 ? SandboxLifecycle.deleted(sandbox, NOW) : Change.none(sandbox);
        };
    }
}
