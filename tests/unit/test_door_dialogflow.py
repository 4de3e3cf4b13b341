"""Dialogflow at the door: who may ask, what is asked, and an answer in time whatever happens behind it."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from google.cloud import dialogflow_v2, dialogflowcx_v3
from hypothesis import given, settings
from hypothesis import strategies as st

from bellhop.chat import dialogflow
from bellhop.chat import envelope as envelopes
from bellhop.errors import BusyError, ConfigError, UnavailableError
from bellhop.parameters import Parameters
from bellhop.signed import AwsError
from dialogflow_intake import BUDGET_SECONDS, LARGEST_BODY
from tests.unit.chat_world import SIGNED_AT, http_event
from tests.unit.door_world import door, knows, reason

EVENTS = Path(__file__).parents[2] / "events/dialogflow"
TOKEN = "a-long-and-random-token"
AGENTS = ["es", "cx"]
REQUESTS: dict[str, Any] = {"es": dialogflow_v2.WebhookRequest, "cx": dialogflowcx_v3.WebhookRequest}
ANSWERS: dict[str, Any] = {"es": dialogflow_v2.WebhookResponse, "cx": dialogflowcx_v3.WebhookResponse}
#: One of each, to change.
PLAIN = {"es": "es-query", "cx": "cx-text"}
LATER = dialogflow.LATER["text"]


class Function:
    """`commands`: what it was asked, with how much time, and what it answers or raises."""

    def __init__(self, answer: dict[str, Any] | Exception | None = None) -> None:
        self.answer = answer or {"text": "web has *4 of 4* pods"}
        self.asked: list[dict[str, Any]] = []
        self.seconds: list[float] = []

    def __call__(self, envelope: dict[str, Any], seconds: float) -> dict[str, Any]:
        self.asked.append(envelope)
        self.seconds.append(seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def read(self) -> envelopes.Envelope:
        (asked,) = self.asked
        return envelopes.decode(json.dumps(asked))


@pytest.fixture
def function() -> Function:
    return Function()


def opened(function: Any = None, **options: Any) -> Any:
    return door(**{"accepts": knows(TOKEN), "ask": function} | options)


def payload(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")))


def post(agent: str, body: bytes | dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"authorization": f"Bearer {TOKEN}"} if headers is None else headers
    return http_event(raw, given, path=f"/dialogflow/{agent}")


def changed(agent: str, part: str = "", **fields: Any) -> dict[str, Any]:
    """An agent's request, with some fields of a part of it changed; None takes one away."""
    document = payload(PLAIN[agent])
    if part:
        document[part] = given_only(document.get(part, {}) | fields)
        return document
    return given_only(document | fields)


