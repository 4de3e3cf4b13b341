"""Neutral alerts -> messages for AlarmsQueue, each far below what SQS and the functions behind it take."""

from __future__ import annotations

import json
from typing import Any

from alert_group import NeutralAlert
from bellhop.http_api import Refusal

#: Bytes of JSON, which is ASCII: SQS refuses some characters, JSON's escapes hide them.
LARGEST_MESSAGE = 192 * 1024


def messages(alerts: list[NeutralAlert], *, sender: str, received_at: float, correlation: str) -> list[str]:
    """As few messages as hold the alerts in their order; none for none.

    sender: "alertmanager" or "grafana". received_at: seconds since the epoch; it tells a repeat from a second
    delivery. Raises Refusal 413 for an alert that no message can hold.
    """
    head: dict[str, Any] = {
        "bellhop": "alerts",
        "sender": sender,
        "received_at": received_at,
        "correlation": correlation,
    }
    room = LARGEST_MESSAGE - len(json.dumps(head | {"alerts": []}))
    return [json.dumps(head | {"alerts": batch}) for batch in _batches(alerts, room)]


def _batches(alerts: list[NeutralAlert], room: int) -> list[list[NeutralAlert]]:
    batches: list[list[NeutralAlert]] = []
    left = 0
    for i, alert in enumerate(alerts):
        size = len(json.dumps(alert)) + len(", ")
        if size > room:
            raise Refusal(413, f"alerts[{i}] is over {room} bytes as JSON")
        if not batches or size > left:
            batches.append([])
            left = room
        batches[-1].append(alert)
        left -= size
    return batches
