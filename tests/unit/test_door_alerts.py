"""The alert senders' doors: what is proved and whole goes to AlarmsQueue, everything else goes nowhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import grafana
from alert_intake import LARGEST_BODY
from alert_messages import LARGEST_MESSAGE
from bellhop.alarms import alerts as alert_events
from bellhop.alarms.alarm import State
from bellhop.errors import ConfigError, UnavailableError
from bellhop.parameters import Parameters
from bellhop.signed import AwsError
from tests.unit import door_world
from tests.unit.chat_world import http_event
from tests.unit.door_world import knows, reason
from webhooks import Door

EVENTS = Path(__file__).parents[2] / "events"
TOKEN = "5d1c0a9e8f7b6c4d3e2f1a0b9c8d7e6f5d1c0a9e8f7b6c4d3e2f1a0b9c8d7e6f"
NOW = 1795161600
SENDERS = ["alertmanager", "grafana"]


class Queue:
    """AlarmsQueue. refuses: the messages, counted from 0, that are not taken."""

    def __init__(self, *refuses: int) -> None:
        self.sent: list[str] = []
        self.refuses = refuses

    def __call__(self, body: str) -> None:
        if len(self.sent) in self.refuses:
            raise UnavailableError("sqs SendMessage: 500 InternalError after 2 attempts")
        self.sent.append(body)

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.sent]

    def alerts(self) -> list[dict[str, Any]]:
        return [alert for document in self.documents() for alert in document["alerts"]]


@pytest.fixture
def queue() -> Queue:
    return Queue()


TOKEN_ACCEPTS = knows(TOKEN)


def door(
    queue: Callable[[str], None],
    *,
    accepts: Callable[[Callable[[str], bool]], bool] = TOKEN_ACCEPTS,
    now: float = NOW,
) -> Door:
    return door_world.door(accepts=accepts, alarms=queue, now=now)


def basic(user: str = "bellhop", password: str = TOKEN) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def signed(body: bytes, *, secret: str = TOKEN, timestamp: str | None = None) -> dict[str, str]:
    """The headers with which Grafana signs a body."""
    text = body if timestamp is None else timestamp.encode() + b":" + body
    signature = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    stamp = {} if timestamp is None else {"x-grafana-alerting-timestamp": timestamp}
    return {"x-grafana-alerting-signature": signature} | stamp


def post(
    sender: str, body: bytes | dict[str, Any], headers: dict[str, str] | None = None, **options: Any
) -> dict[str, Any]:
    """An HTTP API event; with the bearer token unless other headers are given."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"authorization": f"Bearer {TOKEN}"} if headers is None else headers
    return http_event(raw, {"content-type": "application/json"} | given, path=f"/alerts/{sender}", **options)


def payload(sender: str, name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / sender / f"{name}.json").read_text(encoding="utf-8")))


# ------------------------------------------------------------------ what the senders post

#: Each file's alerts: whether firing, and their values.
RECORDED: dict[str, list[tuple[bool, dict[str, float]]]] = {
    "alertmanager/firing": [(True, {})],
    "alertmanager/repeated": [(True, {})],
    "alertmanager/resolved": [(False, {})],
    "alertmanager/mixed": [(True, {}), (True, {}), (False, {})],
    "grafana/firing": [(True, {"A": 412.5, "C": 1.0})],
    "grafana/resolved": [(False, {"A": 188.25, "C": 0.0})],
    "grafana/mixed": [(True, {"A": 412.5, "C": 1.0}), (False, {})],
    "grafana/value-string": [(True, {"A": 412.5, "C": 1.0})],
    "grafana/no-data": [(True, {})],
}


