"""Slack's request signature. Rule: https://api.slack.com/authentication/verifying-requests-from-slack"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from bellhop.http_api import Refusal, Request

#: Slack's own bound on how far the timestamp may be off, either way.
WINDOW_SECONDS = 300


def verify(request: Request, accepts: Callable[[Callable[[str], bool]], bool], *, now: float) -> None:
    """Refuse (401) a request that Slack did not sign within the last 300 s.

    accepts: given a test of one secret, whether any secret that is good now passes it.
    now: seconds since the epoch. The raw bytes are what was signed; nothing is parsed before.
    """
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    given = request.headers.get("x-slack-signature", "")
    if not timestamp or not given:
        raise Refusal(401, "X-Slack-Request-Timestamp and X-Slack-Signature are both needed")
    # isdecimal alone admits digits of every script; and a long one is not a time.
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise Refusal(401, "X-Slack-Request-Timestamp is not a time")
    if abs(now - int(timestamp)) > WINDOW_SECONDS:
        raise Refusal(401, "X-Slack-Request-Timestamp is more than 5 minutes off")
    if not given.isascii():
        raise Refusal(401, "X-Slack-Signature is not a signature")
    signed = b"v0:" + timestamp.encode() + b":" + request.body

    def signs(secret: str) -> bool:
        expected = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, given)

    if not accepts(signs):
        raise Refusal(401, "X-Slack-Signature does not match")
