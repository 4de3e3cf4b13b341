"""Grafana's HMAC over a webhook's body.

Rule: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
("HMAC signature"), and grafana/alerting http/hmac.go, which does it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from bellhop.http_api import Refusal, Request

#: The contact point names the header. Left empty, the documentation says the first, the code sends the second.
HEADERS = ("x-grafana-alerting-signature", "x-grafana-alert-signature")
#: Has no default in Grafana: docs/alerts.md asks for this name.
TIMESTAMP_HEADER = "x-grafana-alerting-timestamp"
#: How far the timestamp may be off, either way.
WINDOW_SECONDS = 300


def is_signed(request: Request) -> bool:
    return any(name in request.headers for name in HEADERS)


def verify(request: Request, accepts: Callable[[Callable[[str], bool]], bool], *, now: float) -> None:
    """Refuse (401) a request with a signature that is wrong, or whose timestamp is over 300 s off.

    accepts: given a test of one secret, whether any secret that is good now passes it.
    now: seconds since the epoch. The raw bytes are what was signed; nothing is parsed before.
    """
    given = [request.headers[name] for name in HEADERS if name in request.headers]
    if not all(signature and signature.isascii() for signature in given):
        raise Refusal(401, "the signature is none")
    timestamp = request.headers.get(TIMESTAMP_HEADER)
    signed = request.body
    if timestamp is not None:
        _require_recent(timestamp, now)
        signed = timestamp.encode() + b":" + request.body

    def signs(secret: str) -> bool:
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        # An empty secret signs nothing: anybody could.
        return bool(secret) and all(hmac.compare_digest(expected, signature) for signature in given)

    if not accepts(signs):
        raise Refusal(401, "the signature does not match")


def _require_recent(timestamp: str, now: float) -> None:
    # isdecimal alone admits digits of every script; and a long one is not a time.
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise Refusal(401, "X-Grafana-Alerting-Timestamp is not a time")
    if abs(now - int(timestamp)) > WINDOW_SECONDS:
        raise Refusal(401, "X-Grafana-Alerting-Timestamp is more than 5 minutes off")