def test_every_recorded_payload_has_its_outcome_here() -> None:
    found = {f"{sender}/{file.stem}" for sender in SENDERS for file in (EVENTS / sender).iterdir()}
    assert found == RECORDED.keys()


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_sender_posts_is_read_behind_the_queue_as_it_was_meant(name: str, queue: Queue) -> None:
    sender, _, stem = name.partition("/")
    given = payload(sender, stem)
    assert door(queue).answer(post(sender, given)) == {"statusCode": 200, "body": ""}
    (document,) = queue.documents()
    events = alert_events.parse(document)
    assert [(e.state is State.ALARM, e.alert and e.alert.values) for e in events] == RECORDED[name]
    for event, posted in zip(events, given["alerts"], strict=True):
        assert event.source == f"alert/{posted['fingerprint']}"
        assert event.name == posted["labels"]["alertname"]
        assert event.reason == posted["annotations"].get("summary", "")
        assert event.alert is not None
        assert event.alert.labels == posted["labels"]
        assert event.alert.annotations == posted["annotations"]
        assert event.alert.received_at.timestamp() == NOW


def test_the_message_says_who_sent_it_when_and_by_which_request(queue: Queue) -> None:
    door(queue, now=NOW + 0.25).answer(post("alertmanager", payload("alertmanager", "firing")))
    (document,) = queue.documents()
    (alert,) = document.pop("alerts")
    assert document == {
        "bellhop": "alerts",
        "sender": "alertmanager",
        "received_at": NOW + 0.25,
        "correlation": "req-1",
    }
    assert alert == {
        "fingerprint": "8f78c9e05158455b",
        "status": "firing",
        "starts_at": "2026-11-20T07:59:50.827Z",
        "labels": {
            "alertname": "QueueDeep",
            "deployment": "worker",
            "namespace": "prod",
            "severity": "scale",
        },
        "annotations": {
            "scale_target": "apps/v1/Deployment/prod/worker",
            "target": "10",
            "value": "42.5",
        },
        "values": {},
    }


def test_a_repeat_is_the_same_bytes_and_another_event(queue: Queue) -> None:
    event = post("alertmanager", payload("alertmanager", "firing"))
    door(queue, now=NOW).answer(event)
    door(queue, now=NOW + 9).answer(event)
    first, again = (alert_events.parse(document)[0] for document in queue.documents())
    assert (first.source, first.at, first.state) == (again.source, again.at, again.state)
    assert first.id != again.id


@pytest.mark.parametrize("sender", SENDERS)
def test_a_group_of_none_is_200_and_nothing_is_sent(sender: str, queue: Queue) -> None:
    response = door(queue).answer(post(sender, payload(sender, "firing") | {"alerts": []}))
    assert (response["statusCode"], queue.sent) == (200, [])


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE", ""])
def test_only_post_is_known(sender: str, method: str, queue: Queue) -> None:
    response = door(queue).answer(post(sender, payload(sender, "firing"), method=method))
    assert (response["statusCode"], queue.sent) == (405, [])


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize(
    "header",
    [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN} ", basic(), basic().replace("Basic", "BASIC")],
)
def test_the_token_opens_as_a_bearer_token_and_as_a_password(sender: str, header: str, queue: Queue) -> None:
    event = post(sender, payload(sender, "firing"), {"authorization": header})
    assert (door(queue).answer(event)["statusCode"], len(queue.sent)) == (200, 1)


REFUSED = {
    "none": {},
    "empty": {"authorization": ""},
    "scheme only": {"authorization": "Bearer"},
    "scheme and space": {"authorization": "Bearer "},
    "token only": {"authorization": TOKEN},
    "another scheme": {"authorization": f"Token {TOKEN}"},
    "another token": {"authorization": "Bearer " + "0" * 64},
    "a part of it": {"authorization": f"Bearer {TOKEN[:-1]}"},
    "and more": {"authorization": f"Bearer {TOKEN}0"},
    "in capitals": {"authorization": f"Bearer {TOKEN.upper()}"},
    "given twice": {"authorization": f"Bearer {TOKEN},Bearer {TOKEN}"},
    "not ASCII": {"authorization": "Bearer é"},
    "half a character": {"authorization": "Bearer \ud800"},
    "digits of another script": {"authorization": "Bearer ١٥٣"},
    "basic, another user": {"authorization": basic("admin")},
    "basic, no user": {"authorization": basic("")},
    "basic, another password": {"authorization": basic(password="x")},
    "basic, no password": {"authorization": basic(password="")},
    "basic, not UTF-8": {"authorization": "Basic " + base64.b64encode(b"bellhop:\xff").decode()},
    "basic, no colon": {"authorization": "Basic " + base64.b64encode(TOKEN.encode()).decode()},
    "basic, not base64": {"authorization": "Basic %%%"},
    "basic, cut": {"authorization": basic()[:-3]},
    "basic, not ASCII": {"authorization": "Basic é"},
    "basic, plain": {"authorization": f"Basic bellhop:{TOKEN}"},
    "in another header": {"x-authorization": f"Bearer {TOKEN}"},
}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("case", REFUSED)
def test_without_the_token_it_is_a_401_and_goes_nowhere(sender: str, case: str, queue: Queue) -> None:
    response = door(queue).answer(post(sender, payload(sender, "firing"), REFUSED[case]))
    assert (response["statusCode"], queue.sent) == (401, [])
    assert reason(response)


