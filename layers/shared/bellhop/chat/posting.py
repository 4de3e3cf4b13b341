"""How anything is posted to a chat platform: https only, no redirects, no private addresses.

URLs are secrets here and appear in no log and no message.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from typing import Any
from urllib.parse import urlsplit

import requests

from bellhop.errors import BellhopError, BusyError, RefusedError, UnavailableError

# At DEBUG it logs the path of every request; a response_url's is a secret.
logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)

#: Connect, read: seconds.
_TIMEOUT = (2.0, 5.0)


class ChatError(BellhopError):
    """The platform refused the post. `code` is the platform's own word, such as channel_not_found."""

    retryable = True

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Wire:
    """One kept-alive session to one platform. platform: its name, for messages. private: hosts that may resolve to
    private addresses."""

    def __init__(self, platform: str, session: requests.Session, private: frozenset[str]) -> None:
        self._platform = platform
        self._session = session
        self._private = private

    def post(self, url: str, body: dict[str, Any], headers: dict[str, str]) -> requests.Response:
        """The platform's answer, whatever its status, but for 429. Raises BusyError for that, UnavailableError when
        there is no answer, RefusedError (`InsecureUrl`, `PrivateAddress`) for where nothing is posted to."""
        self._refuse_private(url)
        try:
            response = self._session.post(
                url, json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            )
        except requests.RequestException as error:
            # Not chained: the text of requests' own exceptions carries the URL.
            raise UnavailableError(f"no answer from {self._platform} ({type(error).__name__})") from None
        if response.status_code == 429:
            pause = response.headers.get("Retry-After", "30")
            raise BusyError(
                f"{self._platform} asks for patience", retry_after=float(pause) if pause.isdecimal() else 30.0
            )
        return response

    def _refuse_private(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise RefusedError("InsecureUrl", "only https is posted to")
        if parts.hostname in self._private:
            return
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except OSError as error:
            raise UnavailableError(
                f"cannot resolve {self._platform}'s host ({type(error).__name__})"
            ) from error
        if not all(ipaddress.ip_address(address[4][0]).is_global for address in found):
            raise RefusedError("PrivateAddress", "the host resolves to a private address: not posted to")


def same_origin(url: str, origin: str) -> bool:
    """Whether both are https and of exactly one host and port. False for what is not a URL, or holds a name."""
    try:
        one, other = urlsplit(url), urlsplit(origin)
        ports = (one.port or 443, other.port or 443)
    except ValueError:
        return False
    plain = one.username is None and one.password is None
    return plain and one.scheme == "https" and one.hostname == other.hostname and ports[0] == ports[1]


def hosts(texts: str) -> frozenset[str]:
    """Names or addresses, separated by commas."""
    return frozenset(host.strip() for host in texts.split(",") if host.strip())