def given_only(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def said(agent: str, response: dict[str, Any]) -> str:
    """The text of an answer that the vendor's own message takes."""
    assert response["statusCode"] == 200, response
    assert response["headers"]["content-type"] == "application/json"
    assert len(response["body"].encode()) <= 64 * 1024
    answer = ANSWERS[agent].from_json(response["body"])
    if agent == "es":
        return str(answer.fulfillment_text)
    (message,) = answer.fulfillment_response.messages
    (text,) = message.text.text
    return str(text)


# ------------------------------------------------------------------ what is asked

RECORDED = {
    "es-query": "how is the web shop doing",
    "es-command": "status web -n shop",
    "es-wait": "how is the web shop doing",
    "cx-text": "status web -n shop",
    "cx-tag": "status",
    "cx-parameter": "history",
}


def test_every_recorded_request_has_its_outcome_here_and_is_the_vendors_own_form() -> None:
    assert {file.stem for file in EVENTS.iterdir()} == RECORDED.keys()
    for name in RECORDED:
        # CX sends some fields that its own description does not know.
        REQUESTS[name[:2]].from_json((EVENTS / f"{name}.json").read_text(), ignore_unknown_fields=True)


@pytest.mark.parametrize("name", RECORDED)
def test_what_an_agent_asks_is_asked_and_answered_in_the_same_request(name: str, function: Function) -> None:
    agent = name[:2]
    response = opened(function).answer(post(agent, (EVENTS / f"{name}.json").read_bytes()))
    assert said(agent, response) == "web has 4 of 4 pods"
    assert function.read().text == RECORDED[name]


@pytest.mark.parametrize(
    ("agent", "channel", "id"),
    [
        ("es", "3b1f7a0c-0e5d-4f0e-9d53-7d2f3a9c1b42", "f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e1f-8c5cdbd3"),
        ("cx", "dfMessenger-57321942", "1ccb9c94-4d1e-4f8b-8a4c-2c3b1d2e4f5a"),
    ],
)
def test_whoever_speaks_the_subject_is_the_agent(
    agent: str, channel: str, id: str, function: Function
) -> None:
    opened(function, now=SIGNED_AT + 3).answer(post(agent, payload(PLAIN[agent])))
    found = function.read()
    assert found.caller == f"dialogflow:{agent}/agent"
    assert (found.channel, found.received_at, found.correlation) == (channel, SIGNED_AT + 3, "req-1")
    assert found.id == hashlib.sha256(f"dialogflow\n{id}".encode()).hexdigest()
    assert (found.response_url, found.thread, found.pressed) == (None, None, None)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"command": "status"}, "status"),
        ({"command": " status "}, "status"),
        ({"command": ""}, "how is the web shop doing"),
        ({"command": 5.0}, "how is the web shop doing"),
        ({"command": ["status"]}, "how is the web shop doing"),
        ({"id": "not ours"}, "how is the web shop doing"),
    ],
)
def test_es_takes_the_parameter_command_when_it_is_text(
    parameters: dict[str, Any], text: str, function: Function
) -> None:
    opened(function).answer(post("es", changed("es", "queryResult", parameters=parameters)))
    assert function.read().text == text


@pytest.mark.parametrize(
    ("parameters", "tag", "text"),
    [
        ({"command": "status"}, "command:history", "status"),
        ({"command": 5}, "command:history", "history"),
        ({}, "command: history ", "history"),
        ({}, "command:", "said"),
        ({}, "commands", "said"),
        ({}, "", "said"),
        (None, None, "said"),
    ],
)
def test_cx_takes_the_parameter_then_the_tag_then_what_was_said(
    parameters: dict[str, Any] | None, tag: str | None, text: str, function: Function
) -> None:
    document = changed("cx", "sessionInfo", parameters=parameters) | {
        "fulfillmentInfo": given_only({"tag": tag}),
        "text": "said",
    }
    opened(function).answer(post("cx", document))
    assert function.read().text == text


def test_an_event_without_words_is_an_empty_command(function: Function) -> None:
    opened(function).answer(post("cx", changed("cx", text=None, triggerEvent="welcome")))
    assert function.read().text == ""