@pytest.mark.parametrize("sender", SENDERS)
def test_who_may_not_does_not_learn_what_is_wrong_with_the_body(sender: str, queue: Queue) -> None:
    assert door(queue).answer(post(sender, b"{", {}))["statusCode"] == 401


@pytest.mark.parametrize("secret", ["", "\n"])
def test_an_empty_secret_lets_nobody_in(secret: str, queue: Queue) -> None:
    opened = door(queue, accepts=knows(secret.rstrip("\n")))
    body = json.dumps(payload("grafana", "firing")).encode()
    for headers in (
        {"authorization": "Bearer "},
        {"authorization": basic(password="")},
        signed(body, secret=""),
    ):
        assert opened.answer(post("grafana", body, headers))["statusCode"] == 401


def test_nothing_is_looked_up_for_a_request_that_cannot_be_good(queue: Queue) -> None:
    def accepts(_: Callable[[str], bool]) -> bool:
        raise AssertionError("a secret was fetched")

    for headers in (
        {},
        {"authorization": "Bearer é"},
        {"authorization": "Basic %"},
        {"x-grafana-alerting-signature": "é"},
        signed(b"{}", timestamp="1"),
    ):
        assert door(queue, accepts=accepts).answer(post("grafana", b"{}", headers))["statusCode"] == 401


@pytest.mark.parametrize("sender", SENDERS)
def test_the_token_labelled_previous_opens_beside_the_new_one(sender: str, queue: Queue) -> None:
    values = {"t": "new", "t:previous": "old"}
    parameters = Parameters(values.get, lambda: 0.0)
    opened = door(queue, accepts=lambda test: parameters.accepts("t", test))
    body = json.dumps(payload(sender, "firing")).encode()
    for token, status in (("new", 200), ("old", 200), ("older", 401)):
        for header in (f"Bearer {token}", basic(password=token)):
            assert opened.answer(post(sender, body, {"authorization": header}))["statusCode"] == status
    if sender == "grafana":
        assert opened.answer(post(sender, body, signed(body, secret="old")))["statusCode"] == 200


@pytest.mark.parametrize("error", [UnavailableError("no answer"), ConfigError("parameter /x does not exist")])
def test_without_any_secret_it_is_a_503_and_not_an_open_door(error: Exception, queue: Queue) -> None:
    def accepts(_: Callable[[str], bool]) -> bool:
        raise error

    response = door(queue, accepts=accepts).answer(post("grafana", payload("grafana", "firing")))
    assert (response["statusCode"], queue.sent) == (503, [])
    assert "/x" not in response["body"]


# ------------------------------------------------------------------ Grafana's signature

BODY = json.dumps(payload("grafana", "firing")).encode()


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [  # made with: printf TEXT | openssl dgst -sha256 -hmac key
        (None, "6afa9046a9579cad143a384c1b564b9a250d27d6f6a63f9f20bf3a7594c9e2c6"),  # text
        ("1795161600", "43b53ccea6eecfa8bc172a16d795b78da6e25da6793fa0893f75d58ed6365ee5"),  # 1795161600:text
    ],
)
def test_the_signature_is_of_the_body_or_of_the_time_a_colon_and_the_body(
    timestamp: str | None, signature: str
) -> None:
    made = signed(b"text", secret="key", timestamp=timestamp)
    assert made["x-grafana-alerting-signature"] == signature


