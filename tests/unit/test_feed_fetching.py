"""Fetching a feed: where from, how much, how long, and what is refused."""

from __future__ import annotations

import io
import socket
from typing import Any

import pytest
import requests
from urllib3.response import HTTPResponse

from bellhop.errors import BellhopError, RefusedError
from feed_fetching import MOST, FeedFetcher


class Session(requests.Session):
    """Answers without a network."""

    def __init__(self, status: int = 200, body: bytes = b"<feed/>", **headers: str) -> None:
        super().__init__()
        self.asked: list[dict[str, Any]] = []
        self.status, self.body, self.answered = status, body, headers

    def get(self, url: str | bytes, **how: Any) -> requests.Response:
        self.asked.append(how)
        response = requests.Response()
        response.status_code = self.status
        response.headers.update({name.replace("_", "-"): value for name, value in self.answered.items()})
        response.raw = HTTPResponse(io.BytesIO(self.body), preload_content=False)
        return response


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that every name resolves to."""
    addresses = ["93.184.215.14"]

    def resolve(host: str, port: int, **_: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return addresses


def test_a_feed_is_fetched_without_redirects_and_packing_and_with_a_timeout(resolved: list[str]) -> None:
    session = Session(body=b"x" * MOST)
    assert FeedFetcher(session).fetch("https://feeds.example/") == b"x" * MOST
    (asked,) = session.asked
    assert (asked["allow_redirects"], asked["timeout"].total, asked["stream"]) == (False, 2.0, True)
    assert asked["headers"]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("session", "code"),
    [
        (Session(302, Location="https://other.example/"), "Unavailable"),
        (Session(403), "Unavailable"),
        (Session(429), "Unavailable"),
        (Session(body=b"x" * (MOST + 1)), "FeedTooLarge"),
        (Session(Content_Encoding="gzip"), "Unavailable"),
    ],
)
def test_a_redirect_a_refusal_and_too_much_are_refused(
    resolved: list[str], session: Session, code: str
) -> None:
    with pytest.raises(BellhopError) as refused:
        FeedFetcher(session).fetch("https://feeds.example/")
    assert refused.value.code == code


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1"])
def test_a_private_address_is_not_asked_unless_it_is_allowed(resolved: list[str], address: str) -> None:
    resolved[:] = ["93.184.215.14", address]
    session = Session()
    with pytest.raises(RefusedError) as refused:
        FeedFetcher(session).fetch("https://feeds.example/")
    assert (refused.value.code, session.asked) == ("PrivateAddress", [])
    assert FeedFetcher(session, frozenset({"feeds.example"})).fetch("https://feeds.example/")


@pytest.mark.parametrize("url", ["http://feeds.example/", "file:///etc/passwd", "https://", "ftp://x/"])
def test_only_https_is_fetched(url: str) -> None:
    with pytest.raises(RefusedError):
        FeedFetcher(Session()).fetch(url)