MALFORMED: dict[str, tuple[str, Any]] = {
    "es, a list": ("es", b"[]"),
    "es, nothing": ("es", b""),
    "es, not UTF-8": ("es", b'{"session": "\xff"}'),
    "es, endless": ("es", b"[" * 100_000),
    "es, no session": ("es", changed("es", session=None)),
    "es, session a number": ("es", changed("es", session=5)),
    "es, session ends in a slash": ("es", changed("es", session="projects/p/agent/sessions/")),
    "es, session id long": ("es", changed("es", session="s/" + "x" * 101)),
    "es, session long": ("es", changed("es", session="s/" * 500 + "x")),
    "es, session half a character": ("es", changed("es", session="s/\ud800")),
    "es, no responseId": ("es", changed("es", responseId=None)),
    "es, responseId long": ("es", changed("es", responseId="x" * 3001)),
    "es, queryResult text": ("es", changed("es", queryResult="x")),
    "es, parameters a list": ("es", changed("es", "queryResult", parameters=[])),
    "es, queryText a list": ("es", changed("es", "queryResult", queryText=[])),
    "es, queryText long": ("es", changed("es", "queryResult", queryText="x" * 3001)),
    "es, command long": ("es", changed("es", "queryResult", parameters={"command": "x" * 3001})),
    "cx, no sessionInfo": ("cx", changed("cx", sessionInfo=None)),
    "cx, no session": ("cx", changed("cx", "sessionInfo", session=None)),
    "cx, no id": ("cx", changed("cx", detectIntentResponseId=None)),
    "cx, tag a list": ("cx", changed("cx", "fulfillmentInfo", tag=[])),
    "cx, text a number": ("cx", changed("cx", text=5)),
    "cx, text half a character": ("cx", changed("cx", text="\ud800")),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_request_is_a_400_and_nobody_is_asked(case: str) -> None:
    agent, body = MALFORMED[case]
    response = opened().answer(post(agent, body))
    assert response["statusCode"] == 400
    assert reason(response)


def test_a_body_over_the_limit_is_a_413_and_only_post_is_known() -> None:
    assert opened().answer(post("es", b" " * (LARGEST_BODY + 1)))["statusCode"] == 413
    assert opened().answer(http_event(b"", {}, method="GET", path="/dialogflow/es"))["statusCode"] == 405
    assert opened().answer(post("", b"{}"))["statusCode"] == 404


# ------------------------------------------------------------------ who may


def basic(user: str = "bellhop", password: str = TOKEN) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {TOKEN}"},
        {"authorization": basic()},
        {"X-Bellhop-Token": TOKEN},
        {"x-bellhop-token": f" {TOKEN} "},
        {"x-bellhop-token": TOKEN, "authorization": "Bearer of-the-agents-own"},
    ],
)
def test_the_token_opens_in_each_of_its_forms(
    agent: str, headers: dict[str, str], function: Function
) -> None:
    response = opened(function).answer(post(agent, payload(PLAIN[agent]), headers))
    assert (response["statusCode"], len(function.asked)) == (200, 1)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": TOKEN},
        {"authorization": "Bearer another"},
        {"authorization": "Bearer é"},
        {"authorization": basic(user="admin")},
        {"authorization": basic(password="another")},
        {"authorization": basic(password="")},
        {"authorization": "Basic %%%"},
        {"x-bellhop-token": ""},
        {"x-bellhop-token": "another"},
        {"x-bellhop-token": "é"},
        {"x-bellhop-token": "\ud800"},
        {"x-bellhop-token": "another", "authorization": f"Bearer {TOKEN}"},
    ],
)
def test_without_the_token_it_is_a_401_and_nobody_is_asked(agent: str, headers: dict[str, str]) -> None:
    for body in (payload(PLAIN[agent]), b"{"):
        assert opened().answer(post(agent, body, headers))["statusCode"] == 401


def test_an_empty_token_lets_nobody_in() -> None:
    for headers in ({"x-bellhop-token": ""}, {"x-bellhop-token": " "}, {"authorization": "Bearer "}):
        given = post("es", payload("es-query"), headers)
        assert opened(accepts=knows("")).answer(given)["statusCode"] == 401


def test_the_token_labelled_previous_opens_beside_the_new_one(function: Function) -> None:
    parameters = Parameters({"t": "new", "t:previous": "old"}.get, lambda: 0.0)
    both = opened(function, accepts=lambda test: parameters.accepts("t", test))
    for token, status in (("new", 200), ("old", 200), ("older", 401)):
        given = post("es", payload("es-query"), {"x-bellhop-token": token})
        assert both.answer(given)["statusCode"] == status


def test_without_any_secret_it_is_a_503_and_not_an_open_door() -> None:
    def accepts(_: object) -> bool:
        raise ConfigError("parameter /x does not exist")

    response = opened(accepts=accepts).answer(post("es", payload("es-query")))
    assert response["statusCode"] == 503
    assert "/x" not in response["body"]


# ------------------------------------------------------------------ in time


class Watch:
    """A timer that the looking-up of the secret moves on."""

    def __init__(self, lookup: float) -> None:
        self.now = 100.0
        self.lookup = lookup

    def __call__(self) -> float:
        return self.now

    def accepts(self, test: Any) -> bool:
        self.now += self.lookup
        return bool(test(TOKEN))


@pytest.mark.parametrize("agent", AGENTS)
def test_what_the_look_up_took_is_not_there_for_the_question(agent: str, function: Function) -> None:
    watch = Watch(lookup=1.5)
    given = post(agent, payload(PLAIN[agent]))
    assert opened(function, accepts=watch.accepts, timer=watch).answer(given)["statusCode"] == 200
    assert function.seconds == [BUDGET_SECONDS - 1.5]
    assert BUDGET_SECONDS <= 4