@pytest.mark.parametrize("name", ["x-grafana-alerting-signature", "x-grafana-alert-signature"])
@pytest.mark.parametrize("timestamp", [None, str(NOW), str(NOW - 300), str(NOW + 300)])
def test_a_signature_opens_alone(name: str, timestamp: str | None, queue: Queue) -> None:
    headers = signed(BODY, timestamp=timestamp)
    headers[name] = headers.pop("x-grafana-alerting-signature")
    assert door(queue).answer(post("grafana", BODY, headers))["statusCode"] == 200
    assert len(queue.sent) == 1


GOOD = signed(BODY)
STAMPED = signed(BODY, timestamp=str(NOW))
FORGED = {
    "empty": {"x-grafana-alerting-signature": ""},
    "zeros": {"x-grafana-alerting-signature": "0" * 64},
    "not ASCII": {"x-grafana-alerting-signature": "é" * 64},
    "half a character": {"x-grafana-alerting-signature": "\ud800"},
    "capitals": {name: value.upper() for name, value in GOOD.items()},
    "with a prefix": {name: f"sha256={value}" for name, value in GOOD.items()},
    "cut": {name: value[:-1] for name, value in GOOD.items()},
    "of another body": signed(BODY + b" "),
    "by another secret": signed(BODY, secret="x"),
    "one good, one bad": GOOD | {"x-grafana-alert-signature": "0" * 64},
    "a timestamp that was not signed": GOOD | {"x-grafana-alerting-timestamp": str(NOW)},
    "the signed timestamp left out": {k: v for k, v in STAMPED.items() if "timestamp" not in k},
    "another timestamp": STAMPED | {"x-grafana-alerting-timestamp": str(NOW + 1)},
    "301 s old": signed(BODY, timestamp=str(NOW - 301)),
    "301 s ahead": signed(BODY, timestamp=str(NOW + 301)),
    "in milliseconds": signed(BODY, timestamp=str(NOW * 1000)),
    "timestamp empty": signed(BODY, timestamp=""),
    "timestamp not a number": signed(BODY, timestamp="now"),
    "timestamp huge": signed(BODY, timestamp="9" * 10_000),
    "timestamp negative": signed(BODY, timestamp=f"-{NOW}"),
    "timestamp in other digits": signed(BODY, timestamp="١٧٩٥١٦١٦٠٠"),
    "timestamp half a character": GOOD | {"x-grafana-alerting-timestamp": "\ud800"},
}


@pytest.mark.parametrize("case", FORGED)
@pytest.mark.parametrize("beside", [{}, {"authorization": f"Bearer {TOKEN}"}], ids=["alone", "with token"])
def test_a_wrong_signature_is_a_401_whatever_else_is_right(
    case: str, beside: dict[str, str], queue: Queue
) -> None:
    response = door(queue).answer(post("grafana", BODY, FORGED[case] | beside))
    assert (response["statusCode"], queue.sent) == (401, [])
    assert reason(response)


def test_a_replayed_request_is_refused_after_five_minutes(queue: Queue) -> None:
    event = post("grafana", BODY, STAMPED)
    statuses = [door(queue, now=NOW + late).answer(event)["statusCode"] for late in (0, 300, 300.5)]
    assert statuses == [200, 200, 401]


def test_what_was_signed_with_its_time_is_not_good_as_a_body(queue: Queue) -> None:
    headers = {"x-grafana-alerting-signature": STAMPED["x-grafana-alerting-signature"]}
    response = door(queue).answer(post("grafana", f"{NOW}:".encode() + BODY, headers))
    assert (response["statusCode"], queue.sent) == (400, [])


def test_alertmanager_signs_nothing_so_a_signature_does_not_open_its_door(queue: Queue) -> None:
    body = json.dumps(payload("alertmanager", "firing")).encode()
    assert door(queue).answer(post("alertmanager", body, signed(body)))["statusCode"] == 401


