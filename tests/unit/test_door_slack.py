"""Slack's buttons and events at the door: what a person pressed or typed goes on, all else is acknowledged."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellhop.chat.envelope import Envelope
from bellhop.errors import UnavailableError
from commands_queue import CommandsQueue, group
from slack_intake import LARGEST_BODY
from tests.unit.chat_world import ANA, CHANNEL, EVENTS, SIGNED_AT, TEAM, http_event, recorded, slack_signature
from tests.unit.door_world import Commands, door, knows, reason

INTERACTIONS, EVENTS_PATH = "/slack/interactions", "/slack/events"
ACTIONS_URL = "https://hooks.slack.com/actions/T024BE7LD/9136587246805/kQ3vT1FnHFQr3GrBhHDDTHrD"


@pytest.fixture
def commands() -> Commands:
    return Commands()


def signed(path: str, body: bytes, *, at: int = SIGNED_AT) -> dict[str, Any]:
    timestamp = str(at)
    headers = {"x-slack-request-timestamp": timestamp, "x-slack-signature": slack_signature(body, timestamp)}
    return http_event(body, headers, path=path)


def interaction(document: object) -> dict[str, Any]:
    return signed(INTERACTIONS, urlencode({"payload": json.dumps(document)}).encode())


def event(document: object) -> dict[str, Any]:
    return signed(EVENTS_PATH, json.dumps(document).encode())


#: Of each file the texts that go on, in their order.
RECORDED: dict[str, list[str]] = {
    "interaction-button": ["approve 1a2b"],
    "interaction-enterprise-ephemeral": ["approve 1a2b"],
    "interaction-link-button": [],
    "interaction-view-submission": [],
    "interaction-shortcut": [],
    "event-mention": ["status web -n shop"],
    "event-mention-retry": ["status web -n shop"],
    "event-mention-in-thread": ["scale web 5 -n shop"],
    "event-im": ["status &amp; more"],
    "event-im-of-a-bot": [],
    "event-im-changed": [],
    "event-channel-message": [],
    "event-app-home-opened": [],
    "event-app-rate-limited": [],
    "event-url-verification": [],
}


def test_every_recorded_event_has_its_outcome_here() -> None:
    found = {file.stem for pattern in ("interaction-*", "event-*") for file in EVENTS.glob(pattern)}
    assert found == RECORDED.keys()


@pytest.mark.parametrize("name", RECORDED)
def test_what_slack_posts_is_answered_200_and_what_was_meant_goes_on(name: str, commands: Commands) -> None:
    assert door(commands=commands).answer(recorded(name))["statusCode"] == 200
    assert [envelope.text for envelope in commands.read()] == RECORDED[name]


# ------------------------------------------------------------------ buttons


def press(**fields: Any) -> dict[str, Any]:
    """The recorded press, with some fields changed; None takes one away."""
    form = parse_qs(base64.b64decode(recorded("interaction-button")["body"]).decode())
    document = json.loads(form["payload"][0])
    return {name: value for name, value in (document | fields).items() if value is not None}


def action(**fields: Any) -> dict[str, Any]:
    (pressed,) = press()["actions"]
    return {name: value for name, value in (pressed | fields).items() if value is not None}


def test_a_press_is_the_command_of_whoever_presses(commands: Commands) -> None:
    door(commands=commands, now=SIGNED_AT + 2).answer(recorded("interaction-button"))
    [envelope] = commands.read()
    assert envelope == Envelope(
        id=envelope.id,
        platform="slack",
        workspace=TEAM,
        user="U0ADA",
        channel=CHANNEL,
        text="approve 1a2b",
        received_at=SIGNED_AT + 2,
        correlation="JKJaXmPLvHcESHA=",
        response_url=ACTIONS_URL,
        thread="1531420600.000100",
        pressed="1531420610.000200",
    )
    assert len(envelope.id) == 64


def test_in_an_enterprise_the_workspace_is_the_persons_own(commands: Commands) -> None:
    door(commands=commands).answer(recorded("interaction-enterprise-ephemeral"))
    [envelope] = commands.read()
    assert (envelope.workspace, envelope.pressed, envelope.thread) == (TEAM, "1531420610.000200", None)


def test_slacks_own_retry_has_the_same_id_and_a_second_press_another(commands: Commands) -> None:
    again = press(actions=[action(action_ts="1531420618.000001")], trigger_id="another")
    for document in (press(), press(), again):
        door(commands=commands).answer(interaction(document))
    first, retry, second = (envelope.id for envelope in commands.read())
    assert first == retry != second


@pytest.mark.parametrize(
    "changed",
    [
        {"team": {"id": "T2"}},
        {"user": {"id": "U2"}},
        {"container": {"message_ts": "1.2", "channel_id": CHANNEL}},
        {"actions": [action(action_id="press-1")]},
        {"actions": [action(value="deny 1a2b")]},
    ],
)
def test_another_message_person_or_button_is_another_id(changed: dict[str, Any], commands: Commands) -> None:
    for document in (press(), press(**changed)):
        door(commands=commands).answer(interaction(document))
    assert len({envelope.id for envelope in commands.read()}) == 2


def test_several_actions_are_several_commands_in_their_order(commands: Commands) -> None:
    actions = [
        action(),
        action(action_id="menu", type="static_select", value=None, selected_option={"value": "deny 1a2b"}),
        action(action_id="link", value=None, url="https://example.com"),
        action(action_id="empty", value=""),
        action(action_id="press-1", value="status"),
    ]
    door(commands=commands).answer(interaction(press(actions=actions)))
    assert [envelope.text for envelope in commands.read()] == ["approve 1a2b", "status"]
    assert len({envelope.id for envelope in commands.read()}) == 2


def test_a_button_in_a_view_is_nobodys(commands: Commands) -> None:
    document = press(container={"type": "view", "view_id": "V1"}, channel=None, message=None)
    assert door(commands=commands).answer(interaction(document))["statusCode"] == 200
    assert commands.sent == []


MALFORMED_PRESSES: dict[str, dict[str, Any]] = {
    "no type": press(type=None),
    "type a number": press(type=1),
    "no user": press(user=None),
    "user text": press(user="U1"),
    "user without id": press(user={"name": "ada"}),
    "no workspace anywhere": press(team=None, user={"id": "U0ADA"}),
    "team a list": press(team=[]),
    "no channel": press(channel=None, container={"message_ts": "1.2"}),
    "no message": press(message=None, container={"channel_id": CHANNEL}),
    "actions an object": press(actions={}),
    "an action null": press(actions=[None]),
    "value a number": press(actions=[action(value=5)]),
    "value half a character": press(actions=[action(value="\ud800")]),
    "no action_id": press(actions=[action(action_id=None)]),
    "no action_ts": press(actions=[action(action_ts=None)]),
    "response_url a list": press(response_url=[]),
    "thread a number": press(message={"ts": "1.2", "thread_ts": 1}),
}


@pytest.mark.parametrize("case", MALFORMED_PRESSES)
def test_a_malformed_press_is_a_400_and_goes_nowhere(case: str, commands: Commands) -> None:
    response = door(commands=commands).answer(interaction(MALFORMED_PRESSES[case]))
    assert (response["statusCode"], commands.sent) == (400, [])
    assert reason(response)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"payload=", b"payload=%7B", b"payload=null", b"payload=[]", b"payload=%ff", b"\xff", b"{}"),
        b"a=b&" * 1000,
        urlencode({"payload": "[" * 20_000}).encode(),
    ],
)
def test_a_form_without_an_interaction_is_a_400(body: bytes, commands: Commands) -> None:
    response = door(commands=commands).answer(signed(INTERACTIONS, body))
    assert (response["statusCode"], commands.sent) == (400, [])


# ------------------------------------------------------------------ events


def callback(**fields: Any) -> dict[str, Any]:
    return dict(json.loads(recorded("event-mention")["body"])) | fields


def mention(**fields: Any) -> dict[str, Any]:
    changed = callback()["event"] | fields
    return callback(event={name: value for name, value in changed.items() if value is not None})


def direct(**fields: Any) -> dict[str, Any]:
    event = dict(json.loads(recorded("event-im")["body"])["event"]) | fields
    return callback(event={name: value for name, value in event.items() if value is not None})


def test_a_mention_becomes_a_command_that_is_answered_in_its_thread(commands: Commands) -> None:
    door(commands=commands).answer(recorded("event-mention"))
    [envelope] = commands.read()
    assert (envelope.caller, envelope.channel) == (f"slack:{TEAM}/{ANA}", CHANNEL)
    assert (envelope.response_url, envelope.pressed) == (None, None)
    assert envelope.thread == "1531420617.000300"


def test_a_mention_in_a_thread_stays_there_and_a_direct_message_where_it_stands(commands: Commands) -> None:
    opened = door(commands=commands)
    opened.answer(recorded("event-mention-in-thread"))
    opened.answer(recorded("event-im"))
    opened.answer(event(direct(thread_ts="1.5")))
    assert [envelope.thread for envelope in commands.read()] == ["1531420500.000100", None, "1.5"]


def test_a_retry_has_the_id_of_the_first_delivery_and_may_be_the_only_one(commands: Commands) -> None:
    for name in ("event-mention-retry", "event-mention"):
        door(commands=commands).answer(recorded(name))
    first, second = commands.read()
    assert first.id == second.id
    door(commands=commands).answer(event(callback(event_id="Ev2")))
    assert commands.read()[2].id != first.id


def test_an_events_id_is_no_buttons_and_no_commands(commands: Commands) -> None:
    for name in ("event-mention", "interaction-button", "slash-command-status"):
        door(commands=commands).answer(recorded(name))
    assert len({envelope.id for envelope in commands.read()}) == 3


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("<@U0BELLHOP>", ""),
        ("<@U0BELLHOP> ", ""),
        ("  <@U0BELLHOP>status", "status"),
        ("<@W0BELLHOP|bellhop> status", "status"),
        ("<@U0BELLHOP> status <@U2>", "status <@U2>"),
        ("hey <@U0BELLHOP> status", "hey <@U0BELLHOP> status"),
        ("status", "status"),
        ("<@u0 status", "<@u0 status"),
    ],
)
def test_the_mention_at_the_start_is_no_part_of_the_command(
    text: str, command: str, commands: Commands
) -> None:
    door(commands=commands).answer(event(mention(text=text)))
    assert [envelope.text for envelope in commands.read()] == [command]


@pytest.mark.parametrize(
    "document",
    [
        mention(bot_id="B1"),
        mention(subtype="bot_message"),
        mention(edited={"user": ANA, "ts": "1.2"}),
        direct(bot_id="B1"),
        direct(subtype="file_share"),
        direct(edited={"user": ANA, "ts": "1.2"}),
        direct(hidden=True),
        direct(channel_type="channel"),
        direct(channel_type="group"),
        direct(channel_type="mpim"),
        direct(channel_type=None),
        callback(event={"type": "reaction_added"}),
        {"type": "app_rate_limited"},
    ],
)
def test_what_no_person_typed_to_bellhop_is_acknowledged_and_dropped(
    document: dict[str, Any], commands: Commands, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    response = door(commands=commands).answer(event(document))
    assert (response, commands.sent) == ({"statusCode": 200, "body": ""}, [])
    assert [record.message for record in caplog.records] == ["request.dropped"]


def test_the_proof_of_the_address_is_its_challenge_when_it_is_signed(commands: Commands) -> None:
    response = door(commands=commands).answer(recorded("event-url-verification"))
    assert json.loads(response["body"]) == {
        "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    }
    assert response["headers"]["content-type"] == "application/json"
    unsigned = recorded("event-url-verification") | {"headers": {}}
    assert door(commands=commands).answer(unsigned)["statusCode"] == 401


@pytest.mark.parametrize(
    ("given", "workspace"),
    [({}, TEAM), ({"team_id": None}, TEAM), ({"team_id": "T2", "is_enterprise_install": True}, "T2")],
)
def test_the_workspace_is_the_callbacks_or_else_the_events(
    given: dict[str, Any], workspace: str, commands: Commands
) -> None:
    door(commands=commands).answer(event(callback(**given)))
    assert [envelope.workspace for envelope in commands.read()] == [workspace]


MALFORMED_EVENTS: dict[str, Any] = {
    "a list": [],
    "null": None,
    "no type": {},
    "type null": {"type": None},
    "challenge missing": {"type": "url_verification"},
    "challenge a list": {"type": "url_verification", "challenge": ["x"]},
    "no event": callback(event=None),
    "event a list": callback(event=[]),
    "event without type": callback(event={}),
    "no event_id": callback(event_id=None),
    "event_id a number": callback(event_id=5),
    "event_id half a character": callback(event_id="\udfff"),
    "no user": mention(user=None),
    "user an object": mention(user={}),
    "no channel": mention(channel=None),
    "no ts": mention(ts=None),
    "text a list": mention(text=[]),
    "no workspace": mention(team=None) | {"team_id": None},
}


@pytest.mark.parametrize("case", MALFORMED_EVENTS)
def test_a_malformed_event_is_a_400_and_goes_nowhere(case: str, commands: Commands) -> None:
    response = door(commands=commands).answer(event(MALFORMED_EVENTS[case]))
    assert (response["statusCode"], commands.sent) == (400, [])
    assert reason(response)


# ------------------------------------------------------------------ who may, and whatever comes


@pytest.mark.parametrize("name", ["interaction-button", "event-mention", "event-url-verification"])
@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({}, SIGNED_AT + 301),
        ({}, SIGNED_AT - 301),
        ({"x-slack-signature": "v0=" + "0" * 64}, SIGNED_AT),
        ({"x-slack-signature": "v0=é"}, SIGNED_AT),
        ({"x-slack-signature": ""}, SIGNED_AT),
        ({"x-slack-request-timestamp": "now"}, SIGNED_AT),
    ],
)
def test_what_slack_did_not_sign_just_now_is_a_401(
    name: str, change: dict[str, str], now: int, commands: Commands
) -> None:
    given = recorded(name)
    response = door(commands=commands, now=now).answer(given | {"headers": given["headers"] | change})
    assert (response["statusCode"], commands.sent) == (401, [])


@pytest.mark.parametrize("name", ["interaction-button", "event-mention"])
def test_another_secret_opens_nothing(name: str, commands: Commands) -> None:
    response = door(accepts=knows("another"), commands=commands).answer(recorded(name))
    assert (response["statusCode"], commands.sent) == (401, [])


@pytest.mark.parametrize("path", [INTERACTIONS, EVENTS_PATH])
def test_only_post_is_known_and_a_large_body_is_refused(path: str) -> None:
    assert door().answer(http_event(b"", {}, method="GET", path=path))["statusCode"] == 405
    assert door().answer(signed(path, b"x" * (LARGEST_BODY + 1)))["statusCode"] == 413


def test_when_the_queue_is_down_slack_is_told_to_come_again() -> None:
    def down(_: list[dict[str, Any]]) -> None:
        raise UnavailableError("sqs SendMessage: 500")

    for name in ("interaction-button", "event-mention"):
        assert door(commands=down).answer(recorded(name))["statusCode"] == 503


def test_no_log_record_carries_what_was_typed_or_the_response_url(
    commands: Commands, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def send(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        commands([{"operation": operation, **request}])
        return {}

    opened = door(commands=CommandsQueue("q", send).send)
    opened.answer(interaction(press(actions=[action(value="scale hunter2 5")])))
    opened.answer(event(mention(text="scale hunter2 5")))
    opened.answer(event(mention(text="hunter2", user=None)))
    told = repr([vars(record) for record in caplog.records])
    assert "command.accepted" in told
    assert "request.refused" in told
    for secret in ("hunter2", "hooks.slack.com"):
        assert secret not in told
    assert len(commands.sent) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def answered(given: dict[str, Any]) -> None:
    """The answer is 200, and what went on can be read and queued; or it is a 400 and nothing went on."""
    commands = Commands()
    status = door(commands=commands).answer(given)["statusCode"]
    assert status == 200 or (status == 400 and not commands.sent)
    assert all(len(envelope.id) == 64 for envelope in commands.read())
    assert all(len(group(envelope)) == 64 for envelope in commands.sent)


@settings(max_examples=200)
@given(JSON)
def test_no_json_makes_the_door_raise_or_answer_5xx(document: Any) -> None:
    answered(interaction(document))
    answered(event(document))


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(press())), JSON, max_size=3))
def test_nor_does_a_press_that_is_nearly_right(fields: dict[str, Any]) -> None:
    answered(interaction(press(**fields)))


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(sorted(action())), JSON, max_size=3))
def test_nor_does_an_action_that_is_nearly_right(fields: dict[str, Any]) -> None:
    answered(interaction(press(actions=[action(**fields), action()])))


@settings(max_examples=200)
@given(
    st.dictionaries(st.sampled_from([*callback()["event"], "channel_type", "thread_ts"]), JSON, max_size=3),
    st.dictionaries(st.sampled_from(["team_id", "event_id", "type"]), JSON, max_size=1),
)
def test_nor_does_an_event_that_is_nearly_right(fields: dict[str, Any], outer: dict[str, Any]) -> None:
    answered(event(mention(**fields) | outer))
    answered(event(direct(**fields) | outer))


@given(st.binary())
def test_nor_do_any_bytes(body: bytes) -> None:
    answered(signed(INTERACTIONS, body))
    answered(signed(INTERACTIONS, b"payload=" + body))
    answered(signed(EVENTS_PATH, body))
