"""Posting to Slack: exactly Slack's own hosts (`bellhop.chat.posting` has the rest of the rules)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from bellhop.chat.posting import ChatError, Wire, hosts, same_origin
from bellhop.errors import RefusedError, UnavailableError

#: chat.update's words for a message that can be edited no more.
_FIXED = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


@dataclass(frozen=True, slots=True)
class Origins:
    """Where posts may go. api: Slack's Web API. hooks: where its response_urls live. Each an https URL whose
    scheme, host and port must match exactly; `private` hosts may resolve to private addresses."""

    api: str
    hooks: str
    private: frozenset[str] = frozenset()


class SlackPoster:
    """Posts to Slack with one kept-alive session. message: `bellhop.chat.slack.render`'s, or any of Slack's."""

    def __init__(self, origins: Origins, session: requests.Session) -> None:
        self._origins = origins
        self._wire = Wire("Slack", session, origins.private)

    def respond(self, response_url: str, message: dict[str, Any], *, replace: bool = False) -> None:
        """Answer where a command was asked or a button pressed. replace: in place of the message whose button it
        was. Raises RefusedError (`ForeignUrl`, `expired_url`, `answer_refused`)."""
        if not same_origin(response_url, self._origins.hooks):
            raise RefusedError("ForeignUrl", "the response_url is not Slack's: not used")
        body = {**message, "replace_original": True} if replace else message
        response = self._wire.post(response_url, body, {})
        if response.status_code in {403, 404, 410}:
            raise RefusedError("expired_url", "Slack no longer takes answers for that command")
        if 400 <= response.status_code < 500:
            raise RefusedError(
                "answer_refused", f"Slack refused the command's answer: {response.status_code}"
            )
        if response.status_code != 200:
            raise UnavailableError(f"Slack answered {response.status_code} to the command's answer")

    def post_message(
        self, channel: str, message: dict[str, Any], *, token: str, thread: str | None = None
    ) -> str:
        """chat.postMessage. thread: the ts of the message to answer in a thread. Answers the new message's ts.

        Raises ChatError with Slack's own code when Slack says no.
        """
        where = {"channel": channel} if thread is None else {"channel": channel, "thread_ts": thread}
        return self._call("chat.postMessage", where | message, token)

    def update(self, channel: str, ts: str, message: dict[str, Any], *, token: str) -> None:
        """chat.update: the message takes the place of the bot's own one of that ts.

        Raises RefusedError with Slack's own code (message_not_found, cant_update_message, edit_window_closed) when
        that can never be, ChatError for its other noes.
        """
        try:
            self._call("chat.update", {"channel": channel, "ts": ts, **message}, token)
        except ChatError as error:
            if error.code in _FIXED:
                raise RefusedError(error.code, f"Slack no longer edits that message: {error.code}") from error
            raise

    def _call(self, method: str, arguments: dict[str, Any], token: str) -> str:
        """The ts of the message that a method of the Web API answers."""
        url = f"{self._origins.api.rstrip('/')}/{method}"
        response = self._wire.post(url, arguments, {"Authorization": f"Bearer {token}"})
        if response.status_code != 200:
            raise UnavailableError(f"Slack answered {response.status_code} to {method}")
        try:
            answer = dict(response.json())
        except (ValueError, TypeError):
            raise UnavailableError(f"Slack answered {method} with something else than JSON") from None
        if answer.get("ok") is not True:
            code = str(answer.get("error", "unknown_error"))
            raise ChatError(
                code, f"Slack refused the message for {arguments['channel']}: {code} (docs/chat.md)"
            )
        return str(answer.get("ts", ""))


def origins(api: str, hooks: str, private_hosts: str) -> Origins:
    """From the settings' texts; private_hosts: names or addresses, separated by commas."""
    return Origins(api, hooks, hosts(private_hosts))