# ------------------------------------------------------------------ what is not a group


def changed(sender: str, **fields: Any) -> dict[str, Any]:
    """The sender's firing group with one more alert, in which some fields are others."""
    group = payload(sender, "firing")
    return group | {"alerts": [*group["alerts"], group["alerts"][0] | fields]}


def without(sender: str, name: str) -> dict[str, Any]:
    group = payload(sender, "firing")
    return group | {"alerts": [{k: v for k, v in group["alerts"][0].items() if k != name}]}


#: A change, and what the reason must begin with.
MALFORMED: dict[str, tuple[Callable[[str], Any], str]] = {
    "empty": (lambda _: b"", "the body"),
    "cut": (lambda sender: json.dumps(payload(sender, "firing")).encode()[:-1], "the body"),
    "a form": (lambda _: b"status=firing", "the body"),
    "not UTF-8": (lambda _: b'{"version": "\xff"}', "the body"),
    "UTF-16": (lambda sender: json.dumps(payload(sender, "firing")).encode("utf-16"), "the body"),
    "a byte order mark": (lambda _: b"\xef\xbb\xbf{}", "the body"),
    "endless": (lambda _: b"[" * 500_000, "the body"),
    "an endless number": (lambda _: b"1" * 5000, "the body"),
    "a list": (lambda _: b"[]", "the body"),
    "NaN": (lambda _: b"NaN", "the body"),
    "null": (lambda _: b"null", "the body"),
    "no version": (lambda _: {"alerts": []}, "version"),
    "another version": (lambda sender: payload(sender, "firing") | {"version": "3"}, "version"),
    "the version a number": (lambda sender: payload(sender, "firing") | {"version": 4}, "version"),
    "no alerts": (lambda sender: {"version": payload(sender, "firing")["version"]}, "alerts is"),
    "alerts null": (lambda sender: payload(sender, "firing") | {"alerts": None}, "alerts is"),
    "alerts an object": (lambda sender: payload(sender, "firing") | {"alerts": {}}, "alerts is"),
    "an alert null": (lambda sender: payload(sender, "firing") | {"alerts": [None]}, "alerts[0] is"),
    "no fingerprint": (lambda sender: without(sender, "fingerprint"), "alerts[0].fingerprint"),
    "no status": (lambda sender: without(sender, "status"), "alerts[0].status"),
    "no startsAt": (lambda sender: without(sender, "startsAt"), "alerts[0].startsAt"),
    "no labels": (lambda sender: without(sender, "labels"), "alerts[0].labels"),
    "fingerprint empty": (lambda sender: changed(sender, fingerprint=""), "alerts[1].fingerprint"),
    "fingerprint a path": (lambda sender: changed(sender, fingerprint="../x"), "alerts[1].fingerprint"),
    "fingerprint a number": (lambda sender: changed(sender, fingerprint=1), "alerts[1].fingerprint"),
    "another status": (lambda sender: changed(sender, status="pending"), "alerts[1].status"),
    "status a list": (lambda sender: changed(sender, status=[]), "alerts[1].status"),
    "the zero time": (lambda sender: changed(sender, startsAt="0001-01-01T00:00:00Z"), "alerts[1].startsAt"),
    "no zone": (lambda sender: changed(sender, startsAt="2026-11-20T08:00:00"), "alerts[1].startsAt"),
    "a number": (lambda sender: changed(sender, startsAt=NOW), "alerts[1].startsAt"),
    "labels a list": (lambda sender: changed(sender, labels=["a"]), "alerts[1].labels"),
    "a label NaN": (lambda sender: changed(sender, labels={"a": float("nan")}), "alerts[1].labels"),
    "a label null": (lambda sender: changed(sender, labels={"a": None}), "alerts[1].labels"),
    "half a character": (lambda sender: changed(sender, labels={"a": "\ud800"}), "alerts[1].labels"),
    "a name too long": (lambda sender: changed(sender, labels={"alertname": "x" * 256}), "alerts[1].labels"),
    "annotations text": (lambda sender: changed(sender, annotations="a"), "alerts[1].annotations"),
    "an annotation a number": (lambda sender: changed(sender, annotations={"a": 1}), "alerts[1].annotations"),
}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_group_is_a_400_that_names_the_field_and_none_of_it_is_taken(
    sender: str, case: str, queue: Queue
) -> None:
    make, begins = MALFORMED[case]
    response = door(queue).answer(post(sender, make(sender)))
    assert (response["statusCode"], queue.sent) == (400, [])
    assert reason(response).startswith(begins)


