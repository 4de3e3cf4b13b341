"""A verified webhook of Messenger's -> the neutral envelopes that `commands` reads.

Form: https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

from __future__ import annotations

from typing import Any

import payloads
from bellhop.http_api import Refusal

#: Characters. People may type 2000; more is no command, and would not fit into the queue a hundredfold.
LONGEST_TEXT = 10_000


def envelopes(body: bytes, *, received_at: float, correlation: str) -> list[dict[str, Any]]:
    """One envelope for each text, quick reply and button of a batch, in its order.

    Echoes, receipts, attachments without text and everything unknown are left out. Raises Refusal 404 when it is
    not about a page, 400 when it is malformed: then nothing of it is taken.
    """
    document = payloads.json_object(body)
    if document.get("object") != "page":
        raise Refusal(404, "only pages are served")
    common = {"platform": "messenger", "received_at": received_at, "correlation": correlation}
    return [
        common | read
        for entry in payloads.children(document, "entry")
        for event in payloads.children(entry, "messaging")
        if (read := _read(entry, event)) is not None
    ]


def _read(entry: dict[str, Any], event: dict[str, Any]) -> dict[str, Any] | None:
    message, postback = payloads.child(event, "message"), payloads.child(event, "postback")
    if message.get("is_echo"):
        return None
    text = _text(message) or payloads.text(postback, "payload")
    if not text or len(text) > LONGEST_TEXT:
        return None
    sender = payloads.required(payloads.child(event, "sender"), "id")
    return {
        "id": _identity(sender, event, message, postback),
        "workspace": payloads.text(payloads.child(event, "recipient"), "id")
        or payloads.required(entry, "id"),
        "user": sender,
        "channel": sender,
        "text": text,
    }


def _text(message: dict[str, Any]) -> str:
    """A quick reply's payload is the command; its text is only its label."""
    return payloads.text(payloads.child(message, "quick_reply"), "payload") or payloads.text(message, "text")


def _identity(sender: str, event: dict[str, Any], message: dict[str, Any], postback: dict[str, Any]) -> str:
    """Meta delivers again for up to 36 hours, under the same mid. Postbacks of old have none."""
    if message:
        return payloads.identity("messenger", payloads.required(message, "mid"))
    if mid := payloads.text(postback, "mid"):
        return payloads.identity("messenger", mid)
    when = event.get("timestamp")
    if not isinstance(when, int):
        raise Refusal(400, "timestamp is not a number")
    return payloads.identity(
        "messenger-postback", sender, f"{when:d}", payloads.required(postback, "payload")
    )
