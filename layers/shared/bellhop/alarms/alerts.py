"""The door's neutral alert message (functions/webhooks/alert_messages.py) -> alarm events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bellhop.alarms import fields
from bellhop.alarms.alarm import AlarmEvent, Alert, State
from bellhop.alarms.fields import Status
from bellhop.errors import InvalidInputError

#: What the message says of itself under "bellhop".
KIND = "alerts"
#: A summary is for people, and a ledger entry has its size.
LONGEST_REASON = 1000

_SENDERS = frozenset({"alertmanager", "grafana"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(document: Mapping[str, Any]) -> list[AlarmEvent]:
    """The alarm events of one message, in its order. Raises InvalidInputError for anything that is not one."""
    try:
        if document.get("bellhop") != KIND or document.get("sender") not in _SENDERS:
            raise InvalidInputError("not an alert message of the door's")
        received_at = _received_at(document["received_at"])
        return [_event(alert, received_at) for alert in _list(document["alerts"])]
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InvalidInputError(f"not an alert message: {type(error).__name__} {error}") from error


def _event(alert: Mapping[str, Any], received_at: datetime) -> AlarmEvent:
    fingerprint = fields.fingerprint(alert["fingerprint"])
    labels = fields.labels(alert["labels"])
    annotations = fields.texts(alert["annotations"])
    return AlarmEvent(
        source=f"alert/{fingerprint}",
        name=labels.get("alertname") or fingerprint,
        state=State.ALARM if fields.status(alert["status"]) is Status.FIRING else State.OK,
        at=fields.moment(alert["starts_at"]),
        reason=annotations.get("summary", "")[:LONGEST_REASON],
        alert=Alert(labels, annotations, _values(alert["values"]), received_at),
    )


def _values(given: Mapping[str, Any]) -> dict[str, float]:
    found = {name: fields.finite(value) for name, value in given.items() if fields.is_text(name)}
    if len(found) < len(given) or None in found.values():
        raise ValueError("values holds something else than finite numbers")
    return {name: value for name, value in found.items() if value is not None}


def _received_at(value: object) -> datetime:
    """Seconds since the epoch -> aware, UTC, to the millisecond."""
    seconds = fields.finite(value)
    if seconds is None or seconds < 0:
        raise ValueError("received_at is not a time")
    return _EPOCH + timedelta(milliseconds=round(seconds * 1000))


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("alerts is not a list")
    return value