def test_each_sender_has_its_own_door(queue: Queue) -> None:
    for sender, other in (SENDERS, SENDERS[::-1]):
        response = door(queue).answer(post(sender, payload(other, "firing")))
        assert (response["statusCode"], queue.sent) == (400, [])
        assert "version" in reason(response)


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("annotations", [None, {}])
def test_annotations_are_optional(sender: str, annotations: dict[str, str] | None, queue: Queue) -> None:
    door(queue).answer(post(sender, changed(sender, annotations=annotations)))
    assert queue.alerts()[1]["annotations"] == {}


# ------------------------------------------------------------------ Grafana's values


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"B": 44.2, "C": 1}, {"B": 44.2, "C": 1.0}),
        ({"B": None, "C": "+Inf", "D": "NaN", "E": "7", "F": -0.5}, {"F": -0.5}),
        ({"B": float("nan"), "C": float("inf"), "D": 10**400, "E": 1e308}, {"E": 1e308}),
        ({"B": True, "C": [1], "D": {}, "E": 0}, {"E": 0.0}),
        ({"\ud800": 1, "": 2}, {"": 2.0}),
        ({}, {}),
        ([1], {}),
        ("B=1", {}),
    ],
)
def test_only_finite_numbers_are_kept(values: Any, kept: dict[str, float], queue: Queue) -> None:
    response = door(queue).answer(post("grafana", changed("grafana", values=values)))
    assert response["statusCode"] == 200
    assert queue.alerts()[1]["values"] == kept
    assert alert_events.parse(queue.documents()[0])


NO_VALUES: list[Any] = [
    *("", "value=1", "[ var='A", "[ var='A'", "[ var='A' value=1 ]", "[ no value ]"),
    *(None, 7, [], {"A": 1}),
]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[ var='B' labels={host=a} value=44.2 ], [ var='C' labels={} value=1 ]", {"B": 44.2, "C": 1.0}),
        ("[ var='A' labels={} value=-2.47e+09 ]", {"A": -2.47e09}),
        ("[ var='A0' metric='up' labels={a=b} value=0 ]", {"A0": 0.0}),
        ("[ var='A' labels={} value=null ], [ var='B' labels={} value=NaN ]", {}),
        ("[ var='A' labels={} value=+Inf ], [ var='B' labels={} value=3 ]", {"B": 3.0}),
        ("[ var='A' labels={q=x} value=9 ], y} value=44.2 ]", {"A": 44.2}),
        ("[ var='A' labels={q=it's, r=var='Z'} value=5 ]", {"A": 5.0}),
        ("[ var='A' labels={} value=1 ], [ var='A' labels={} value=2 ]", {"A": 1.0}),
        ("[ var='A' labels={} value=" + "9" * 5000 + " ]", {}),
        *((text, {}) for text in NO_VALUES),
    ],
)
def test_an_older_grafana_says_its_values_as_text(text: Any, values: dict[str, float], queue: Queue) -> None:
    door(queue).answer(post("grafana", changed("grafana", values=None, valueString=text)))
    assert queue.alerts()[1]["values"] == values


def test_the_text_is_not_read_where_there_are_values(queue: Queue) -> None:
    text = "[ var='B' labels={} value=2 ]"
    door(queue).answer(post("grafana", changed("grafana", values={}, valueString=text)))
    assert queue.alerts()[1]["values"] == {}


