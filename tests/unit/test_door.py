"""The door: what is signed goes to the queue, everything else is a 4xx with its reason and goes nowhere."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samcli.yamlhelper import yaml_parse

import webhooks
from bellhop.chat import envelope as envelopes
from bellhop.errors import ConfigError, UnavailableError
from bellhop.parameters import Parameters
from bellhop.signed import AwsError
from commands_queue import CommandsQueue
from dialogflow_intake import BUDGET_SECONDS
from slack_intake import LARGEST_BODY
from tests.unit import door_world
from tests.unit.chat_world import (
    ANA,
    CHANNEL,
    EVENTS,
    RESPONSE_URL,
    SECRET,
    SIGNED_AT,
    TEAM,
    form,
    http_event,
    recorded,
    slack_signature,
    slash_event,
)
from tests.unit.door_world import reason
from webhooks import Door

#: What SQS takes as one message: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
QUEUE_LIMIT = 1024 * 1024


class Queue:
    """CommandsQueue. sent: body, group, deduplication id."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    def __call__(self, envelopes: list[dict[str, Any]]) -> None:
        CommandsQueue("https://sqs/1/commands.fifo", self.call).send(envelopes)

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        assert (operation, request["QueueUrl"]) == ("SendMessage", "https://sqs/1/commands.fifo")
        names = ("MessageBody", "MessageGroupId", "MessageDeduplicationId")
        body, group, deduplication_id = (request[name] for name in names)
        self.sent.append((body, group, deduplication_id))
        return {}

    def envelope(self) -> envelopes.Envelope:
        [(body, _, _)] = self.sent
        return envelopes.decode(body)


@pytest.fixture
def queue() -> Queue:
    return Queue()


def door(queue: Callable[[list[dict[str, Any]]], None], *, now: float = SIGNED_AT) -> Door:
    return door_world.door(commands=queue, now=now)


RECORDED = {
    "slash-command-published-sample": 200,
    "slash-command-status": 200,
    "slash-command-scale": 200,
    "slash-command-from-a-phone": 200,
    "ssl-check": 200,
    "unsigned": 401,
    "forged": 401,
    "not-utf-8": 400,
    "not-a-form": 400,
}


def test_every_recorded_event_has_its_answer_here() -> None:
    found = {file.stem for file in EVENTS.glob("*.json")}
    # Buttons and events are test_door_slack.py's.
    assert {name for name in found if not name.startswith(("interaction-", "event-"))} == RECORDED.keys()


@pytest.mark.parametrize(("name", "status"), RECORDED.items())
def test_a_recorded_event_is_answered(name: str, status: int, queue: Queue) -> None:
    response = door(queue).answer(recorded(name))
    assert response["statusCode"] == status
    assert len(queue.sent) == (status == 200 and name != "ssl-check")
    assert (response["body"] == "") if status == 200 else reason(response)


def test_a_command_becomes_the_envelope_that_the_worker_reads(queue: Queue) -> None:
    door(queue, now=SIGNED_AT + 1.5).answer(recorded("slash-command-scale"))
    found = queue.envelope()
    assert (found.platform, found.workspace, found.user, found.channel) == ("slack", TEAM, ANA, CHANNEL)
    assert found.caller == f"slack:{TEAM}/{ANA}"
    assert found.text == "scale web 5 -n shop"
    assert found.response_url == RESPONSE_URL
    assert (found.received_at, found.correlation) == (SIGNED_AT + 1.5, "JKJaXmPLvHcESHA=")
    [(_, group, deduplication_id)] = queue.sent
    assert deduplication_id == found.id
    # SQS: up to 128 characters, letters, digits and punctuation.
    assert all(len(each) <= 128 and each.isalnum() for each in (group, deduplication_id))


def test_base64_and_plain_text_are_the_same_command(queue: Queue) -> None:
    event = recorded("slash-command-status")
    plain = event | {"body": base64.b64decode(event["body"]).decode(), "isBase64Encoded": False}
    assert [door(queue).answer(each)["statusCode"] for each in (event, plain)] == [200, 200]
    assert queue.sent[0] == queue.sent[1]


def test_a_command_without_a_response_url_or_text_is_one_too(queue: Queue) -> None:
    door(queue).answer(slash_event(form("", response_url="")))
    assert (queue.envelope().response_url, queue.envelope().text) == (None, "")


