"""Fetching a feed from a real server over TLS: what it sends, how slowly it may, and who it must be."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from bellhop.errors import RefusedError, UnavailableError
from feed_fetching import FeedFetcher
from local.cluster.running import write_certificate

PRIVATE = frozenset({"127.0.0.1"})


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/silent":
            self.server.over.wait(10)  # type: ignore[attr-defined]
            return
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/feed")
        self.end_headers()
        self.wfile.write(b"<feed/>")
        while self.path == "/drops" and not self.server.over.wait(0.2):  # type: ignore[attr-defined]
            self.wfile.write(b" ")

    def log_message(self, format: str, *args: object) -> None:  # as inherited
        """Silent."""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        made.verify = str(tmp_path / "ca.crt")
        yield made


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    certificate, key, _ = write_certificate(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.over = threading.Event()  # type: ignore[attr-defined]
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.over.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_a_feed_is_read_over_tls(session: requests.Session, url: str) -> None:
    assert FeedFetcher(session, PRIVATE).fetch(f"{url}/feed") == b"<feed/>"


@pytest.mark.parametrize("path", ["/silent", "/drops"])
def test_a_host_that_is_slow_is_given_up_in_time(session: requests.Session, url: str, path: str) -> None:
    begun = time.monotonic()
    with pytest.raises(UnavailableError):
        FeedFetcher(session, PRIVATE).fetch(url + path)
    assert 1.5 < time.monotonic() - begun < 6


def test_a_redirect_is_not_followed(session: requests.Session, url: str) -> None:
    with pytest.raises(UnavailableError, match="302"):
        FeedFetcher(session, PRIVATE).fetch(f"{url}/moved")


def test_loopback_and_a_certificate_of_somebody_else_are_refused(session: requests.Session, url: str) -> None:
    with pytest.raises(RefusedError, match="private address"):
        FeedFetcher(session).fetch(f"{url}/feed")
    session.verify = True
    with pytest.raises(UnavailableError, match="SSLError"):
        FeedFetcher(session, PRIVATE).fetch(f"{url}/feed")
