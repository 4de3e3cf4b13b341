"""Alerts that are pushed: verify, read, hand on to AlarmsQueue."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import alert_credentials
import alert_messages
import alertmanager
import grafana
import grafana_signature
from alert_group import NeutralAlert
from bellhop import http_api
from bellhop.http_api import Request, Response

log = logging.getLogger("bellhop.webhooks")

#: Bytes; SQS takes 1 MiB and a group is split well below it, so this bounds the work more than the message.
LARGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class AlertIntake:
    """token_accepts: given a test of one secret, whether any secret that is good now passes it. send: one
    message's body to AlarmsQueue."""

    token_accepts: Callable[[Callable[[str], bool]], bool]
    send: Callable[[str], None]

    def from_alertmanager(self, request: Request, *, now: float) -> Response:
        """now: seconds since the epoch, as below."""
        alert_credentials.verify(request, self.token_accepts)
        return self._hand_on(request, alertmanager.alerts(request.body), sender="alertmanager", now=now)

    def from_grafana(self, request: Request, *, now: float) -> Response:
        """A signature counts alone, right or wrong, whatever else the request carries."""
        if grafana_signature.is_signed(request):
            grafana_signature.verify(request, self.token_accepts, now=now)
        else:
            alert_credentials.verify(request, self.token_accepts)
        return self._hand_on(request, grafana.alerts(request.body), sender="grafana", now=now)

    def _hand_on(self, request: Request, alerts: list[NeutralAlert], *, sender: str, now: float) -> Response:
        made = alert_messages.messages(alerts, sender=sender, received_at=now, correlation=request.id)
        # When one is not taken, the sender is told 503 and sends the whole group again. What went before then
        # comes twice, which is harmless: a repeat means "still so", and is decided on like any other.
        for message in made:
            self.send(message)
        firing = sum(alert["status"] == "firing" for alert in alerts)
        facts = {"sender": sender, "alerts": len(alerts), "firing": firing, "messages": len(made)}
        log.info("alerts.accepted", extra=facts | {"correlation": request.id})
        return http_api.empty()
