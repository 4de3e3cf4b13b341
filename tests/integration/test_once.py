"""Once: whatever is delivered how often, the work is done once, and what crashed is done again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from bellhop.errors import BusyError, UnavailableError
from bellhop.once import Once
from tests.integration.tables import STATE, dynamodb


class Crashed(BaseException):
    """The process died here. Not an Exception: nothing may catch it."""


@dataclass
class Invocation:
    remaining: int = 20_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


def invocation(remaining: int = 20_000) -> LambdaContext:
    return cast(LambdaContext, Invocation(remaining))


@pytest.fixture
def client() -> Iterator[Any]:
    with dynamodb() as made:
        yield made


@pytest.fixture
def once(client: Any) -> Once:
    return Once(client, STATE)


class Work:
    """Counts its runs; raises what it is given first."""

    def __init__(self, *failures: BaseException) -> None:
        self.failures = list(failures)
        self.runs = 0

    def __call__(self) -> dict[str, int]:
        self.runs += 1
        if self.failures:
            raise self.failures.pop(0)
        return {"run": self.runs}


def test_a_second_run_gets_the_first_ones_result(once: Once) -> None:
    work = Work()
    assert [once.run("execute", "e1", work, invocation()) for _ in range(3)] == [{"run": 1}] * 3
    assert work.runs == 1


def test_another_process_gets_it_too(once: Once, client: Any) -> None:
    work = Work()
    once.run("execute", "e1", work, invocation())
    assert Once(client, STATE).run("execute", "e1", work, invocation()) == {"run": 1}
    assert work.runs == 1


def test_another_id_and_another_purpose_are_other_work(once: Once) -> None:
    work = Work()
    for purpose, id in (("execute", "e1"), ("execute", "e2"), ("reply", "e1")):
        once.run(purpose, id, work, invocation())
    assert work.runs == 3


def test_work_without_a_result_is_done_once_as_well(once: Once) -> None:
    runs: list[int] = []

    def work() -> None:
        runs.append(1)

    for _ in range(2):
        once.run("reply", "e1", work, invocation())
    assert runs == [1]


def test_a_result_comes_back_as_json(once: Once) -> None:
    message = {"text": "é 😀 <&>", "blocks": [{"type": "section", "n": [1, None, True]}]}
    once.run("execute", "e1", lambda: message, invocation())
    assert once.run("execute", "e1", dict, invocation()) == message
    assert json.dumps(message)


@pytest.mark.parametrize(
    "error", [UnavailableError("down"), BusyError("429", retry_after=9), ValueError("bug")]
)
def test_work_that_raises_is_forgotten_and_done_again(once: Once, error: Exception) -> None:
    work = Work(error)
    with pytest.raises(type(error)) as raised:
        once.run("execute", "e1", work, invocation())
    assert raised.value is error
    assert once.run("execute", "e1", work, invocation()) == {"run": 2}


def test_work_that_is_running_elsewhere_is_left_to_it(once: Once, client: Any) -> None:
    def meanwhile() -> dict[str, int]:
        with pytest.raises(BusyError, match="execute e1 is running elsewhere") as busy:
            Once(client, STATE).run("execute", "e1", Work(), invocation())
        assert 0 < busy.value.retry_after < 60
        return {"run": 1}

    assert once.run("execute", "e1", meanwhile, invocation()) == {"run": 1}


def test_a_crashed_run_is_left_alone_until_its_deadline_and_then_done_again(once: Once) -> None:
    work = Work(Crashed())
    with pytest.raises(Crashed):
        once.run("execute", "e1", work, invocation(20_000))
    with pytest.raises(BusyError):
        once.run("execute", "e1", work, invocation())
    assert work.runs == 1
    late = Work(Crashed())
    with pytest.raises(Crashed):
        once.run("execute", "e2", late, invocation(-1000))  # its deadline is over by now
    assert once.run("execute", "e2", late, invocation()) == {"run": 2}
    assert once.run("execute", "e2", late, invocation()) == {"run": 2}


def test_work_may_itself_run_other_work_once(once: Once) -> None:
    inner, outer = Work(), 0

    def work() -> dict[str, int]:
        nonlocal outer
        outer += 1
        return once.run("inner", "i", inner, invocation())

    assert [once.run("outer", "o", work, invocation()) for _ in range(2)] == [{"run": 1}] * 2
    assert (outer, inner.runs) == (1, 1)


def test_work_that_fails_within_other_work_is_forgotten_with_it(once: Once) -> None:
    inner = Work(UnavailableError("down"))

    def work() -> dict[str, int]:
        return once.run("inner", "i", inner, invocation())

    with pytest.raises(UnavailableError):
        once.run("outer", "o", work, invocation())
    assert once.run("outer", "o", work, invocation()) == {"run": 2}


def test_it_is_remembered_for_longer_than_any_queue_delivers(once: Once, client: Any) -> None:
    once.run("execute", "e1", Work(), invocation())
    [item] = client.scan(TableName=STATE)["Items"]
    assert item["status"] == {"S": "COMPLETED"}
    assert item["id"]["S"].startswith("execute#")
    # A message lives 4 days in its queue and 14 in the dead-letter queue.
    assert int(item["expiration"]["N"]) - time.time() > 14 * 86_400
