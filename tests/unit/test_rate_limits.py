"""Nobody floods: so many commands, and so many changes, per person and minute, and never a lock-out by a table."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.chat.access import Limits, Risk, parse_access
from bellhop.errors import ConfigError, UnavailableError
from bellhop.ledger import Outcome
from rate_limits import Count, RateLimitedError, exceeded, spend
from tests.unit.chat_world import (
    ACCESS,
    ADA,
    ANA,
    STRANGER,
    TEAM,
    VIC,
    WHEN,
    Chat,
    MemoryOnce,
    MemoryRates,
    envelope,
)

MINUTE = timedelta(minutes=1)


def chat(per_minute: int = 30, changes: int = 10) -> Chat:
    document = ACCESS | {"limits": {"perMinute": per_minute, "changesPerMinute": changes}}
    return Chat(access=lambda: parse_access(json.dumps(document)))


@pytest.fixture
def ids() -> Iterator[str]:
    return (f"e{number}" for number in count())


def refused(answer: str) -> bool:
    return "try again from" in answer


def at(minutes: float) -> float:
    return (WHEN + minutes * MINUTE).timestamp()


def test_the_command_over_the_limit_is_refused_and_told_when_to_try_again(ids: Iterator[str]) -> None:
    asked = chat(per_minute=3)
    answers = [asked.ask("whoami", id=next(ids), received_at=at(0.5)) for _ in range(5)]
    assert [refused(answer) for answer in answers] == [False, False, False, True, True]
    assert answers[3] == "that is more than 3 commands in a minute: try again from 09:01 UTC on"
    assert not refused(asked.ask("whoami", id=next(ids), received_at=at(1)))


def test_the_limits_are_30_commands_and_10_changes_unless_it_is_said(ids: Iterator[str]) -> None:
    asked = Chat()
    changes = [asked.ask("scale web 5", id=next(ids)) for _ in range(12)]
    assert [refused(answer) for answer in changes] == [False] * 10 + [True] * 2
    assert changes[-1] == "that is more than 10 changes in a minute: try again from 09:01 UTC on"
    assert len(asked.desk.handed) == 10
    reading = [asked.ask("whoami", id=next(ids)) for _ in range(20)]
    assert [refused(answer) for answer in reading] == [False] * 18 + [True] * 2


def test_danger_is_a_change_and_asking_for_approval_counts(ids: Iterator[str]) -> None:
    asked = chat(changes=1)
    assert "needs approval" in asked.ask("drain n1", id=next(ids), user=ADA)
    assert refused(asked.ask("drain n2", id=next(ids), user=ADA))
    assert len(asked.approvals.kept) == 1


def test_a_minute_of_refusals_is_one_entry_of_the_ledger(ids: Iterator[str]) -> None:
    asked = chat(per_minute=2, changes=1)
    for text in ("scale web 5", "scale web 6", "scale web 7", "whoami", "'"):
        asked.ask(text, id=next(ids))
    written = list(asked.ledger.entries.values())
    assert [(entry.action, entry.reason) for entry in written] == [
        ("scale", "HandedOn"),
        ("command", "RateLimited"),
    ]
    assert (written[1].outcome, written[1].actor, written[1].cause) == (Outcome.REFUSED, "person ana", "e1")
    assert written[1].because.startswith("that is more than 1 change in a minute")
    for minute, user in ((1, ANA), (0, VIC)):  # another window, another person
        for _ in range(4):
            asked.ask("whoami", id=next(ids), user=user, received_at=at(minute))
    assert sum(entry.reason == "RateLimited" for entry in asked.ledger.entries.values()) == 3


def test_persons_do_not_use_up_each_others_and_all_ids_of_one_count_together(ids: Iterator[str]) -> None:
    people = {"mo": {"ids": [f"slack:{TEAM}/U1", "messenger:42/7"], "roles": ["viewer"]}, **ACCESS["persons"]}
    document = {"persons": people, "limits": {"perMinute": 1}}
    asked = Chat(access=lambda: parse_access(json.dumps(document)))
    elsewhere: dict[str, Any] = {"platform": "messenger", "workspace": "42", "response_url": None}
    assert not refused(asked.ask("whoami", id=next(ids), user="U1"))
    assert refused(asked.ask("whoami", id=next(ids), user="7", **elsewhere))
    assert not refused(asked.ask("whoami", id=next(ids), user=VIC))


@pytest.mark.parametrize("text", ["nonsense", "'", "scale", "drain n1", ""])
def test_what_is_refused_anyway_counts_too(text: str, ids: Iterator[str]) -> None:
    asked = chat(per_minute=2)
    for _ in range(2):
        assert not refused(asked.ask(text, id=next(ids), user=VIC))
    assert refused(asked.ask("whoami", id=next(ids), user=VIC))


def test_a_stranger_is_limited_by_id_and_still_told_it(ids: Iterator[str]) -> None:
    asked = chat(per_minute=2)
    answers = [asked.ask("help", id=next(ids), user=STRANGER) for _ in range(5)]
    assert [refused(answer) for answer in answers] == [False, False, True, True, True]
    assert f"slack:{TEAM}/{STRANGER}" in answers[0]
    assert len(asked.ledger.entries) == 3


def test_a_second_delivery_counts_once() -> None:
    asked, once = chat(per_minute=1), MemoryOnce()
    for _ in range(3):
        answer = once.run("execute", "e1", lambda: asked.conversation.execute(envelope("whoami")))
        assert not refused(answer["text"])
    assert list(asked.rates.counts.values()) == [Count(1, 0)]


def test_what_is_run_again_after_a_crash_counts_once_and_is_not_refused_for_itself() -> None:
    asked = chat(changes=1)
    for _ in range(3):  # it died after it was handed on, before it was written down
        asked.ledger.entries.clear()
        assert not refused(asked.ask("scale web 5"))
    assert list(asked.rates.counts.values()) == [Count(1, 1)]
    assert asked.ledger.only().reason == "HandedOn"


@pytest.mark.parametrize("text", ["whoami", "scale web 5"])
def test_a_table_that_cannot_be_written_blocks_nobody(text: str, caplog: pytest.LogCaptureFixture) -> None:
    asked = chat(per_minute=1, changes=1)
    asked.rates.failures = [UnavailableError("DynamoDB: ThrottlingException") for _ in range(3)]
    assert not any(refused(asked.ask(text, id=f"e{number}")) for number in range(3))
    told = [record for record in caplog.records if record.message == "rate.uncounted"]
    assert [(r.levelno, vars(r)["person"]) for r in told] == [(logging.WARNING, "ana")] * 3


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"perMinute": 0}, "perMinute is not between 1 and 1000"),
        ({"perMinute": 1001}, "perMinute"),
        ({"changesPerMinute": 0}, "changesPerMinute is not between"),
        ({"perMinute": "30"}, "limits"),
        ({"perHour": 5}, "perHour"),
        (None, "limits"),
    ],
)
def test_limits_that_make_no_sense_are_refused_with_the_document(limits: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_access(json.dumps(ACCESS | {"limits": limits}))


def test_limits_are_the_documents_and_what_it_does_not_say_is_the_default() -> None:
    assert parse_access(json.dumps(ACCESS)).limits == Limits(30, 10)
    assert parse_access(json.dumps(ACCESS | {"limits": {"changesPerMinute": 3}})).limits == Limits(30, 3)


@given(st.builds(Limits, st.integers(1, 9), st.integers(1, 9)), st.lists(st.sampled_from(Risk), max_size=30))
def test_no_more_ever_pass_than_the_limits_say_and_the_first_always_do(
    limits: Limits, risks: list[Risk]
) -> None:
    rates, passed = MemoryRates(), []
    for number, risk in enumerate(risks, 1):
        try:
            spend(rates, limits, "ana", risk, id=str(number), at=WHEN)
        except RateLimitedError:
            assert number > min(limits.per_minute, limits.changes_per_minute)
            continue
        passed.append(risk)
    assert len(passed) <= limits.per_minute
    assert sum(risk > Risk.READ for risk in passed) <= limits.changes_per_minute


def test_reading_goes_on_when_there_were_too_many_changes() -> None:
    assert exceeded(Limits(30, 10), Count(12, 11), change=True) == "10 changes"
    assert exceeded(Limits(30, 10), Count(12, 11), change=False) is None
    assert exceeded(Limits(1, 10), Count(2, 0), change=False) == "1 command"
