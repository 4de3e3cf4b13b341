"""Messenger at the door: the proof of the address, signed batches, and what of them are commands."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellhop.chat.envelope import Envelope
from bellhop.errors import ConfigError, UnavailableError
from bellhop.parameters import Parameters
from commands_queue import LARGEST_BATCH, CommandsQueue, group
from messenger_events import LONGEST_TEXT
from messenger_intake import LARGEST_BODY
from tests.unit.chat_world import http_event
from tests.unit.door_world import Commands, door, knows, reason

EVENTS = Path(__file__).parents[2] / "events/messenger"
APP_SECRET, VERIFY_TOKEN = "0123456789abcdef0123456789abcdef", "a-token-made-up"
PAGE, PERSON = "104059878111111", "7182940158239999"
NOW = 1795161600


@pytest.fixture
def commands() -> Commands:
    return Commands()


def opened(commands: Any = None, **options: Any) -> Any:
    return door(**{"accepts": knows(APP_SECRET), "commands": commands, "now": NOW} | options)


def signature(body: bytes, secret: str = APP_SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(body: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
    given = {"x-hub-signature-256": signature(body)} if headers is None else headers
    return http_event(body, given, path="/messenger")


def posted(document: object) -> dict[str, Any]:
    return post(json.dumps(document).encode())


def payload(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")))


def batch(*events: Any) -> dict[str, Any]:
    return {"object": "page", "entry": [{"id": PAGE, "time": 1, "messaging": list(events)}]}


def message(**fields: Any) -> dict[str, Any]:
    return event(message={"mid": "m_1", "text": "status"} | fields)


def event(**fields: Any) -> dict[str, Any]:
    given = {"sender": {"id": PERSON}, "recipient": {"id": PAGE}, "timestamp": 1795161599123} | fields
    return {name: value for name, value in given.items() if value is not None}


#: Of each file the status, and the texts that go on.
RECORDED: dict[str, tuple[int, list[str]]] = {
    "text": (200, ["status web -n shop"]),
    "quick-reply": (200, ["more 1a2b"]),
    "postback": (200, ["help"]),
    "postback-without-mid": (200, ["help"]),
    "batch": (200, ["status", "größer? 🔔", "history"]),
    "echo": (200, []),
    "delivery": (200, []),
    "read": (200, []),
    "attachment": (200, []),
    "changes": (200, []),
    "instagram": (404, []),
}


def test_every_recorded_payload_has_its_outcome_here() -> None:
    assert {file.stem for file in EVENTS.iterdir()} == RECORDED.keys()


@pytest.mark.parametrize("name", RECORDED)
def test_what_messenger_posts_is_answered_and_what_was_typed_goes_on(name: str, commands: Commands) -> None:
    response = opened(commands).answer(post((EVENTS / f"{name}.json").read_bytes()))
    assert (response["statusCode"], [envelope.text for envelope in commands.read()]) == RECORDED[name]


def test_a_message_becomes_the_envelope_that_the_worker_reads(commands: Commands) -> None:
    opened(commands).answer(posted(payload("text")))
    [found] = commands.read()
    mid = payload("text")["entry"][0]["messaging"][0]["message"]["mid"]
    assert found == Envelope(
        id=hashlib.sha256(f"messenger\n{mid}".encode()).hexdigest(),
        platform="messenger",
        workspace=PAGE,
        user=PERSON,
        channel=PERSON,
        text="status web -n shop",
        received_at=NOW,
        correlation="req-1",
    )


def test_each_page_and_person_of_a_batch_is_its_own(commands: Commands) -> None:
    opened(commands).answer(posted(payload("batch")))
    assert [envelope.caller for envelope in commands.read()] == [
        f"messenger:{PAGE}/{PERSON}",
        f"messenger:{PAGE}/{PERSON}",
        "messenger:104059878122222/7182940158230000",
    ]
    assert len({envelope.id for envelope in commands.read()}) == 3
    first, second, other = map(group, commands.sent)
    assert first == second != other


@pytest.mark.parametrize("name", ["text", "quick-reply", "postback", "postback-without-mid"])
def test_what_is_delivered_again_has_the_same_id(name: str, commands: Commands) -> None:
    given = payload(name)
    opened(commands).answer(posted(given))
    opened(commands, now=NOW + 36 * 3600).answer(posted(given | {"unknown": "field"}))
    first, again = commands.read()
    assert first.id == again.id


@pytest.mark.parametrize(
    "other",
    [
        event(postback={"payload": "help"}, timestamp=1795161599126),
        event(postback={"payload": "status"}),
        event(postback={"payload": "help"}, sender={"id": "2"}),
        event(postback={"payload": "help", "mid": "m_1"}),
        message(text="help"),
    ],
)
def test_another_press_is_another_command(other: dict[str, Any], commands: Commands) -> None:
    opened(commands).answer(posted(batch(event(postback={"payload": "help"}), other)))
    assert len({envelope.id for envelope in commands.read()}) == 2


@pytest.mark.parametrize(
    "dropped",
    [
        message(is_echo=True),
        message(text=None),
        message(text=""),
        message(text="x" * (LONGEST_TEXT + 1)),
        message(text=None, attachments=[{"type": "image"}]),
        event(),
        event(reaction={"mid": "m_1", "action": "react"}),
        event(postback={"title": "no payload", "mid": "m_1"}),
        event(message=None),
        event(message={}),
        {},
        {"optin": {"type": "one_time_notif_req"}},
    ],
)
def test_what_nobody_typed_is_acknowledged_and_dropped(dropped: dict[str, Any], commands: Commands) -> None:
    assert opened(commands).answer(posted(batch(dropped))) == {"statusCode": 200, "body": ""}
    assert commands.sent == []


def test_a_batch_without_entries_is_acknowledged(commands: Commands) -> None:
    for document in ({"object": "page"}, {"object": "page", "entry": []}, {"object": "page", "entry": [{}]}):
        assert opened(commands).answer(posted(document))["statusCode"] == 200
    assert commands.sent == []


MALFORMED: dict[str, Any] = {
    "a list": [],
    "null": None,
    "entry an object": {"object": "page", "entry": {}},
    "an entry null": {"object": "page", "entry": [None]},
    "messaging text": {"object": "page", "entry": [{"messaging": "x"}]},
    "message a list": batch(event(message=[])),
    "text a number": batch(message(text=5)),
    "text half a character": batch(message(text="\ud800")),
    "no mid": batch(message(mid=None)),
    "mid an object": batch(message(mid={})),
    "quick_reply text": batch(message(quick_reply="x")),
    "no sender": batch(message() | {"sender": None}),
    "sender without id": batch(message() | {"sender": {}}),
    "sender's id a number": batch(message() | {"sender": {"id": 5}}),
    "payload a list": batch(event(postback={"payload": []})),
    "postback without mid and timestamp": batch(event(postback={"payload": "x"}, timestamp=None)),
    "the last of three": batch(message(), message(), message(mid=5)),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_batch_is_a_400_and_none_of_it_is_taken(case: str, commands: Commands) -> None:
    response = opened(commands).answer(posted(MALFORMED[case]))
    assert (response["statusCode"], commands.sent) == (400, [])
    assert reason(response)


@pytest.mark.parametrize("object_", ["instagram", "whatsapp_business_account", None, 5, ["page"]])
def test_only_pages_are_served(object_: Any, commands: Commands) -> None:
    response = opened(commands).answer(posted(batch(message()) | {"object": object_}))
    assert (response["statusCode"], commands.sent) == (404, [])


# ------------------------------------------------------------------ who may

BODY = (EVENTS / "text.json").read_bytes()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": signature(BODY).removeprefix("sha256=")},
        {"x-hub-signature-256": signature(BODY).replace("sha256", "sha1")},
        {"x-hub-signature-256": signature(BODY).upper()},
        {"x-hub-signature-256": signature(BODY)[:-1]},
        {"x-hub-signature-256": signature(BODY) + "0"},
        {"x-hub-signature-256": "sha256=é"},
        {"x-hub-signature-256": "sha256=\ud800"},
        {"x-hub-signature-256": "sha256=" + "0" * 64},
        {"x-hub-signature-256": signature(BODY + b" ")},
        {"x-hub-signature-256": signature(BODY, "another")},
        {"x-hub-signature": signature(BODY)},
    ],
)
def test_what_meta_did_not_sign_is_a_401(headers: dict[str, str], commands: Commands) -> None:
    response = opened(commands).answer(post(BODY, headers))
    assert (response["statusCode"], commands.sent) == (401, [])


def test_the_signature_is_of_the_raw_bytes(commands: Commands) -> None:
    # Made with: printf '{"object":"page"}' | openssl dgst -sha256 -hmac key
    made = "sha256=60f43aae4497b056b4124382b3bda1a099cbd84288e73927099472c6cfbeb50c"
    assert signature(b'{"object":"page"}', "key") == made
    escaped = json.dumps(payload("batch")).encode()
    literal = json.dumps(payload("batch"), ensure_ascii=False).encode()
    assert escaped != literal
    assert (
        opened(commands).answer(post(literal, {"x-hub-signature-256": signature(escaped)}))["statusCode"]
        == 401
    )


def test_an_empty_secret_lets_nobody_in(commands: Commands) -> None:
    given = post(BODY, {"x-hub-signature-256": signature(BODY, "")})
    assert opened(commands, accepts=knows("")).answer(given)["statusCode"] == 401


def test_the_secret_labelled_previous_opens_beside_the_new_one(commands: Commands) -> None:
    parameters = Parameters({"s": "new", "s:previous": "old"}.get, lambda: 0.0)
    both = opened(commands, accepts=lambda test: parameters.accepts("s", test))
    for secret, status in (("new", 200), ("old", 200), ("older", 401)):
        headers = {"x-hub-signature-256": signature(BODY, secret)}
        assert both.answer(post(BODY, headers))["statusCode"] == status


def test_without_any_secret_it_is_a_503_and_not_an_open_door(commands: Commands) -> None:
    def accepts(_: object) -> bool:
        raise ConfigError("parameter /x does not exist")

    response = opened(commands, accepts=accepts).answer(post(BODY))
    assert (response["statusCode"], commands.sent) == (503, [])
    assert "/x" not in response["body"]


# ------------------------------------------------------------------ the proof of the address


def verification(**fields: str) -> dict[str, Any]:
    given = {"mode": "subscribe", "verify_token": VERIFY_TOKEN, "challenge": "1158201444"} | fields
    query = urlencode({f"hub.{name}": value for name, value in given.items()})
    return http_event(b"", {}, method="GET", path="/messenger", query=query)


def asked(**fields: str) -> dict[str, Any]:
    return dict(opened(accepts=knows(VERIFY_TOKEN)).answer(verification(**fields)))


def test_the_challenge_is_echoed_as_plain_text_for_the_right_token() -> None:
    response = asked()
    assert (response["statusCode"], response["body"]) == (200, "1158201444")
    assert response["headers"]["content-type"] == "text/plain"
    assert response["headers"]["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "unsubscribe"},
        {"mode": ""},
        {"verify_token": ""},
        {"verify_token": "another"},
        {"verify_token": VERIFY_TOKEN.upper()},
        {"verify_token": "é"},
    ],
)
def test_without_the_token_it_is_a_403(fields: dict[str, str]) -> None:
    response = asked(**fields)
    assert response["statusCode"] == 403
    assert "1158201444" not in response["body"]


def test_a_bare_get_is_a_403_and_an_empty_token_opens_nothing() -> None:
    bare = http_event(b"", {}, method="GET", path="/messenger")
    assert opened(accepts=knows("")).answer(bare)["statusCode"] == 403
    assert opened(accepts=knows("")).answer(verification(verify_token=""))["statusCode"] == 403


@pytest.mark.parametrize("challenge", ["", "x" * 201, "<script>", "a b", "é", "1\n2", "1\n", "١٢"])
def test_a_challenge_that_could_be_anything_is_not_echoed(challenge: str) -> None:
    response = asked(challenge=challenge)
    assert response["statusCode"] == 400
    assert challenge not in response["body"] or not challenge


@pytest.mark.parametrize("method", ["PUT", "HEAD", "DELETE", ""])
def test_only_get_and_post_are_known(method: str) -> None:
    response = opened().answer(http_event(b"", {}, method=method, path="/messenger"))
    assert (response["statusCode"], reason(response)) == (405, "only GET and POST")


@given(st.text(), st.text(), st.text())
def test_no_query_makes_it_raise_or_open(mode: str, token: str, challenge: str) -> None:
    given = verification(mode=mode, verify_token=token, challenge=challenge)
    assert opened(accepts=knows(VERIFY_TOKEN)).answer(given)["statusCode"] in {400, 403}
    raw = given | {"rawQueryString": f"hub.mode=subscribe&hub.verify_token={token}"}
    assert opened(accepts=knows(VERIFY_TOKEN)).answer(raw)["statusCode"] in {400, 403}


def test_half_a_character_in_the_token_is_a_403() -> None:
    given = verification() | {"rawQueryString": "hub.mode=subscribe&hub.verify_token=\ud800"}
    assert opened(accepts=knows(VERIFY_TOKEN)).answer(given)["statusCode"] == 403


# ------------------------------------------------------------------ large batches and the queue


class Sqs:
    """SQS's operations. failing: the Id of the entry of each batch that is not taken."""

    def __init__(self, failing: str | None = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.failing = failing

    def __call__(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, request))
        if operation != "SendMessageBatch":
            return {"MessageId": "m"}
        failed = [each["Id"] for each in request["Entries"] if each["Id"] == self.failing]
        return {"Successful": [], "Failed": [{"Id": id, "Code": "InternalError"} for id in failed]}

    def entries(self) -> list[dict[str, Any]]:
        return [
            entry
            for operation, request in self.calls
            for entry in (request["Entries"] if operation == "SendMessageBatch" else [request])
        ]