def test_a_replay_is_answered_200_with_the_same_deduplication_id_and_group(queue: Queue) -> None:
    event = recorded("slash-command-scale")
    assert door(queue).answer(event)["statusCode"] == 200
    assert door(queue, now=SIGNED_AT + 299).answer(event)["statusCode"] == 200
    assert queue.sent[0][1:] == queue.sent[1][1:]


def test_the_same_words_again_are_another_command_in_the_same_group(queue: Queue) -> None:
    for trigger in ("1.2.3", "1.2.4"):
        door(queue).answer(slash_event(form("scale web 5", trigger_id=trigger)))
    (_, group, one), (_, same_group, other) = queue.sent
    assert group == same_group
    assert one != other


@pytest.mark.parametrize("field", ["team_id", "channel_id", "user_id"])
def test_another_workspace_channel_or_user_is_another_group(field: str, queue: Queue) -> None:
    door(queue).answer(slash_event(form()))
    door(queue).answer(slash_event(form(**{field: "X0OTHER"})))
    assert queue.sent[0][1] != queue.sent[1][1]


@pytest.mark.parametrize("off", [-300, 300])
def test_at_exactly_300_seconds_it_is_accepted(off: int, queue: Queue) -> None:
    assert door(queue, now=SIGNED_AT + off).answer(recorded("slash-command-scale"))["statusCode"] == 200
    assert len(queue.sent) == 1


@pytest.mark.parametrize("off", [-301, 301])
def test_301_seconds_old_or_from_the_future_it_is_refused(off: int, queue: Queue) -> None:
    response = door(queue, now=SIGNED_AT + off).answer(recorded("slash-command-scale"))
    assert (response["statusCode"], queue.sent) == (401, [])
    assert "5 minutes" in reason(response)


def without(event: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in names}


def with_headers(event: dict[str, Any], **headers: str) -> dict[str, Any]:
    return event | {"headers": event["headers"] | {name.replace("_", "-"): v for name, v in headers.items()}}


GOOD = slash_event(form())
REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "no headers at all": (without(GOOD, "headers"), 401),
    "headers null": (GOOD | {"headers": None}, 401),
    "unsigned": (GOOD | {"headers": {}}, 401),
    "forged": (with_headers(GOOD, x_slack_signature="v0=" + "0" * 64), 401),
    "empty signature": (with_headers(GOOD, x_slack_signature=""), 401),
    "signature not ASCII": (with_headers(GOOD, x_slack_signature="v0=é"), 401),
    "timestamp not a number": (with_headers(GOOD, x_slack_request_timestamp="now"), 401),
    "timestamp huge": (with_headers(GOOD, x_slack_request_timestamp="9" * 10_000), 401),
    "timestamp in other digits": (with_headers(GOOD, x_slack_request_timestamp="١٥٣١٤٢٠٦١٨"), 401),
    "body swapped": (GOOD | {"body": base64.b64encode(form("scale web 0")).decode()}, 401),
    "body missing": (without(GOOD, "body"), 401),
    "body null": (GOOD | {"body": None}, 401),
    "isBase64Encoded missing": (without(GOOD, "isBase64Encoded"), 401),
    "base64 malformed": (GOOD | {"body": "%%%"}, 400),
    "base64 cut": (GOOD | {"body": GOOD["body"][:5]}, 400),
    "base64 not ASCII": (GOOD | {"body": "é" * 8}, 400),
    "1 MB": (slash_event(form("x" * 1_000_000)), 413),
    "1 MB unsigned": (http_event(b"x" * 1_000_000, {}), 413),
    "1 MB plain": (GOOD | {"body": "x" * 1_000_000, "isBase64Encoded": False}, 413),
    "a byte too many": (slash_event(b"x" * (LARGEST_BODY + 1)), 413),
    "plain characters of more bytes": (
        GOOD | {"body": "é" * (LARGEST_BODY // 2 + 1), "isBase64Encoded": False},
        413,
    ),
    "lone surrogates": (GOOD | {"body": "\ud800", "isBase64Encoded": False}, 401),
    "unknown route": (GOOD | {"rawPath": "/slack/command"}, 404),
    "root": (GOOD | {"rawPath": "/"}, 404),
    "trailing slash": (GOOD | {"rawPath": "/slack/commands/"}, 404),
    "GET": (http_event(form(), GOOD["headers"], method="GET"), 405),
    "no method": (without(GOOD, "requestContext"), 405),
    "nothing": ({}, 404),
    "not UTF-8": (slash_event(b"command=\xff"), 400),
    "percent-encoded not UTF-8": (slash_event(form() + b"&text=%ff%fe"), 400),
    "JSON": (slash_event(b'{"command": "/bellhop"}'), 400),
    "empty": (slash_event(b""), 400),
    "a thousand fields": (slash_event(form() + b"&a=b" * 1000), 400),
    "no user": (slash_event(form(user_id="")), 400),
    "no workspace": (slash_event(form(team_id="")), 400),
    "no channel": (slash_event(form(channel_id="")), 400),
    "no command": (slash_event(form(command="")), 400),
    "ssl_check that is not 1": (slash_event(b"ssl_check=0"), 400),
    "ssl_check unsigned": (http_event(b"ssl_check=1", {}), 401),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_a_4xx_with_a_reason_and_reaches_no_queue(case: str, queue: Queue) -> None:
    event, status = REFUSED[case]
    response = door(queue).answer(event)
    assert response["statusCode"] == status
    assert reason(response)
    assert queue.sent == []


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_no_signed_body_makes_the_door_raise_or_answer_5xx(body: bytes) -> None:
    queue = Queue()
    response = door(queue).answer(slash_event(body))
    assert response["statusCode"] == (200 if queue.sent else 400)


@settings(max_examples=50)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "body": st.none() | st.text(),
            "isBase64Encoded": st.booleans(),
            "headers": st.none() | st.dictionaries(st.text(), st.text()),
            "rawPath": st.sampled_from(["/slack/commands", "/health", ""]) | st.text(),
            "rawQueryString": st.text(),
            "requestContext": st.none()
            | st.fixed_dictionaries({}, optional={"http": st.none() | st.just({})}),
        },
    )
)
def test_no_event_makes_the_door_raise(event: dict[str, Any]) -> None:
    queue = Queue()
    assert 400 <= door(queue).answer(event)["statusCode"] < 500
    assert queue.sent == []


