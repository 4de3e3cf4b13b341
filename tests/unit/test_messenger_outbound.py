"""Posting to Messenger: as whom, with what, and what each of Graph's answers means."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from bellhop.chat.messenger_outbound import MessengerPoster
from bellhop.chat.posting import ChatError
from bellhop.errors import BusyError, RefusedError, UnavailableError
from tests.unit.test_outbound import Wire, resolved

__all__ = ["resolved"]

SENT = b'{"recipient_id": "9876", "message_id": "m_1"}'
PAYLOAD = {"recipient": {"id": "9876"}, "messaging_type": "RESPONSE", "message": {"text": "x"}}

pytestmark = pytest.mark.usefixtures("resolved")


def poster(wire: Wire, url: str = "https://graph.facebook.com/", private: str = "") -> MessengerPoster:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", wire)
    session.mount("http://", wire)
    return MessengerPoster(url, session, private_hosts=private)


def refusing(code: int, subcode: int | None = None, status: int = 400) -> Wire:
    error: dict[str, Any] = {"message": "no", "type": "OAuthException", "code": code, "fbtrace_id": "x"}
    if subcode is not None:
        error["error_subcode"] = subcode
    return Wire(status, json.dumps({"error": error}).encode())


def test_a_message_is_sent_as_the_page_with_the_token_in_a_header_only() -> None:
    wire = Wire(body=SENT)
    poster(wire).send("1234", PAYLOAD, token="EAA-1")
    [(request, how)] = wire.sent
    assert (request.method, request.url) == ("POST", "https://graph.facebook.com/v25.0/1234/messages")
    assert request.headers["Authorization"] == "Bearer EAA-1"
    assert json.loads(request.body or b"") == PAYLOAD
    assert (how["timeout"], how["verify"]) == ((2.0, 5.0), True)


@pytest.mark.parametrize("page", ["", "me", "12/../34", "12?x=", "1 2", "\u0661"])
def test_what_is_not_a_pages_id_becomes_no_url(page: str) -> None:
    wire = Wire(body=SENT)
    with pytest.raises(RefusedError) as refusal:
        poster(wire).send(page, PAYLOAD, token="t")
    assert (refusal.value.code, wire.sent) == ("ForeignPage", [])


def test_only_https_is_posted_to() -> None:
    wire = Wire(body=SENT)
    with pytest.raises(RefusedError) as refusal:
        poster(wire, "http://graph.facebook.com").send("1", PAYLOAD, token="t")
    assert (refusal.value.code, wire.sent) == ("InsecureUrl", [])


def test_a_private_address_is_not_posted_to_unless_its_host_is_named(resolved: list[str]) -> None:
    resolved[:] = ["127.0.0.1"]
    wire = Wire(body=SENT)
    with pytest.raises(RefusedError) as refusal:
        poster(wire, "https://localhost:8").send("1", PAYLOAD, token="t")
    assert (refusal.value.code, wire.sent) == ("PrivateAddress", [])
    poster(wire, "https://localhost:8", "localhost").send("1", PAYLOAD, token="t")
    assert len(wire.sent) == 1


@pytest.mark.parametrize(
    ("code", "subcode", "named"),
    [
        (10, 2018278, "OutsideWindow"),
        (10, 2018065, "OutsideWindow"),
        (100, 2018001, "PersonGone"),
        (551, 1545041, "PersonGone"),
    ],
)
def test_what_no_repetition_helps_is_refused(code: int, subcode: int, named: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        poster(refusing(code, subcode)).send("1", PAYLOAD, token="t")
    assert refusal.value.code == named


@pytest.mark.parametrize("code", [4, 32, 613, 80006])
def test_too_many_messages_are_postponed(code: int) -> None:
    with pytest.raises(BusyError) as busy:
        poster(refusing(code)).send("1", PAYLOAD, token="t")
    assert busy.value.retry_after == 60


def test_a_429_is_postponed_by_what_it_says() -> None:
    with pytest.raises(BusyError, match="Messenger") as busy:
        poster(Wire(429, headers={"Retry-After": "7"})).send("1", PAYLOAD, token="t")
    assert busy.value.retry_after == 7


@pytest.mark.parametrize(("code", "status"), [(1, 500), (2, 500), (1200, 400), (999, 503)])
def test_what_passes_comes_again(code: int, status: int) -> None:
    with pytest.raises(UnavailableError):
        poster(refusing(code, status=status)).send("1", PAYLOAD, token="t")


@pytest.mark.parametrize(("code", "subcode", "status"), [(190, 463, 401), (10, None, 403), (100, None, 400)])
def test_another_no_has_graphs_number_and_comes_again(code: int, subcode: int | None, status: int) -> None:
    with pytest.raises(ChatError, match=str(code)) as error:
        poster(refusing(code, subcode, status)).send("1", PAYLOAD, token="EAA-1")
    assert (error.value.code, error.value.retryable) == (str(code), True)
    assert "EAA" not in str(error.value)


@pytest.mark.parametrize("status", [200, 201, 302, 404, 500])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"{}", b"\xff"])
def test_an_answer_that_is_none_is_not_taken_for_a_yes(status: int, body: bytes) -> None:
    wire = Wire(status, body, {"Location": "https://evil.example/"})
    with pytest.raises(UnavailableError):
        poster(wire).send("1", PAYLOAD, token="t")
    assert len(wire.sent) == 1


def test_no_answer_comes_again_and_is_messengers() -> None:
    wire = Wire()
    wire.error = requests.ConnectionError("https://graph.facebook.com/v25.0/1/messages")
    with pytest.raises(UnavailableError, match="no answer from Messenger") as told:
        poster(wire).send("1", PAYLOAD, token="t")
    assert "graph.facebook.com" not in str(told.value)