@given(st.text(alphabet="[] var='=B{}value01.e+,", max_size=200) | st.text())
@example("[ var='" * 100)
def test_no_text_makes_the_reading_of_values_raise(text: str) -> None:
    body = json.dumps(changed("grafana", values=None, valueString=text)).encode()
    _, alert = grafana.alerts(body)
    assert all(isinstance(value, float) for value in alert["values"].values())


# ------------------------------------------------------------------ how much


def many(sender: str, count: int, note: str) -> dict[str, Any]:
    group = payload(sender, "firing")
    alert = group["alerts"][0] | {"annotations": {"note": note}}
    return group | {"alerts": [alert | {"fingerprint": f"{i:x}"} for i in range(count)]}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("note", ["x" * 2000, "é" * 900, "\x01" * 300, '"\\' * 400, "\U0001f514" * 400])
def test_a_large_group_is_split_in_order_into_messages_that_fit(sender: str, note: str, queue: Queue) -> None:
    body = json.dumps(many(sender, 300, note), ensure_ascii=False).encode()
    assert len(body) < LARGEST_BODY
    assert door(queue).answer(post(sender, body))["statusCode"] == 200
    assert len(queue.sent) > 1
    assert all(sent.isascii() and len(sent) <= LARGEST_MESSAGE < 256 * 1024 for sent in queue.sent)
    assert [alert["fingerprint"] for alert in queue.alerts()] == [f"{i:x}" for i in range(300)]
    heads = [{k: v for k, v in document.items() if k != "alerts"} for document in queue.documents()]
    assert all(head == heads[0] for head in heads)


def test_a_message_is_filled_to_the_last_byte_and_no_further(queue: Queue) -> None:
    def sent(size: int) -> int:
        queue.sent.clear()
        status = door(queue).answer(post("grafana", many("grafana", 1, "x" * size)))["statusCode"]
        assert status == (200 if queue.sent else 413)
        return len(queue.sent[0]) if queue.sent else 0

    spare = LARGEST_MESSAGE - sent(1)
    assert LARGEST_MESSAGE - 2 <= sent(1 + spare - 2) <= LARGEST_MESSAGE
    assert sent(1 + spare + 1) == 0


@pytest.mark.parametrize("sender", SENDERS)
def test_an_alert_that_no_message_can_hold_is_a_413_and_the_group_goes_nowhere(
    sender: str, queue: Queue
) -> None:
    group = payload(sender, "firing")
    vast = group["alerts"][0] | {"annotations": {"note": "x" * 300_000}}
    response = door(queue).answer(post(sender, group | {"alerts": [*group["alerts"], vast]}))
    assert (response["statusCode"], queue.sent) == (413, [])
    assert reason(response).startswith("alerts[1] ")


@pytest.mark.parametrize("sender", SENDERS)
def test_a_body_over_the_limit_is_a_413_before_anything_else(sender: str, queue: Queue) -> None:
    body = json.dumps(payload(sender, "firing")).encode()
    at_the_limit = body + b" " * (LARGEST_BODY - len(body))
    assert door(queue).answer(post(sender, at_the_limit))["statusCode"] == 200
    for event in (post(sender, at_the_limit + b" "), post(sender, at_the_limit + b" ", {})):
        assert door(queue).answer(event)["statusCode"] == 413
    assert len(queue.sent) == 1


def test_plain_text_and_base64_are_the_same_group(queue: Queue) -> None:
    group = changed("grafana", annotations={"summary": "größer als 250 ms"})
    event = post("grafana", json.dumps(group, ensure_ascii=False).encode())
    plain = event | {"body": base64.b64decode(event["body"]).decode(), "isBase64Encoded": False}
    assert [door(queue).answer(each)["statusCode"] for each in (event, plain)] == [200, 200]
    assert queue.sent[0] == queue.sent[1]


# ------------------------------------------------------------------ when the queue is down


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize(
    "error", [UnavailableError("AlarmsQueue: 500"), AwsError("AccessDenied", "arn:aws:sqs:secret")]
)
def test_when_the_queue_is_down_it_is_a_503_that_tells_nothing(sender: str, error: Exception) -> None:
    def down(_: str) -> None:
        raise error

    response = door(down).answer(post(sender, payload(sender, "firing")))
    assert (response["statusCode"], reason(response)) == (503, "try again in a moment")


