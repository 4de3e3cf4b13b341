"""Where a command's answer goes: to where it was asked, in that platform's form."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from bellhop.chat import messenger
from bellhop.chat.envelope import Envelope
from bellhop.chat.message import Message
from bellhop.chat.slack import render
from bellhop.errors import RefusedError

log = logging.getLogger("bellhop.commands")


class Slack(Protocol):
    """`bellhop.chat.outbound.SlackPoster`."""

    def respond(self, response_url: str, message: dict[str, Any], *, replace: bool = False) -> None: ...

    def post_message(
        self, channel: str, message: dict[str, Any], *, token: str, thread: str | None = None
    ) -> str: ...


class Messenger(Protocol):
    """`bellhop.chat.messenger_outbound.MessengerPoster`."""

    def send(self, page: str, payload: dict[str, Any], *, token: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Answering:
    """slack_token, page_token: the bot's and the page's, fetched when they are needed."""

    slack: Slack
    messenger: Messenger
    slack_token: Callable[[], str]
    page_token: Callable[[], str]

    def reply(self, envelope: Envelope, message: Message) -> None:
        """Post the answer. Raises UnavailableError, BusyError or ChatError to be called again.

        Dialogflow has its answer in the same request. What the platform takes no more is logged: nobody can be told
        then, and the ledger has what was done.
        """
        try:
            match envelope.platform:
                case "slack":
                    self._slack(envelope, message)
                case "messenger":
                    for payload in messenger.payloads(message, envelope.user):
                        self.messenger.send(envelope.workspace, payload, token=self.page_token())
        except RefusedError as refusal:
            log.warning("reply.refused", extra={"code": refusal.code, "correlation": envelope.correlation})

    def _slack(self, envelope: Envelope, message: Message) -> None:
        rendered = render(message)
        if envelope.response_url is None:
            # Asked by mention or in a direct message: answered beside it.
            token = self.slack_token()
            self.slack.post_message(envelope.channel, rendered, token=token, thread=envelope.thread)
            return
        rendered |= {"response_type": "in_channel" if message.public else "ephemeral"}
        self.slack.respond(envelope.response_url, rendered, replace=message.replace)
