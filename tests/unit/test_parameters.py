"""Parameter Store's values: kept, fetched again, and served stale when it must be."""

from __future__ import annotations

import pytest

from bellhop.errors import ConfigError, UnavailableError
from bellhop.parameters import KEPT_SECONDS, REFETCH_SECONDS, Parameters


class World:
    def __init__(self, **values: str) -> None:
        self.values = values
        self.now = 1000.0
        self.up = True
        self.asked: list[str] = []
        self.parameters = Parameters(self.fetch, lambda: self.now)

    def fetch(self, name: str) -> str | None:
        self.asked.append(name)
        if not self.up:
            raise UnavailableError("ThrottlingException")
        return self.values.get(name.replace(":", "_"))

    def accepts(self, secret: str) -> bool:
        return self.parameters.accepts("s", lambda known: known == secret)


def test_a_value_is_fetched_once_in_five_minutes() -> None:
    world = World(s="one")
    assert world.parameters.get("s") == "one"
    world.values["s"] = "two"
    world.now += KEPT_SECONDS - 0.001
    assert world.parameters.get("s") == "one"
    world.now += 0.001
    assert world.parameters.get("s") == "two"
    assert world.asked == ["s", "s"]


def test_a_parameter_that_is_not_there_is_remembered_as_such() -> None:
    world = World()
    assert [world.parameters.get("s"), world.parameters.get("s")] == [None, None]
    assert world.asked == ["s"]


def test_newer_than_asks_sooner_and_never_later() -> None:
    world = World(s="one")
    world.parameters.get("s")
    world.now += 10
    world.parameters.get("s", newer_than=11)
    assert len(world.asked) == 1
    world.parameters.get("s", newer_than=10)
    assert len(world.asked) == 2
    world.now += KEPT_SECONDS
    world.parameters.get("s", newer_than=10 * KEPT_SECONDS)
    assert len(world.asked) == 3


def test_a_stale_value_is_served_while_parameter_store_throttles() -> None:
    world = World(s="one")
    world.parameters.get("s")
    world.up = False
    world.now += 10 * KEPT_SECONDS
    assert world.parameters.get("s") == "one"
    assert world.accepts("one")


def test_a_store_that_throttles_is_asked_again_only_after_30_seconds() -> None:
    world = World(s="one")
    world.parameters.get("s")
    world.up = False
    world.now += KEPT_SECONDS
    for _ in range(100):
        assert world.parameters.get("s", newer_than=0) == "one"
    assert len(world.asked) == 2
    world.up, world.values["s"] = True, "two"
    world.now += REFETCH_SECONDS - 0.001
    assert world.parameters.get("s") == "one"
    world.now += 0.001
    assert world.parameters.get("s") == "two"
    # All is as before: kept for five minutes, looked up sooner when asked to.
    assert world.parameters.get("s", newer_than=0) == "two"
    assert len(world.asked) == 4


def test_a_value_never_fetched_is_unavailable_and_not_missing() -> None:
    world = World(s="one")
    world.up = False
    for get in (world.parameters.get, world.parameters.require):
        with pytest.raises(UnavailableError):
            get("s")
    with pytest.raises(UnavailableError):
        world.accepts("one")


def test_a_required_parameter_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="parameter s does not exist"):
        World().parameters.require("s")


def test_the_current_secret_needs_one_fetch() -> None:
    world = World(s="one")
    assert world.accepts("one")
    assert world.asked == ["s"]


def test_the_previous_secret_is_accepted_and_the_one_before_is_not() -> None:
    world = World(s="three", s_previous="two")
    assert (world.accepts("two"), world.accepts("one")) == (True, False)


def test_a_secret_rotated_after_the_fetch_is_accepted_within_one_refetch() -> None:
    world = World(s="one")
    assert world.accepts("one")
    world.values = {"s": "two", "s_previous": "one"}
    world.now += REFETCH_SECONDS
    assert world.accepts("two")
    assert world.accepts("one")


def test_a_flood_of_misses_costs_one_refetch_in_30_seconds() -> None:
    world = World(s="one")
    for _ in range(1000):
        assert not world.accepts("guess")
        world.now += 0.1
    # 100 seconds: at 0, 30, 60 and 90, and each of the two values once.
    assert world.asked.count("s") == world.asked.count("s:previous") == 4


def test_a_secret_that_was_deleted_is_a_fault_and_not_a_refusal() -> None:
    with pytest.raises(ConfigError, match="s does not exist"):
        World().accepts("one")
    with pytest.raises(ConfigError):
        World(s_previous="one").accepts("two")
