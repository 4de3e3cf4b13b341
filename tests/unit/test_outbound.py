"""Posting to chat: where to, where never, and what each of Slack's answers means."""

from __future__ import annotations

import json
import logging
import socket
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from urllib3.util import parse_url

from bellhop.chat.outbound import Origins, SlackPoster, origins
from bellhop.chat.posting import ChatError
from bellhop.errors import BellhopError, BusyError, RefusedError, UnavailableError

SLACK = origins("https://slack.com/api", "https://hooks.slack.com", "")
URL = "https://hooks.slack.com/commands/T024BE7LD/9136587246804/lZ6xT0EmGEPq2FqAGgCCSGqC"
MESSAGE = {"text": "x"}


class Wire(BaseAdapter):
    """Slack's end: one answer for all, and what was sent."""

    def __init__(self, status: int = 200, body: bytes = b"ok", headers: dict[str, str] | None = None) -> None:
        super().__init__()
        self.status, self.body, self.headers = status, body, headers or {}
        self.error: Exception | None = None
        self.sent: list[tuple[requests.PreparedRequest, dict[str, Any]]] = []

    def send(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:  # type: ignore[override]
        self.sent.append((request, how))
        if self.error:
            raise self.error
        response = requests.Response()
        response.status_code, response._content, response.url = self.status, self.body, str(request.url)
        response.headers.update(self.headers)
        response.request = request
        return response

    def close(self) -> None:
        pass


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What every name resolves to; a test changes it."""
    addresses = ["54.173.21.201"]

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return addresses


def poster(wire: Wire, where: Origins = SLACK) -> SlackPoster:
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", wire)
    session.mount("http://", wire)
    return SlackPoster(where, session)


pytestmark = pytest.mark.usefixtures("resolved")


def test_an_answer_is_posted_as_json_without_following_redirects() -> None:
    wire = Wire()
    poster(wire).respond(URL, MESSAGE)
    [(request, how)] = wire.sent
    assert (request.method, request.url) == ("POST", URL)
    assert json.loads(request.body or b"") == MESSAGE
    assert request.headers["Content-Type"] == "application/json"
    assert how["timeout"] == (2.0, 5.0)
    assert how["verify"] is True


FOREIGN = [
    *(
        "",
        "x",
        "hooks.slack.com",
        "//hooks.slack.com/x",
        "http://hooks.slack.com/x",
        "HTTP://hooks.slack.com/x",
    ),
    *("ftp://hooks.slack.com/x", "file:///etc/passwd", "https:///x", "https://", "https://slack.com/x"),
    *(
        "https://hooks.slack.com.evil.example/x",
        "https://evil.example/hooks.slack.com",
        "https://xhooks.slack.com",
    ),
    *("https://hooks.slack.com:8443/x", "https://hooks.slack.com:0x1bb/x", "https://hooks.slack.com:99999/x"),
    *(
        "https://hooks.slack.com@evil.example/x",
        "https://user@hooks.slack.com/x",
        "https://:@hooks.slack.com/x",
    ),
    *("https://hooks.slack.com\\@evil.example/x", "https://evil.example\\.hooks.slack.com/x"),
    *("https://evil.example#@hooks.slack.com/", "https://evil.example?@hooks.slack.com/", "https://[::1]/x"),
    *(
        "https://hooks.slack.com./x",
        "https://hooks.slack.com%00.evil.example/x",
        "https://[hooks.slack.com/x",
    ),
    *(
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/x",
        "https://hooks\u3002slack\u3002com/x",
    ),
    "https://hooks.slack.com\t.evil.example/x",
]


@pytest.mark.parametrize("url", FOREIGN)
def test_an_url_that_is_not_slacks_is_never_posted_to(url: str) -> None:
    wire = Wire()
    with pytest.raises(RefusedError) as refusal:
        poster(wire).respond(url, MESSAGE)
    assert (refusal.value.code, wire.sent) == ("ForeignUrl", [])
    assert not url or url not in str(refusal.value)


@given(
    st.sampled_from(["https://", "http://", "https:\\", "", "//"]),
    st.text("hooks.slack.com@:/\\#?%0evil[]\t\n\u3002", max_size=12),
    st.sampled_from(["hooks.slack.com", "evil.example", "127.0.0.1"]),
    st.text("@:/\\#?%0evil[].\t\n4", max_size=12),
)
def test_whatever_the_url_nothing_leaves_but_to_slack(
    scheme: str, before: str, host: str, after: str
) -> None:
    wire = Wire()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("54.173.21.201", 443))])
        try:
            poster(wire).respond(f"{scheme}{before}{host}{after}", MESSAGE)
        except BellhopError:
            assert wire.sent == []
            return
    [(request, _)] = wire.sent
    # By the parser of the library that connects, not by the one that checked.

    found = parse_url(str(request.url))
    assert (found.scheme, found.host, found.port or 443) == ("https", "hooks.slack.com", 443)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "0.0.0.0",
        "100.64.0.1",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "::ffff:10.0.0.1",
    ],
)
@pytest.mark.parametrize("first", [(), ("54.173.21.201",)])
def test_slacks_name_resolving_to_a_private_address_is_not_posted_to(
    address: str, first: tuple[str, ...], resolved: list[str]
) -> None:
    resolved[:] = [*first, address]
    wire = Wire()
    with pytest.raises(RefusedError) as answer:
        poster(wire).respond(URL, MESSAGE)
    with pytest.raises(RefusedError) as notice:
        poster(wire).post_message("C0OPS", MESSAGE, token="t")
    assert answer.value.code == notice.value.code == "PrivateAddress"
    assert wire.sent == []


def test_a_host_that_is_named_may_be_private(resolved: list[str]) -> None:
    resolved[:] = ["127.0.0.1"]
    wire = Wire()
    local = origins("https://localhost:8/api", "https://localhost:8", " localhost, 127.0.0.1 ,")
    assert local.private == {"localhost", "127.0.0.1"}
    poster(wire, local).respond("https://localhost:8/commands/x", MESSAGE)
    with pytest.raises(RefusedError):
        poster(wire, local).respond("https://localhost:9/commands/x", MESSAGE)
    assert len(wire.sent) == 1


def test_a_name_that_does_not_resolve_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(UnavailableError, match="cannot resolve"):
        poster(Wire()).respond(URL, MESSAGE)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_response_url_that_is_over_is_refused_as_such(status: int) -> None:
    with pytest.raises(RefusedError) as refusal:
        poster(Wire(status)).respond(URL, MESSAGE)
    assert refusal.value.code == "expired_url"


@pytest.mark.parametrize("status", [400, 401, 413])
def test_an_answer_that_slack_does_not_take_is_not_posted_for_ever(status: int) -> None:
    with pytest.raises(RefusedError) as refusal:
        poster(Wire(status, b"invalid_blocks")).respond(URL, MESSAGE)
    assert refusal.value.code == "answer_refused"


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 308, 500, 502, 503])
def test_anything_but_a_200_is_not_taken_for_one(status: int) -> None:
    wire = Wire(status, headers={"Location": "https://evil.example/"})
    with pytest.raises(UnavailableError, match=str(status)):
        poster(wire).respond(URL, MESSAGE)
    with pytest.raises(UnavailableError, match=str(status)):
        poster(wire).post_message("C0OPS", MESSAGE, token="t")
    assert {str(request.url) for request, _ in wire.sent} == {URL, "https://slack.com/api/chat.postMessage"}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (None, 30.0),
        ("soon", 30.0),
        ("-1", 30.0),
        ("1.5", 30.0),
        ("9" * 400, 43_200.0),
    ],
)
def test_too_many_posts_are_postponed_by_what_slack_says(header: str | None, seconds: float) -> None:
    wire = Wire(429, headers={} if header is None else {"Retry-After": header})
    with pytest.raises(BusyError) as busy:
        poster(wire).respond(URL, MESSAGE)
    assert busy.value.retry_after == seconds


def test_a_notice_is_posted_with_the_bots_token() -> None:
    wire = Wire(body=b'{"ok": true}')
    poster(wire).post_message("C0OPS", MESSAGE, token="xoxb-1")
    [(request, _)] = wire.sent
    assert request.url == "https://slack.com/api/chat.postMessage"
    assert request.headers["Authorization"] == "Bearer xoxb-1"
    assert json.loads(request.body or b"") == {"channel": "C0OPS", "text": "x"}


def test_an_answer_can_take_the_place_of_the_message_whose_button_was_pressed() -> None:
    wire = Wire()
    poster(wire).respond(URL, MESSAGE, replace=True)
    [(request, _)] = wire.sent
    assert json.loads(request.body or b"") == {"text": "x", "replace_original": True}


def test_a_notice_in_a_thread_names_it_and_answers_its_own_ts() -> None:
    wire = Wire(body=b'{"ok": true, "ts": "1.3"}')
    assert poster(wire).post_message("C0OPS", MESSAGE, token="xoxb-1", thread="1.2") == "1.3"
    [(request, _)] = wire.sent
    assert json.loads(request.body or b"") == {"channel": "C0OPS", "thread_ts": "1.2", "text": "x"}


def test_a_message_is_edited_by_its_ts() -> None:
    wire = Wire(body=b'{"ok": true, "ts": "1.2"}')
    poster(wire).update("C0OPS", "1.2", MESSAGE, token="xoxb-1")
    [(request, _)] = wire.sent
    assert request.url == "https://slack.com/api/chat.update"
    assert request.headers["Authorization"] == "Bearer xoxb-1"
    assert json.loads(request.body or b"") == {"channel": "C0OPS", "ts": "1.2", "text": "x"}


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_a_message_that_can_be_edited_no_more_is_not_tried_for_ever(code: str) -> None:
    wire = Wire(body=json.dumps({"ok": False, "error": code}).encode())
    with pytest.raises(RefusedError) as refusal:
        poster(wire).update("C0OPS", "1.2", MESSAGE, token="xoxb-1")
    assert refusal.value.code == code
    with pytest.raises(ChatError):
        poster(Wire(body=b'{"ok": false, "error": "invalid_auth"}')).update("C", "1.2", MESSAGE, token="t")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"ok": false, "error": "channel_not_found"}', "channel_not_found"),
        (b'{"ok": false}', "unknown_error"),
    ],
)
def test_slacks_no_has_slacks_own_word_and_comes_again(body: bytes, code: str) -> None:
    with pytest.raises(ChatError, match=f"C0OPS: {code}") as error:
        poster(Wire(body=body)).post_message("C0OPS", MESSAGE, token="xoxb-1")
    assert (error.value.code, error.value.retryable) == (code, True)
    assert "xoxb" not in str(error.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"ok"', b"\xff"])
def test_an_answer_that_is_none_is_not_taken_for_a_yes(body: bytes) -> None:
    with pytest.raises(BellhopError) as error:
        poster(Wire(body=body)).post_message("C0OPS", MESSAGE, token="t")
    assert error.value.retryable


@pytest.mark.parametrize(
    "error", [requests.ConnectionError(URL), requests.Timeout(URL), requests.exceptions.SSLError(URL)]
)
def test_no_answer_comes_again_and_tells_no_url(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wire = Wire()
    wire.error = error
    with pytest.raises(UnavailableError) as told:
        poster(wire).respond(URL, MESSAGE)
    assert "hooks.slack.com" not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__
    assert "hooks.slack.com" not in repr([vars(record) for record in caplog.records])
