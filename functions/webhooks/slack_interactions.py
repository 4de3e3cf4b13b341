"""A verified press of buttons in Slack -> the neutral envelopes that `commands` reads.

Form: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

from typing import Any

import payloads
from bellhop.http_api import Refusal, Request


def interaction(request: Request) -> dict[str, Any]:
    """The document in the form's field `payload`. Raises Refusal 400 when there is none."""
    raw = payloads.form(request.body).get("payload")
    if not raw:
        raise Refusal(400, "the form has no payload")
    return payloads.json_object(raw.encode())


def envelopes(pressed: dict[str, Any], *, received_at: float, correlation: str) -> list[dict[str, Any]]:
    """One envelope for each button whose value is a command line; none for links, menus, dialogs and shortcuts.

    The id is a hash of the message, the button and the time of the press, so that Slack's own retry has the same
    and a second press has another. Raises Refusal 400 for what is not an interaction.
    """
    if payloads.required(pressed, "type") != "block_actions":
        return []
    actions = [each for each in payloads.children(pressed, "actions") if _is_command(each)]
    if not actions or _is_in_a_view(pressed):
        return []
    user, container, message = (payloads.child(pressed, name) for name in ("user", "container", "message"))
    moment = payloads.text(container, "message_ts") or payloads.required(message, "ts")
    common = {
        "platform": "slack",
        "workspace": _workspace(pressed, user),
        "user": payloads.required(user, "id"),
        "channel": payloads.text(payloads.child(pressed, "channel"), "id")
        or payloads.required(container, "channel_id"),
        "received_at": received_at,
        "correlation": correlation,
        "response_url": payloads.text(pressed, "response_url") or None,
        "thread": payloads.text(message, "thread_ts") or None,
        "pressed": moment,
    }
    who = (str(common["workspace"]), str(common["user"]), moment)
    return [common | {"id": _identity(who, each), "text": each["value"]} for each in actions]


def _identity(who: tuple[str, str, str], action: dict[str, Any]) -> str:
    names = ("action_id", "value", "action_ts")
    return payloads.identity(*who, *(payloads.required(action, name) for name in names))


def _is_command(action: dict[str, Any]) -> bool:
    return payloads.text(action, "type") == "button" and payloads.text(action, "value") != ""


def _is_in_a_view(pressed: dict[str, Any]) -> bool:
    """In the app's home or a dialog, where no channel is; Bellhop makes neither."""
    return payloads.text(payloads.child(pressed, "container"), "type") == "view"


def _workspace(pressed: dict[str, Any], user: dict[str, Any]) -> str:
    """Where it was pressed. An app installed for an enterprise may be told the user's own workspace only."""
    return payloads.text(payloads.child(pressed, "team"), "id") or payloads.required(user, "team_id")
