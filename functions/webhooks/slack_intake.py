"""What Slack posts: commands, presses of buttons, events. Verify, read, hand on to CommandsQueue."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import payloads
import slack_commands
import slack_events
import slack_interactions
import slack_signature
from bellhop import http_api
from bellhop.http_api import Request, Response
from commands_queue import Envelope

log = logging.getLogger("bellhop.webhooks")

#: Slack's posts are a few kilobytes. A byte becomes 6 at most in the envelope's JSON, and SQS takes 1 MiB.
LARGEST_BODY = 128 * 1024


@dataclass(frozen=True, slots=True)
class SlackIntake:
    """secret_accepts: given a test of one signing secret, whether any that is good now passes it. send: envelopes
    to CommandsQueue."""

    secret_accepts: Callable[[Callable[[str], bool]], bool]
    send: Callable[[list[Envelope]], None]

    def command(self, request: Request, *, now: float) -> Response:
        """now: seconds since the epoch, as below. Empty for Slack: the answer comes by the response_url."""
        slack_signature.verify(request, self.secret_accepts, now=now)
        envelope = slack_commands.envelope(request, received_at=now)
        if envelope is not None:
            self.send([envelope])
        return http_api.empty()

    def interaction(self, request: Request, *, now: float) -> Response:
        """Presses of buttons; every other interaction is acknowledged and dropped."""
        slack_signature.verify(request, self.secret_accepts, now=now)
        pressed = slack_interactions.interaction(request)
        found = slack_interactions.envelopes(pressed, received_at=now, correlation=request.id)
        if not found:
            return _dropped(request, payloads.required(pressed, "type"))
        self.send(found)
        return http_api.empty()

    def event(self, request: Request, *, now: float) -> Response:
        """Mentions and direct messages; the proof of the address; every other event is acknowledged and dropped.

        A retry is handled like a first delivery, which it may be: the id tells the queue.
        """
        slack_signature.verify(request, self.secret_accepts, now=now)
        document = payloads.json_object(request.body)
        match payloads.required(document, "type"):
            case "url_verification":
                return http_api.json_answer({"challenge": payloads.required(document, "challenge")})
            case "event_callback":
                envelope = slack_events.envelope(document, received_at=now, correlation=request.id)
                if envelope is None:
                    return _dropped(request, payloads.required(payloads.child(document, "event"), "type"))
                self.send([envelope])
                return http_api.empty()
            case other:
                return _dropped(request, other)


def _dropped(request: Request, kind: str) -> Response:
    facts = {"path": request.path, "kind": kind[:100], "correlation": request.id}
    log.info("request.dropped", extra=facts)
    return http_api.empty()