def test_with_no_time_left_nobody_is_asked_and_dialogflow_is_told_so() -> None:
    watch = Watch(lookup=BUDGET_SECONDS)
    closed = opened(accepts=watch.accepts, timer=watch)
    assert said("cx", closed.answer(post("cx", payload("cx-text")))) == LATER


@pytest.mark.parametrize("error", [TimeoutError("late"), BusyError("at it already", retry_after=0)])
def test_what_takes_too_long_is_said_and_es_asks_once_more(error: Exception) -> None:
    function = Function(error)
    assert said("cx", opened(function).answer(post("cx", payload("cx-text")))) == LATER

    response = opened(function).answer(post("es", payload("es-query")))
    assert said("es", response) == LATER
    event = json.loads(response["body"])["followupEventInput"]
    assert event == {
        "name": "bellhop-wait",
        "parameters": {
            "id": "f0e1d2c3-b4a5-4697-8879-6a5b4c3d2e1f-8c5cdbd3",
            "command": "how is the web shop doing",
        },
        "languageCode": "en",
    }


def test_the_second_request_asks_the_same_question_and_asks_no_third_time() -> None:
    first, second = Function(TimeoutError("late")), Function(TimeoutError("late"))
    opened(first).answer(post("es", payload("es-query")))
    response = opened(second).answer(post("es", payload("es-wait")))
    assert first.read().id == second.read().id
    assert said("es", response) == LATER
    assert "followupEventInput" not in json.loads(response["body"])


def test_a_waiting_answer_is_within_the_limit_whatever_was_asked() -> None:
    function = Function(TimeoutError("late"))
    long = changed("es", "queryResult", queryText="🔔" * 3000, languageCode="é" * 3000)
    response = opened(function).answer(post("es", json.dumps(long, ensure_ascii=False).encode()))
    assert said("es", response) == LATER


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize(
    "error",
    [UnavailableError("bellhop-commands failed: KeyError"), AwsError("AccessDeniedException", "arn:secret")],
)
def test_when_the_function_fails_it_is_a_503_that_tells_nothing(agent: str, error: Exception) -> None:
    response = opened(Function(error)).answer(post(agent, payload(PLAIN[agent])))
    assert (response["statusCode"], reason(response)) == (503, "try again in a moment")


# ------------------------------------------------------------------ whatever comes


def test_no_log_record_carries_the_token_or_what_was_said(
    function: Function, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    opened(function).answer(post("cx", changed("cx", text="hunter2")))
    opened(Function(TimeoutError("late"))).answer(post("cx", changed("cx", text="hunter2")))
    opened().answer(post("cx", changed("cx", text="hunter2", sessionInfo=None)))
    opened().answer(post("cx", b"{}", {"x-bellhop-token": "hunter2"}))
    told = repr([vars(record) for record in caplog.records])
    messages = [record.message for record in caplog.records]
    assert messages == ["question.answered", "question.late", "request.refused", "request.refused"]
    for secret in ("hunter2", TOKEN, "dfMessenger"):
        assert secret not in told


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def answered(agent: str, body: bytes) -> None:
    function = Function()
    response = opened(function).answer(post(agent, body))
    if response["statusCode"] == 200:
        assert said(agent, response) == "web has 4 of 4 pods"
        assert len(function.read().id) == 64
    else:
        assert (response["statusCode"], function.asked) == (400, [])


@settings(max_examples=200)
@given(st.sampled_from(AGENTS), JSON)
def test_no_json_makes_the_door_raise_or_answer_5xx(agent: str, document: Any) -> None:
    answered(agent, json.dumps(document).encode())


@settings(max_examples=200)
@given(
    st.sampled_from(AGENTS),
    st.sampled_from(["", "queryResult", "sessionInfo", "fulfillmentInfo"]),
    st.dictionaries(
        st.sampled_from(["session", "parameters", "text", "tag", "queryText", "languageCode", "responseId"]),
        JSON,
        max_size=3,
    ),
)
def test_nor_does_a_request_that_is_nearly_right(agent: str, part: str, fields: dict[str, Any]) -> None:
    answered(agent, json.dumps(changed(agent, part, **fields)).encode())


@given(st.sampled_from(AGENTS), st.binary())
def test_nor_do_any_bytes(agent: str, body: bytes) -> None:
    answered(agent, body)