def many(count: int, **fields: Any) -> bytes:
    return json.dumps(batch(*(message(mid=f"m_{i}", **fields) for i in range(count)))).encode()


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (2, 1), (10, 1), (11, 2), (1000, 100)])
def test_a_batch_goes_on_in_calls_of_ten_in_its_order(count: int, calls: int) -> None:
    sqs = Sqs()
    response = opened(CommandsQueue("https://sqs/q.fifo", sqs).send).answer(post(many(count)))
    assert (response["statusCode"], len(sqs.calls)) == (200, calls)
    sent = [json.loads(entry["MessageBody"]) for entry in sqs.entries()]
    assert [each["id"] for each in sent] == [
        hashlib.sha256(f"messenger\nm_{i}".encode()).hexdigest() for i in range(count)
    ]
    for entry, envelope in zip(sqs.entries(), sent, strict=True):
        assert entry["MessageDeduplicationId"] == envelope["id"]
        assert entry["MessageGroupId"] == group(envelope)
    for operation, request in sqs.calls:
        assert request["QueueUrl"] == "https://sqs/q.fifo"
        if operation == "SendMessageBatch":
            assert [entry["Id"] for entry in request["Entries"]] == list(
                map(str, range(len(request["Entries"])))
            )


@pytest.mark.parametrize("text", ["x" * LONGEST_TEXT, "\x01" * 3000, "é" * LONGEST_TEXT, "🔔" * LONGEST_TEXT])
def test_whatever_the_door_accepts_fits_into_its_calls(text: str) -> None:
    sqs = Sqs()
    document = batch(*(message(mid=f"m_{i}", text=text) for i in range(20)))
    body = json.dumps(document, ensure_ascii=False).encode()
    assert opened(CommandsQueue("q", sqs).send).answer(post(body))["statusCode"] == 200
    assert len(sqs.entries()) == 20
    for _, request in sqs.calls:
        entries = request.get("Entries", [request])
        assert sum(len(entry["MessageBody"]) for entry in entries) <= LARGEST_BATCH < 1024 * 1024