def test_when_a_later_message_is_not_taken_the_sender_is_told_to_send_all_again() -> None:
    queue, event = Queue(2), post("alertmanager", many("alertmanager", 300, "x" * 2000))
    assert door(queue).answer(event)["statusCode"] == 503
    assert len(queue.sent) == 2
    queue.refuses = ()
    assert door(queue, now=NOW + 1).answer(event)["statusCode"] == 200
    assert {alert["fingerprint"] for alert in queue.alerts()} == {f"{i:x}" for i in range(300)}


# ------------------------------------------------------------------ whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ALERT_FIELDS = sorted(payload("grafana", "firing")["alerts"][0])


def answered(sender: str, body: bytes) -> None:
    """The answer is 200 and everything is in the queue and readable there, or a 400 and nothing is."""
    queue = Queue()
    response = door(queue).answer(post(sender, body))
    if response["statusCode"] == 200:
        count = len(json.loads(body)["alerts"])
        assert sum(len(alert_events.parse(document)) for document in queue.documents()) == count
    else:
        assert (response["statusCode"], queue.sent) == (400, [])


@settings(max_examples=200)
@given(st.sampled_from(SENDERS), JSON)
def test_no_json_document_makes_the_door_raise_or_answer_5xx(sender: str, document: Any) -> None:
    answered(sender, json.dumps(document).encode())


@settings(max_examples=200)
@given(st.sampled_from(SENDERS), st.dictionaries(st.sampled_from(ALERT_FIELDS), JSON, max_size=3))
def test_nor_does_one_that_is_nearly_right(sender: str, fields: dict[str, Any]) -> None:
    answered(sender, json.dumps(changed(sender, **fields)).encode())


@given(st.sampled_from(SENDERS), st.binary())
def test_nor_do_any_bytes(sender: str, body: bytes) -> None:
    answered(sender, body)


@given(
    st.sampled_from(SENDERS),
    st.dictionaries(
        st.sampled_from(
            [
                "authorization",
                "x-grafana-alerting-signature",
                "x-grafana-alert-signature",
                "x-grafana-alerting-timestamp",
            ]
        ),
        st.text() | st.builds("Basic {}".format, st.text()) | st.builds("Bearer {}".format, st.text()),
    ),
)
def test_no_headers_make_it_raise_or_open(sender: str, headers: dict[str, str]) -> None:
    queue = Queue()
    assert door(queue).answer(post(sender, b"{}", headers))["statusCode"] == 401


# ------------------------------------------------------------------ what is told


def test_no_log_record_carries_a_header_or_the_body(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hunted = changed("grafana", annotations={"summary": "hunter2"})
    body = json.dumps(hunted).encode()
    bad = json.dumps(changed("grafana", labels={"a": 1, "b": "hunter2"}, fingerprint="hunter2/")).encode()
    wrong = {"authorization": "Bearer hunter2"}
    for raw, headers in (
        (body, None),
        (body, signed(body)),
        (bad, None),
        (body, wrong),
        (body, signed(body, secret="no")),
        (body, {"authorization": basic(password="hunter2")}),
    ):
        door(queue).answer(post("grafana", raw, headers))
    told = repr([vars(record) for record in caplog.records])
    messages = [record.message for record in caplog.records]
    assert messages == ["alerts.accepted"] * 2 + ["request.refused"] * 4
    secrets = (TOKEN, "hunter2", basic(), *signed(body).values(), *signed(body, secret="no").values())
    assert not [secret for secret in secrets if secret in told]


def test_what_was_accepted_is_counted(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    door(queue).answer(post("alertmanager", payload("alertmanager", "mixed")))
    (record,) = [vars(record) for record in caplog.records if record.message == "alerts.accepted"]
    found = {name: record[name] for name in ("sender", "alerts", "firing", "messages", "correlation")}
    assert found == {
        "sender": "alertmanager",
        "alerts": 3,
        "firing": 2,
        "messages": 1,
        "correlation": "req-1",
    }