@pytest.mark.parametrize("byte", [b"\x00", b"\xc3\xa9", b"%00", b'"', b"\\"])
def test_whatever_the_door_accepts_fits_into_the_queue(byte: bytes, queue: Queue) -> None:
    body = form() + b"&text="
    body += byte * ((LARGEST_BODY - len(body)) // len(byte))
    assert door(queue).answer(slash_event(body))["statusCode"] == 200
    assert len(queue.sent[0][0].encode()) < QUEUE_LIMIT


@pytest.mark.parametrize(
    "error", [UnavailableError("CommandsQueue: 500"), AwsError("AccessDenied", "arn:aws:sqs:secret")]
)
def test_when_the_queue_is_down_it_is_a_503_that_tells_nothing(error: Exception) -> None:
    def down(_: list[dict[str, Any]]) -> None:
        raise error

    response = door(down).answer(recorded("slash-command-scale"))
    assert (response["statusCode"], reason(response)) == (503, "try again in a moment")


@pytest.mark.parametrize("error", [UnavailableError("no answer"), ConfigError("parameter /x does not exist")])
def test_without_any_secret_it_is_a_503_and_not_an_open_door(error: Exception, queue: Queue) -> None:
    def accepts(_: Callable[[str], bool]) -> bool:
        raise error

    response = door_world.door(accepts=accepts, commands=queue).answer(recorded("slash-command-scale"))
    assert (response["statusCode"], queue.sent) == (503, [])
    assert "/x" not in response["body"]


class Store:
    """Parameter Store: what it holds, whether it answers, and what it was asked."""

    def __init__(self, **values: str) -> None:
        self.values = values
        self.up = True
        self.asked: list[str] = []

    def __call__(self, name: str) -> str | None:
        self.asked.append(name)
        if not self.up:
            raise UnavailableError("ThrottlingException")
        return self.values.get(name.replace(":", "_"))


def test_a_rotated_secret_is_accepted_within_one_refetch_and_the_previous_one_still(queue: Queue) -> None:
    store, seconds = Store(s="old"), [0.0]
    parameters = Parameters(store, lambda: seconds[0])
    made = door_world.door(accepts=lambda test: parameters.accepts("s", test), commands=queue)

    def status(secret: str) -> int:
        return int(made.answer(slash_event(form(), secret=secret))["statusCode"])

    assert status("old") == 200
    store.values = {"s": "new", "s_previous": "old"}
    seconds[0] = 31.0
    assert (status("new"), status("old")) == (200, 200)
    store.values = {"s": "newer", "s_previous": "new"}
    seconds[0] = 70.0
    assert (status("newer"), status("new"), status("old")) == (200, 200, 401)


def test_a_flood_of_forgeries_asks_parameter_store_once_in_30_seconds(queue: Queue) -> None:
    store, seconds = Store(s=SECRET), [0.0]
    parameters = Parameters(store, lambda: seconds[0])
    made = door_world.door(accepts=lambda test: parameters.accepts("s", test), commands=queue)
    forged = with_headers(GOOD, x_slack_signature="v0=" + "0" * 64)
    for tenth in range(600):
        seconds[0] = tenth / 10
        store.up = tenth < 300  # in the second half it throttles as well
        assert made.answer(forged)["statusCode"] == 401
    # Each of the two values when first needed, and at the 30th second.
    assert sorted(store.asked) == ["s", "s", "s:previous", "s:previous"]
    assert made.answer(GOOD)["statusCode"] == 200


def test_no_log_record_carries_the_response_url_the_body_or_a_signature(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = "scale hunter2 5"
    good = slash_event(form(text))
    for event in (
        good,
        with_headers(good, x_slack_signature="v0=forged"),
        slash_event(form(text, user_id="")),
    ):
        door(queue).answer(event)
    told = repr([vars(record) for record in caplog.records])
    assert "request.refused" in told
    assert "command.accepted" in told
    for secret in ("hooks.slack.com", "hunter2", "forged", slack_signature(form(text), str(SIGNED_AT))):
        assert secret not in told


def test_the_handler_asks_the_one_door(monkeypatch: pytest.MonkeyPatch, queue: Queue) -> None:
    monkeypatch.setattr(webhooks, "door", lambda: door(queue))
    context: Any = None
    assert webhooks.handler(recorded("slash-command-scale"), context)["statusCode"] == 200
    assert len(queue.sent) == 1


# The template


TEMPLATE: dict[str, Any] = yaml_parse((EVENTS.parents[1] / "template.yaml").read_text())["Resources"]
FUNCTION = TEMPLATE["WebhooksFunction"]["Properties"]


def test_the_template_opens_the_paths_that_the_door_serves() -> None:
    opened = {
        (event["Properties"]["Method"], event["Properties"]["Path"]) for event in FUNCTION["Events"].values()
    }
    served = door_world.door().places().items()
    assert opened == {(method, path) for path, place in served for method in place.methods}


def test_the_role_may_read_each_secret_and_the_one_before_it_and_no_other() -> None:
    variables = FUNCTION["Environment"]["Variables"]
    names = {value["Fn::Sub"] for name, value in variables.items() if name.endswith(("_SECRET", "_TOKEN"))}
    (policy,) = TEMPLATE["WebhooksRole"]["Properties"]["Policies"]
    statements = {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}
    arn = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"
    readable = [each["Fn::Sub"] for each in statements["ReadSecrets"]["Resource"]]
    assert sorted(readable) == sorted(f"{arn}{name}{label}" for name in names for label in ("", ":previous"))
    (condition,) = statements["DecryptSecrets"]["Condition"]["StringEquals"].values()
    assert sorted(each["Fn::Sub"] for each in condition) == sorted(f"{arn}{name}" for name in names)


def test_the_door_may_ask_the_function_that_it_asks() -> None:
    name = FUNCTION["Environment"]["Variables"]["COMMANDS_FUNCTION"]["Fn::Sub"]
    assert name == TEMPLATE["CommandsFunction"]["Properties"]["FunctionName"]["Fn::Sub"]
    (policy,) = TEMPLATE["WebhooksRole"]["Properties"]["Policies"]
    (invoke,) = [s for s in policy["PolicyDocument"]["Statement"] if s["Action"] == "lambda:InvokeFunction"]
    assert invoke["Resource"]["Fn::Sub"].endswith(f":function:{name}")


def test_the_door_has_time_for_a_question_and_ends_before_the_gateway_does() -> None:
    assert BUDGET_SECONDS < 5 < FUNCTION["Timeout"] < 30
