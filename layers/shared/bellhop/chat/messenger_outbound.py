"""Posting to Messenger: the Graph API's Send API, as the page.

https://developers.facebook.com/docs/messenger-platform/reference/send-api/error-codes
https://developers.facebook.com/docs/graph-api/overview/rate-limiting
"""

from __future__ import annotations

import re
from typing import Any

import requests

from bellhop.chat.posting import ChatError, Wire, hosts
from bellhop.errors import BellhopError, BusyError, RefusedError, UnavailableError

VERSION = "v25.0"
_PAGE = re.compile(r"[0-9]{1,40}")
#: (code, subcode) for a person who wrote last more than 24 hours ago.
_OUTSIDE_WINDOW = frozenset({(10, 2018278), (10, 2018065)})
#: (code, subcode; None for any): nobody there, or somebody who wants no messages.
_NOBODY = frozenset({(100, 2018001), (551, None)})
#: The app's, the page's, and the Messenger account's limits. Graph names no time; it counts by rolling windows.
_TOO_MANY = frozenset({4, 32, 613, 80006})
_TOO_MANY_SECONDS = 60.0
_PASSING = frozenset({1, 2, 1200})


class MessengerPoster:
    """Sends as one page or several, with one kept-alive session. graph_api: an https URL without a path."""

    def __init__(self, graph_api: str, session: requests.Session, *, private_hosts: str = "") -> None:
        self._graph_api = graph_api.rstrip("/")
        self._wire = Wire("Messenger", session, hosts(private_hosts))

    def send(self, page: str, payload: dict[str, Any], *, token: str) -> None:
        """One of `bellhop.chat.messenger.payloads`. token: the page's, sent in a header and in no URL.

        Raises RefusedError (`OutsideWindow`, `PersonGone`, `ForeignPage`), which no repetition helps; BusyError when
        there were too many; UnavailableError; and ChatError, with Graph's code, for its other noes: the token (190)
        is wrong or has expired, for one.
        """
        if not _PAGE.fullmatch(page):
            raise RefusedError("ForeignPage", "that is not a page's id: not posted to")
        url = f"{self._graph_api}/{VERSION}/{page}/messages"
        response = self._wire.post(url, payload, {"Authorization": f"Bearer {token}"})
        answer = _document(response)
        if "error" in answer:
            raise _refusal(answer["error"], response.status_code)
        if response.status_code != 200 or "message_id" not in answer:
            raise UnavailableError(f"Messenger answered {response.status_code} to a message")


def _document(response: requests.Response) -> dict[str, Any]:
    try:
        return dict(response.json())
    except (ValueError, TypeError):
        return {}


def _refusal(error: object, status: int) -> BellhopError:
    told = error if isinstance(error, dict) else {}
    code, subcode = told.get("code"), told.get("error_subcode")
    if (code, subcode) in _OUTSIDE_WINDOW:
        return RefusedError(
            "OutsideWindow", "Messenger takes answers for 24 hours after a person's last message"
        )
    if (code, subcode) in _NOBODY or (code, None) in _NOBODY:
        return RefusedError("PersonGone", f"Messenger cannot reach that person ({code})")
    if code in _TOO_MANY:
        return BusyError(f"Messenger takes no more messages now ({code})", retry_after=_TOO_MANY_SECONDS)
    if code in _PASSING or status >= 500:
        return UnavailableError(f"Messenger answered {status} to a message ({code})")
    return ChatError(str(code), f"Messenger refused the message: {code}/{subcode} (docs/chat.md)")
