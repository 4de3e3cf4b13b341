"""A verified slash command -> the neutral envelope that `commands` reads (`bellhop.chat.envelope`)."""

from __future__ import annotations

import hashlib
from typing import Any

import payloads
from bellhop.http_api import Refusal, Request


def envelope(request: Request, *, received_at: float) -> dict[str, Any] | None:
    """The envelope, or None for Slack's own `ssl_check` ping. received_at: seconds since the epoch.

    The id is the body's hash: Slack puts a fresh `trigger_id` into every command, so the same body is the same
    command, delivered or replayed again. Raises Refusal 400 for a body that is not a slash command.
    """
    form = payloads.form(request.body)
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
