"""The notifier: each destination is told once, and one that fails stops no other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from bellhop.chat.outbound import ChatError, SlackPoster
from bellhop.chat.replies import Address
from bellhop.errors import BusyError, ConfigError, RefusedError, UnavailableError
from bellhop.ledger import Outcome
from bellhop.parameters import Parameters
from notifications import Notifier, Settings
from tests.unit.chat_world import CHANNEL, RESPONSE_URL, MemoryOnce, MemoryReplies, entry, said
from tests.unit.test_routing import alarm

SETTINGS = Settings(
    "eu-west-1", "/b/notifications", "/b/token", "state", "dead", "https://api", "https://hooks"
)


@dataclass
class World:
    parameters: dict[str, str] = field(
        default_factory=lambda: {
            "/b/notifications": json.dumps({"slack": {"channel": "C0OPS"}}),
            "/b/token": "xoxb-1",
        }
    )
    replies: MemoryReplies = field(default_factory=MemoryReplies)
    once: MemoryOnce = field(default_factory=MemoryOnce)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)

    def respond(self, response_url: str, message: dict[str, Any]) -> None:
        self._post(response_url, message)

    def post_message(self, channel: str, message: dict[str, Any], *, token: str) -> None:
        assert token == "xoxb-1"
        self._post(channel, message)

    def _post(self, where: str, message: dict[str, Any]) -> None:
        if where in self.failures:
            raise self.failures[where]
        self.posts.append((where, message))

    def tell(self, news: Any) -> list[str]:
        parameters = Parameters(self.parameters.get, lambda: 0.0)
        Notifier(parameters, self.replies, cast(SlackPoster, self), self.once.run, SETTINGS).tell(news)
        return [where for where, _ in self.posts]


def asked(**fields: Any) -> World:
    return World(replies=MemoryReplies({"e1": Address(RESPONSE_URL, CHANNEL)}), **fields)


def test_a_change_is_told_in_the_teams_channel_once() -> None:
    world = World()
    assert world.tell(entry()) == ["C0OPS"]
    assert world.tell(entry()) == ["C0OPS"]


def test_who_asked_is_answered_for_all_to_see_and_the_team_told() -> None:
    world = asked()
    assert world.tell(entry(asked_in="e1")) == [RESPONSE_URL, "C0OPS"]
    assert world.posts[0][1]["response_type"] == "in_channel"


@pytest.mark.parametrize("code", ["expired_url", "ForeignUrl", "answer_refused"])
def test_when_slack_takes_no_answer_there_it_goes_to_the_channel_where_it_was_asked(code: str) -> None:
    world = asked(failures={RESPONSE_URL: RefusedError(code, "no")})
    held = entry(asked_in="e1", outcome=Outcome.HELD)
    assert world.tell(held) == [CHANNEL]
    assert world.tell(held) == [CHANNEL]


def test_after_half_an_hour_it_goes_to_the_channel_at_once() -> None:
    world = World(replies=MemoryReplies({"e1": Address(None, CHANNEL)}))
    assert world.tell(entry(asked_in="e1")) == [CHANNEL, "C0OPS"]


def test_a_reply_address_that_nobody_kept_is_logged_and_the_team_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert World().tell(entry(asked_in="e1")) == ["C0OPS"]
    assert "notice.nowhere" in {r.message for r in caplog.records}


@pytest.mark.parametrize(
    "error", [UnavailableError("500"), BusyError("429", retry_after=5), ChatError("not_in_channel", "no")]
)
def test_a_destination_that_fails_stops_no_other_and_comes_again(error: Exception) -> None:
    world = asked(failures={RESPONSE_URL: error})
    with pytest.raises(type(error)):
        world.tell(entry(asked_in="e1"))
    assert [where for where, _ in world.posts] == ["C0OPS"]
    world.failures = {}
    assert world.tell(entry(asked_in="e1")) == ["C0OPS", RESPONSE_URL]


def test_a_question_is_asked_in_the_teams_channel_once() -> None:
    world = World()
    question = entry(outcome=Outcome.ASKED, action="approve", reason="ApprovalNeeded")
    assert world.tell(question) == ["C0OPS"]
    assert world.tell(question) == ["C0OPS"]
    assert said(world.posts[0][1]).startswith(":question:")


def test_a_pause_of_all_policies_is_answered_where_it_was_asked_and_told_to_the_team() -> None:
    paused = entry(action="pause", subject="policies", summary="all policies: paused", asked_in="e1")
    assert asked().tell(paused) == [RESPONSE_URL, "C0OPS"]


def test_an_own_alarm_goes_to_the_team() -> None:
    world = World()
    assert world.tell(alarm()) == ["C0OPS"]
    assert "Bellhop's own alarm" in said(world.posts[0][1])


def test_without_a_document_nobody_is_told_of_anything() -> None:
    world = World(parameters={})
    assert world.tell(entry()) == world.tell(alarm()) == []


def test_a_missing_bot_token_is_named_and_comes_again() -> None:
    world = World()
    del world.parameters["/b/token"]
    with pytest.raises(ConfigError, match="/b/token does not exist"):
        world.tell(entry())


def test_no_log_record_carries_the_response_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world = asked(failures={RESPONSE_URL: RefusedError("expired_url", "no")})
    world.tell(entry(asked_in="e1"))
    assert {"notice.refused", "notice.posted"} <= {r.message for r in caplog.records}
    assert "hooks.slack.com" not in repr([vars(r) for r in caplog.records])
