"""Posting to chat: https only, exactly the platform's own host, no redirects, no private addresses.

URLs are secrets here and appear in no log and no message.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Origins:
    """Where posts may go. api: Slack's Web API. hooks: where its response_urls live. Each an https URL whose
    scheme, host and port must match exactly; `private` hosts may resolve to private addresses."""

    api: str
    hooks: str
    private: frozenset[str] = frozenset()


class SlackPoster:
    """Posts to Slack with one kept-alive session."""

    def __init__(self, origins: Origins, session: requests.Session) -> None:
        self._origins = origins
        self._session = session

    def respond(self, response_url: str, message: dict[str, Any]) -> None:
        """Answer where a command was asked. Raises RefusedError (`ForeignUrl`, `expired_url`,
        `answer_refused`)."""
        if not _same_origin(response_url, self._origins.hooks):
            raise RefusedError("ForeignUrl", "the response_url is not Slack's: not used")
        response = self._post(response_url, message, {})
        if response.status_code in {403, 404, 410}:
            raise RefusedError("expired_url", "Slack no longer takes answers for that command")
        if 400 <= response.status_code < 500:
            raise RefusedError(
                "answer_refused", f"Slack refused the command's answer: {response.status_code}"
            )
        if response.status_code != 200:
            raise UnavailableError(f"Slack answered {response.status_code} to the command's answer")

    def post_message(self, channel: str, message: dict[str, Any], *, token: str) -> None:
        """chat.postMessage. Raises ChatError with Slack's own code when Slack says no."""
        url = f"{self._origins.api.rstrip('/')}/chat.postMessage"
        headers = {"Authorization": f"Bearer {token}"}
        response = self._post(url, {"channel": channel, **message}, headers)
        if response.status_code != 200:
            raise UnavailableError(f"Slack answered {response.status_code} to chat.postMessage")
        try:
            answer = dict(response.json())
        except (ValueError, TypeError):
            raise UnavailableError("Slack answered chat.postMessage with something else than JSON") from None
        if answer.get("ok") is not True:
            code = str(answer.get("error", "unknown_error"))
            raise ChatError(code, f"Slack refused the message for {channel}: {code} (docs/chat.md)")

    def _post(self, url: str, body: dict[str, Any], headers: dict[str, str]) -> requests.Response:
        self._refuse_private(url)
        try:
            response = self._session.post(
                url, json=body, headers=headers, timeout=_TIMEOUT, allow_redirects=False
            )
        except requests.RequestException as error:
            # Not chained: the text of requests' own exceptions carries the URL.
            raise UnavailableError(f"no answer from Slack ({type(error).__name__})") from None
        if response.status_code == 429:
            pause = response.headers.get("Retry-After", "30")
            raise BusyError(
                "Slack asks for patience", retry_after=float(pause) if pause.isdecimal() else 30.0
            )
        return response

    def _refuse_private(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise RefusedError("InsecureUrl", "only https is posted to")
        if parts.hostname in self._origins.private:
            return
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except OSError as error:
            raise UnavailableError(f"cannot resolve Slack's host ({type(error).__name__})") from error
        if not all(ipaddress.ip_address(address[4][0]).is_global for address in found):
            raise RefusedError("PrivateAddress", "the host resolves to a private address: not posted to")


def _same_origin(url: str, origin: str) -> bool:
    try:
        one, other = urlsplit(url), urlsplit(origin)
        ports = (one.port or 443, other.port or 443)
    except ValueError:
        return False
    plain = one.username is None and one.password is None
    return plain and one.scheme == "https" and one.hostname == other.hostname and ports[0] == ports[1]


def origins(api: str, hooks: str, private_hosts: str) -> Origins:
    """From the settings' texts; private_hosts: names or addresses, separated by commas."""
    private = frozenset(host.strip() for host in private_hosts.split(",") if host.strip())
    return Origins(api, hooks, private)
