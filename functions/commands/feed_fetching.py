"""Fetching a feed: https only, no redirects, no private addresses, two seconds, 512 KiB."""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.util import Timeout

from bellhop.errors import RefusedError, UnavailableError

SECONDS = 2.0
MOST = 512 * 1024
_CHUNK = 64 * 1024
#: Of connecting and of the first byte together.
_TIMEOUT: Any = Timeout(total=SECONDS)  # requests takes it, and its types do not know
#: Unpacked nothing: a small body could become a large one. Reddit refuses the libraries' own names.
_HEADERS = {
    "User-Agent": "bellhop-feeds/1",
    "Accept": "application/atom+xml, application/rss+xml, application/xml;q=0.9",
    "Accept-Encoding": "identity",
}


class FeedFetcher:
    """private: hosts that may resolve to private addresses."""

    def __init__(self, session: requests.Session, private: frozenset[str] = frozenset()) -> None:
        self._session = session
        self._private = private

    def fetch(self, url: str) -> bytes:
        """The body of a 200. Raises RefusedError (`InsecureUrl`, `PrivateAddress`, `FeedTooLarge`) and
        UnavailableError."""
        ends = time.monotonic() + SECONDS
        self._refuse_private(url)
        try:
            with self._session.get(
                url, headers=_HEADERS, timeout=_TIMEOUT, allow_redirects=False, stream=True
            ) as response:
                if response.status_code != 200:
                    raise UnavailableError(f"the feed's host answered {response.status_code}")
                if response.headers.get("Content-Encoding", "identity") != "identity":
                    raise UnavailableError("the feed's host packed its answer")
                return _read(response, ends)
        except (requests.RequestException, OSError) as error:
            raise UnavailableError(f"no answer from the feed's host ({type(error).__name__})") from error

    def _refuse_private(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise RefusedError("InsecureUrl", "only https is fetched")
        if parts.hostname in self._private:
            return
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except OSError as error:
            raise UnavailableError(f"cannot resolve the feed's host ({type(error).__name__})") from error
        if not all(ipaddress.ip_address(address[4][0]).is_global for address in found):
            raise RefusedError("PrivateAddress", "the feed's host resolves to a private address")


def _read(response: requests.Response, ends: float) -> bytes:
    """The body, unless it is too large or comes in drops."""
    body = bytearray()
    while chunk := response.raw.read1(_CHUNK):
        body += chunk
        if len(body) > MOST:
            raise RefusedError("FeedTooLarge", f"the feed is over {MOST} bytes")
        if time.monotonic() > ends:
            raise UnavailableError(f"the feed took longer than {SECONDS:g} s")
    return bytes(body)
