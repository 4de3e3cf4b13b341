"""A verified slash command -> the neutral envelope that `commands` reads (`bellhop.chat.envelope`)."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qsl

from bellhop.http_api import Refusal, Request

#: A slash command has some 15 fields; more is not one.
_MOST_FIELDS = 50


def envelope(request: Request, *, received_at: float) -> dict[str, Any] | None:
    """The envelope, or None for Slack's own `ssl_check` ping. received_at: seconds since the epoch.

    The id is the body's hash: Slack puts a fresh `trigger_id` into every command, so the same body is the same
    command, delivered or replayed again. Raises Refusal 400 for a body that is not a slash command.
    """
    try:
        form = dict(
            parse_qsl(
                request.body.decode("utf-8"),
                keep_blank_values=True,
                max_num_fields=_MOST_FIELDS,
                errors="strict",
            )
        )
    except ValueError:  # UnicodeDecodeError among them
        raise Refusal(400, "the body is not a form in UTF-8") from None
    if form.get("ssl_check") == "1":
        return None
    missing = [name for name in ("command", "team_id", "user_id", "channel_id") if not form.get(name)]
    if missing:
        raise Refusal(400, f"the slash command lacks {', '.join(missing)}")
    return {
        "id": hashlib.sha256(request.body).hexdigest(),
        "platform": "slack",
        "workspace": form["team_id"],
        "user": form["user_id"],
        "channel": form["channel_id"],
        "text": form.get("text", ""),
        "received_at": received_at,
        "correlation": request.id,
        "response_url": form.get("response_url") or None,
    }


def group(envelope: dict[str, Any]) -> str:
    """The FIFO group: one user's commands in one channel stay in order. Hashed: ids are the platform's, and
    SQS allows 128 characters of a set of its own."""
    parts = (envelope["platform"], envelope["workspace"], envelope["channel"], envelope["user"])
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
