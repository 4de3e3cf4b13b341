"""A message of AlarmsQueue -> alarm events, whoever sent it: CloudWatch, or an alert sender through the door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bellhop.alarms import alerts, cloudwatch
from bellhop.alarms.alarm import AlarmEvent
from bellhop.errors import InvalidInputError


def parse_message(body: str, *, region: str) -> list[AlarmEvent]:
    """The events in an SQS message's body: several of an alert message, one of a CloudWatch alarm's.

    region: as in `cloudwatch.parse`. Raises InvalidInputError for what no sender sends.
    """
    document = _document(body)
    if document.get("bellhop") == alerts.KIND:
        return alerts.parse(document)
    return [cloudwatch.parse(document, region=region)]


def _document(body: str) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInputError("the message is not JSON") from error
    if not isinstance(document, dict):
        raise InvalidInputError("the message is not a JSON object")
    return document
