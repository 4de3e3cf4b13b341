"""Alertmanager's webhook -> neutral alerts.

Form: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config, version 4.
"""

from __future__ import annotations

import alert_group
from alert_group import NeutralAlert


def alerts(body: bytes) -> list[NeutralAlert]:
    """The group's alerts. They carry no numbers: who needs one puts `{{ $value }}` into an annotation.

    Raises Refusal 400 for a body of any other form.
    """
    return alert_group.read(body, version="4", values=alert_group.no_values)
