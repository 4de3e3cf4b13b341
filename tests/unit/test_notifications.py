"""The notifier: each destination is told once, and one that fails stops no other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import pytest

from bellhop.chat.messenger_outbound import MessengerPoster
from bellhop.chat.outbound import SlackPoster
from bellhop.chat.posting import ChatError
from bellhop.chat.replies import Address
from bellhop.errors import BusyError, ConfigError, RefusedError, UnavailableError
from bellhop.ledger import Outcome
from bellhop.parameters import Parameters
from notifications import Notifier, Settings
from tests.unit.chat_world import (
    CHANNEL,
    RESPONSE_URL,
    WHEN,
    MemoryOnce,
    MemoryReplies,
    asked_from,
    entry,
    said,
)
from tests.unit.test_routing import alarm

SETTINGS = Settings(
    aws_region="eu-west-1",
    notifications_document="/b/notifications",
    slack_bot_token="/b/token",
    messenger_page_token="/b/page-token",
    state_table="state",
    dead_letter_url="dead",
    slack_api_url="https://api",
    slack_hooks_url="https://hooks",
    graph_api_url="https://graph",
)


@dataclass
class World:
    parameters: dict[str, str] = field(
        default_factory=lambda: {
            "/b/notifications": json.dumps({"slack": {"channel": "C0OPS"}}),
            "/b/token": "xoxb-1",
            "/b/page-token": "EAA-1",
        }
    )
    replies: MemoryReplies = field(default_factory=MemoryReplies)
    once: MemoryOnce = field(default_factory=MemoryOnce)
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)
    now: datetime = WHEN

    def respond(self, response_url: str, message: dict[str, Any]) -> None:
        self._post(response_url, message)

    def post_message(
        self, channel: str, message: dict[str, Any], *, token: str, thread: str | None = None
    ) -> str:
        assert token == "xoxb-1"
        self._post(channel if thread is None else f"{channel}/{thread}", message)
        return "1.2"

    def send(self, page: str, payload: dict[str, Any], *, token: str) -> None:
        assert token == "EAA-1"
        self._post(f"{page}:{payload['recipient']['id']}", payload)

    def _post(self, where: str, message: dict[str, Any]) -> None:
        if where in self.failures:
            raise self.failures[where]
        self.posts.append((where, message))

    def tell(self, news: Any) -> list[str]:
        parameters = Parameters(self.parameters.get, lambda: 0.0)
        to_slack, to_messenger = cast(SlackPoster, self), cast(MessengerPoster, self)
        Notifier(
            parameters, self.replies, to_slack, to_messenger, self.once.run, SETTINGS, lambda: self.now
        ).tell(news)
        return [where for where, _ in self.posts]


def asked(address: Address | None = None, **fields: Any) -> World:
    return World(replies=MemoryReplies({"e1": address or asked_from()}), **fields)


#: Ana's page-scoped id, as page 1234 knows her.
IN_MESSENGER = Address("messenger", "1234", "9876", "9876")


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
    world = World(replies=MemoryReplies({"e1": asked_from(None)}))
    assert world.tell(entry(asked_in="e1")) == [CHANNEL, "C0OPS"]


def test_a_mention_is_answered_in_its_thread_and_so_is_a_press_that_slack_takes_no_answer_to() -> None:
    assert asked(asked_from(None, thread="1.2")).tell(entry(asked_in="e1")) == [f"{CHANNEL}/1.2", "C0OPS"]
    over = {RESPONSE_URL: RefusedError("expired_url", "no")}
    late = asked(asked_from(thread="1.2"), failures=over)
    assert late.tell(entry(asked_in="e1")) == [f"{CHANNEL}/1.2", "C0OPS"]
    pressed = asked(asked_from(thread="1.2"))
    pressed.tell(entry(asked_in="e1"))
    assert pressed.posts[0][1]["thread_ts"] == "1.2"


def test_who_asked_in_messenger_is_answered_there_in_plain_text_once() -> None:
    world = asked(IN_MESSENGER)
    assert world.tell(entry(asked_in="e1")) == ["1234:9876", "C0OPS"]
    assert world.tell(entry(asked_in="e1")) == ["1234:9876", "C0OPS"]
    text = world.posts[0][1]["message"]["text"]
    assert text.startswith("\u2705 shop/web: 4 -> 6 replicas\n")


def test_the_messages_of_a_long_answer_are_each_sent_once() -> None:
    world = asked(IN_MESSENGER)
    long = entry(asked_in="e1", outcome=Outcome.HELD, because="x " * 3000)
    world.tell(long)
    assert len(world.posts) > 2
    first = len(world.posts)
    world.tell(long)
    assert len(world.posts) == first


@pytest.mark.parametrize(
    ("code", "logged"), [("OutsideWindow", "notice.outside_window"), ("PersonGone", "notice.refused")]
)
def test_an_answer_messenger_takes_no_more_is_logged_and_done(
    code: str, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = asked(IN_MESSENGER, failures={"1234:9876": RefusedError(code, "no")})
    assert world.tell(entry(asked_in="e1")) == ["C0OPS"]
    assert logged in {r.message for r in caplog.records}
    world.failures = {}
    assert world.tell(entry(asked_in="e1")) == ["C0OPS"]


def test_a_refusal_that_is_nothing_of_the_persons_is_not_passed_over() -> None:
    world = asked(IN_MESSENGER, failures={"1234:9876": RefusedError("PrivateAddress", "no")})
    with pytest.raises(RefusedError):
        world.tell(entry(asked_in="e1"))
    assert [where for where, _ in world.posts] == ["C0OPS"]


def test_messengers_trouble_comes_again() -> None:
    world = asked(IN_MESSENGER, failures={"1234:9876": ChatError("190", "no")})
    with pytest.raises(ChatError):
        world.tell(entry(asked_in="e1"))
    world.failures = {}
    assert world.tell(entry(asked_in="e1")) == ["C0OPS", "1234:9876"]


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


def routed(**slack: Any) -> World:
    world = asked()
    world.parameters["/b/notifications"] = json.dumps({"slack": {"channel": "C0OPS"} | slack})
    return world


def test_a_route_sends_the_team_elsewhere_once_and_own_alarms_stay() -> None:
    world = routed(routes=[{"channel": "C0SHOP", "subjects": ["shop/*"]}])
    assert world.tell(entry()) == ["C0SHOP"]
    assert world.tell(entry()) == ["C0SHOP"]
    assert world.tell(alarm()) == ["C0SHOP", "C0OPS"]


def test_a_silenced_notice_is_told_to_who_asked_and_to_nobody_else() -> None:
    world = routed(routes=[{"channel": None}])
    assert world.tell(entry()) == []
    assert world.tell(entry("feed", asked_in="e1")) == [RESPONSE_URL]


def test_in_quiet_hours_what_is_named_is_not_told_to_the_team_but_to_who_asked() -> None:
    quiet = {"from": "08:00", "until": "10:00", "timezone": "UTC", "outcomes": ["done"]}
    world = routed(quiet=quiet)
    assert world.tell(entry()) == []
    assert world.tell(entry("feed", asked_in="e1")) == [RESPONSE_URL]
    assert world.tell(alarm()) == [RESPONSE_URL, "C0OPS"]
    world.now = WHEN.replace(hour=10)
    assert world.tell(entry()) == [RESPONSE_URL, "C0OPS", "C0OPS"]


@pytest.mark.parametrize(
    ("slack", "because"),
    [
        ({"routes": [{"channel": None}]}, "Silenced"),
        (
            {"quiet": {"from": "08:00", "until": "10:00", "timezone": "UTC", "outcomes": ["done"]}},
            "QuietHours",
        ),
    ],
)
def test_the_log_says_why_no_channel_was_told(
    slack: dict[str, Any], because: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    world = routed(**slack)
    world.tell(entry(outcome=Outcome.HELD, reason="WithinTolerance"))
    assert caplog.records == []
    world.tell(entry())
    [record] = caplog.records
    assert (record.message, vars(record)["because"]) == ("notice.withheld", because)


def test_a_notice_links_to_its_entry() -> None:
    world = routed(ledger_url="https://ledger.example/activity?subject={subject}")
    world.tell(entry())
    [context] = world.posts[0][1]["blocks"][-1]["elements"]
    assert context["text"].endswith(" · <https://ledger.example/activity?subject=shop%2Fweb|ledger>")


def test_in_messenger_the_link_is_plain_text() -> None:
    world = routed(ledger_url="https://ledger.example/{id}?a=1&b=2")
    world.replies.kept["e1"] = IN_MESSENGER
    world.tell(entry(asked_in="e1"))
    text = world.posts[0][1]["message"]["text"]
    assert text.endswith(" · ledger (https://ledger.example/0123456789abcdef?a=1&b=2)")


def test_a_wrong_document_holds_everything_back_and_comes_again() -> None:
    world = routed(routes=[{"chanel": "C0SHOP"}])
    with pytest.raises(ConfigError, match="chanel"):
        world.tell(entry())
    assert world.posts == []


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