def test_a_body_over_the_limit_is_a_413() -> None:
    body = b" " * (LARGEST_BODY + 1)
    assert opened().answer(post(body))["statusCode"] == 413


@pytest.mark.parametrize("failing", ["0", "9"])
def test_when_one_entry_is_not_taken_messenger_is_told_to_send_all_again(failing: str) -> None:
    sqs = Sqs(failing)
    opened_ = opened(CommandsQueue("q", sqs).send)
    response = opened_.answer(post(many(10)))
    assert (response["statusCode"], reason(response)) == (503, "try again in a moment")
    first = [entry["MessageDeduplicationId"] for entry in sqs.entries()]
    sqs.failing = None
    assert opened_.answer(post(many(10)))["statusCode"] == 200
    assert [entry["MessageDeduplicationId"] for entry in sqs.entries()] == first * 2


def test_when_the_queue_does_not_answer_it_is_a_503() -> None:
    def down(_: str, __: dict[str, Any]) -> dict[str, Any]:
        raise UnavailableError("sqs SendMessage: TimeoutError after 2 attempts")

    assert opened(CommandsQueue("q", down).send).answer(post(many(3)))["statusCode"] == 503


def test_no_log_record_carries_what_was_typed_or_who_typed_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    opened_ = opened(CommandsQueue("q", Sqs()).send)
    opened_.answer(post(many(2, text="hunter2")))
    opened_.answer(posted(batch(message(text="hunter2", mid=None))))
    opened_.answer(post(BODY, {"x-hub-signature-256": "sha256=hunter2"}))
    told = repr([vars(record) for record in caplog.records])
    messages = [record.message for record in caplog.records]
    assert messages == ["command.accepted"] * 2 + ["request.refused"] * 2
    for secret in ("hunter2", PERSON, signature(BODY)):
        assert secret not in told


# ------------------------------------------------------------------ whatever comes

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["sender", "recipient", "timestamp", "message", "postback"]


def answered(body: bytes) -> None:
    commands = Commands()
    status = opened(commands).answer(post(body))["statusCode"]
    assert status == 200 or (status in {400, 404} and not commands.sent)
    assert all(len(envelope.id) == 64 for envelope in commands.read())
    assert all(len(group(envelope)) == 64 for envelope in commands.sent)


@settings(max_examples=200)
@given(JSON)
def test_no_json_makes_the_door_raise_or_answer_5xx(document: Any) -> None:
    answered(json.dumps(document).encode())
    answered(json.dumps({"object": "page", "entry": document}).encode())
    answered(json.dumps(batch(document)).encode())


@settings(max_examples=200)
@given(
    st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3),
    st.dictionaries(st.sampled_from(["mid", "text", "quick_reply", "is_echo"]), JSON, max_size=2),
)
def test_nor_does_an_event_that_is_nearly_right(fields: dict[str, Any], of_message: dict[str, Any]) -> None:
    answered(json.dumps(batch(message(**of_message) | fields)).encode())


@given(st.binary())
def test_nor_do_any_bytes(body: bytes) -> None:
    answered(body)
