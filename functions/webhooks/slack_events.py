"""A verified event of Slack's Events API -> the neutral envelope that `commands` reads.

Form: https://docs.slack.dev/apis/events-api and its app_mention and message.im pages
"""

from __future__ import annotations

import re
from typing import Any

import payloads

#: The mention with which a message to the app begins.
_MENTION = re.compile(r"\s*<@[A-Z0-9]+(?:\|[^>]*)?>")


def envelope(callback: dict[str, Any], *, received_at: float, correlation: str) -> dict[str, Any] | None:
    """The envelope of a person's mention of the app or message to it, or None for every other event.

    callback: an `event_callback`. Its `event_id` is the id, so that Slack's retries have the same. A mention is
    answered in its thread, a direct message where it stands. Raises Refusal 400 for what is not an event.
    """
    event = payloads.child(callback, "event")
    kind = payloads.required(event, "type")
    mentioned = kind == "app_mention"
    direct = kind == "message" and payloads.text(event, "channel_type") == "im"
    if not (mentioned or direct) or not _is_typed(event):
        return None
    thread = payloads.text(event, "thread_ts")
    return {
        "id": payloads.identity("slack-event", payloads.required(callback, "event_id")),
        "platform": "slack",
        "workspace": payloads.text(callback, "team_id") or payloads.required(event, "team"),
        "user": payloads.required(event, "user"),
        "channel": payloads.required(event, "channel"),
        "text": _without_mention(payloads.text(event, "text")),
        "received_at": received_at,
        "correlation": correlation,
        "thread": thread or (payloads.required(event, "ts") if mentioned else None),
    }


def _is_typed(event: dict[str, Any]) -> bool:
    """By a person, just now: not posted by a bot (Bellhop is one), changed, or made by Slack."""
    return not any(event.get(name) for name in ("subtype", "bot_id", "bot_profile", "edited", "hidden"))


def _without_mention(text: str) -> str:
    mention = _MENTION.match(text)
    return text[mention.end() if mention else 0 :].strip()
