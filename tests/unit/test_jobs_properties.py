"""Whatever is delivered how often, in which order, and dies where: what may not be touched is not, and jobs end."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bellhop.jobs.cluster import Pod
from bellhop.jobs.request import Drain, Request, Step
from evictable import Fate, fate
from tests.unit.jobs_world import (
    START,
    Budget,
    Crashed,
    World,
    cancel,
    drain,
    node_world,
    pod,
    restart,
    workload_world,
)

pods = st.builds(
    pod,
    st.sampled_from([f"p-{n}" for n in range(8)]),
    st.sampled_from(["shop", "kube-system"]),
    controller=st.sampled_from(["", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"]),
    mirror=st.booleans(),
    empty_dir=st.booleans(),
    finished=st.booleans(),
    leaving=st.booleans(),
)
drains = st.builds(
    drain, force=st.booleans(), delete_empty_dir=st.booleans(), timeout_seconds=st.integers(1, 300)
)
#: What happens besides the queue's own deliveries.
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 120)),
        st.tuples(st.just("step"), st.integers(0, 30)),
        st.tuples(st.just("again"), st.just(0)),
        st.tuples(st.just("crash"), st.integers(0, 12)),
        st.tuples(st.just("cancel"), st.integers(0, 2)),
        st.tuples(st.just("pod"), pods),
        st.tuples(st.just("gone"), st.integers(0, 7)),
    ),
    max_size=12,
)


def live(world: World, asked: Request, job: str, events: list[tuple[str, object]]) -> None:
    """Play the events, then let the queue run dry."""
    world.ask(asked)
    for what, detail in events:
        match what, detail:
            case "wait", int(seconds):
                world.run(until=world.now + timedelta(seconds=seconds))
            case "step", int(number):
                attempt(world, Step(job=job, number=number))
            case "again", _:
                attempt(world, asked)
            case "crash", int(later):
                world.crash_at = (len(world.calls) + later, "before" if later % 2 else "after")
            case "cancel", int(who):
                world.ask(cancel(job, id=f"x-{who}"))
            case "pod", Pod() as one:
                world.add(one)
            case "gone", int(which):
                world.pods.pop(f"shop/p-{which}", None)
    world.run()


def attempt(world: World, request: Request) -> None:
    """A delivery beside the queue's; SQS would come again with it, the queue's own chain need not wait for that."""
    try:
        world.take(request)
    except Crashed:
        world.crash_at = None


@settings(max_examples=150, deadline=None)
@given(
    here=st.lists(pods, max_size=6),
    asked=drains,
    events=happenings,
    held=st.dictionaries(st.sampled_from([f"shop/p-{n}" for n in range(8)]), st.integers(0, 400)),
)
def test_a_drain_evicts_only_what_may_go_and_ends_once(
    here: list[Pod], asked: Drain, events: list[tuple[str, object]], held: dict[str, int]
) -> None:
    world = node_world(*here)
    world.budgets = {name: Budget(START + timedelta(seconds=seconds)) for name, seconds in held.items()}
    evicted = watch_evictions(world)
    live(world, asked, "d-1", events)
    assert all(fate(each, asked) is Fate.EVICT for each in evicted)
    assert world.dead == []
    endings = [e for e in world.told if e.action == "drain" and e.reason != "NodeCordoned"]
    assert len(endings) == 1
    assert world.jobs["d-1"].ending is not None
    (end,) = endings
    assert ("uncordon" in end.because) == ("cordon" in world.writes)
    if end.outcome == "refused" or "cordon" not in world.writes:
        assert evicted == []
    if end.reason == "NodeDrained":
        assert world.writes[0] == "cordon"


def watch_evictions(world: World) -> list[Pod]:
    """The pods as they were when they were evicted."""
    evicted: list[Pod] = []
    seen: dict[str, Pod] = {}

    def meddle(name: str) -> None:
        if name == "list pods":
            seen.update(world.pods)
        if name == "evict" and len(world.evicted) > len(evicted):
            evicted.append(seen[world.evicted[-1]])

    world.meddle = meddle
    return evicted


@settings(max_examples=150, deadline=None)
@given(events=happenings, takes=st.integers(0, 900), stalls=st.booleans())
def test_a_restart_is_made_at_most_once_and_ends_once(
    events: list[tuple[str, object]], takes: int, stalls: bool
) -> None:
    world = workload_world()
    world.rollout_takes, world.stalls = timedelta(seconds=takes), stalls
    live(world, restart(), "r-1", events)
    assert len(world.writes) <= 1
    endings = [e for e in world.told if e.action == "restart" and e.reason != "RolloutStarted"]
    assert len(endings) == 1
    assert ("RolloutStarted" in {e.reason for e in world.told}) == bool(world.writes)
    assert world.dead == []
