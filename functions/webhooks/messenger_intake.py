"""What Messenger posts: verify, read, hand on to CommandsQueue. And the proof of the address."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import messenger_events
import messenger_signature
from bellhop import http_api
from bellhop.http_api import Request, Response
from commands_queue import Envelope

log = logging.getLogger("bellhop.webhooks")

#: Bytes; Meta puts up to 1000 events of some 300 bytes into one body.
LARGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class MessengerIntake:
    """secret_accepts, token_accepts: given a test of one app secret or verify token, whether any that is good now
    passes it. send: envelopes to CommandsQueue."""

    secret_accepts: Callable[[Callable[[str], bool]], bool]
    token_accepts: Callable[[Callable[[str], bool]], bool]
    send: Callable[[list[Envelope]], None]

    def verification(self, request: Request, *, now: float) -> Response:  # noqa: ARG002  as all routes
        """Meta asks once, when the webhook is set up."""
        challenge = messenger_signature.challenge(request.query, self.token_accepts)
        headers = {"content-type": "text/plain", "x-content-type-options": "nosniff"}
        return {"statusCode": 200, "headers": headers, "body": challenge}

    def batch(self, request: Request, *, now: float) -> Response:
        """now: seconds since the epoch."""
        messenger_signature.verify(request, self.secret_accepts)
        found = messenger_events.envelopes(request.body, received_at=now, correlation=request.id)
        self.send(found)
        if not found:
            log.info("request.dropped", extra={"path": request.path, "correlation": request.id})
        return http_api.empty()
