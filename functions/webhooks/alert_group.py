"""The webhook document that Alertmanager made and Grafana took over: a group of alerts -> neutral alerts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import payloads
from bellhop.alarms import fields
from bellhop.http_api import Refusal

#: `fingerprint, status, starts_at, labels, annotations, values`, as `bellhop.alarms.alerts` reads them.
type NeutralAlert = dict[str, Any]
type Values = Callable[[dict[str, Any]], dict[str, float]]


def read(body: bytes, *, version: str, values: Values) -> list[NeutralAlert]:
    """The alerts of a group, all of them or none: Refusal 400 names the first field that is wrong.

    version: what the sender writes into the document. values: an alert's numbers, out of the sender's own field.
    """
    document = payloads.json_object(body)
    if document.get("version") != version:
        raise Refusal(400, f'version is not "{version}"')
    alerts = document.get("alerts")
    if not isinstance(alerts, list):
        raise Refusal(400, "alerts is not a list")
    return [_neutral(alert, f"alerts[{i}]", values) for i, alert in enumerate(alerts)]


def no_values(_: dict[str, Any]) -> dict[str, float]:
    return {}


def _neutral(alert: object, where: str, values: Values) -> NeutralAlert:
    if not isinstance(alert, dict):
        raise Refusal(400, f"{where} is not an object")

    def checked[T](name: str, check: Callable[[object], T]) -> T:
        try:
            return check(alert.get(name))
        except ValueError as error:
            raise Refusal(400, f"{where}.{name} {error}") from None

    checked("startsAt", fields.moment)
    return {
        "fingerprint": checked("fingerprint", fields.fingerprint),
        "status": checked("status", fields.status),
        "starts_at": alert["startsAt"],
        "labels": checked("labels", fields.labels),
        "annotations": checked("annotations", _annotations),
        "values": values(alert),
    }


def _annotations(value: object) -> dict[str, str]:
    # Optional: Go writes null for a map that was never made.
    return {} if value is None else fields.texts(value)
