"""Grafana's webhook contact point -> neutral alerts.

Form: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
("Default JSON payload"), version 1.
"""

from __future__ import annotations

from typing import Any

import alert_group
from alert_group import NeutralAlert
from bellhop.alarms import fields

#: Longer than any number that Go prints.
_LONGEST_NUMBER = 32


def alerts(body: bytes) -> list[NeutralAlert]:
    """The group's alerts with their finite values by reference id. Raises Refusal 400 for any other form."""
    return alert_group.read(body, version="1", values=_values)


def _values(alert: dict[str, Any]) -> dict[str, float]:
    given = alert.get("values")
    if given is None:  # of a Grafana that knows only the text
        given = _in_text(alert.get("valueString"))
    if not isinstance(given, dict):
        return {}
    numbers = {name: fields.finite(value) for name, value in given.items() if fields.is_text(name)}
    return {name: number for name, number in numbers.items() if number is not None}


def _in_text(text: object) -> dict[str, float]:
    """The values in `[ var='B' labels={host=a} value=44.2 ], [ var='C' labels={} value=1 ]`.

    A label may hold anything, so a value is what follows the last "} value=" before the next variable. Each
    character is looked at a few times, whatever the text.
    """
    found: dict[str, float] = {}
    for part in text.split("[ var='")[1:] if isinstance(text, str) else ():
        name, quote, rest = part.partition("'")
        _, value, number = rest.rpartition("} value=")
        if quote and value:
            found.setdefault(name, _number(number.partition(" ]")[0]))
    return found


def _number(text: str) -> float:
    try:
        return float(text) if len(text) <= _LONGEST_NUMBER else float("nan")
    except ValueError:  # "null" among them
        return float("nan")
