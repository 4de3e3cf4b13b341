"""The token with which a Dialogflow agent proves itself: in a header of its own, or as an alert sender does.

Rule: https://cloud.google.com/dialogflow/es/docs/fulfillment-webhook#auth (basic authentication, and headers one sets)
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

import alert_credentials
from bellhop.http_api import Refusal, Request

HEADER = "x-bellhop-token"


def verify(request: Request, accepts: Callable[[Callable[[str], bool]], bool]) -> None:
    """Refuse (401) a request without the token. A header X-Bellhop-Token counts alone, right or wrong.

    accepts: given a test of one secret, whether any secret that is good now passes it.
    """
    if HEADER not in request.headers:
        alert_credentials.verify(request, accepts)
        return
    given = request.headers[HEADER].strip()
    if not given or not given.isascii():
        raise Refusal(401, "X-Bellhop-Token is not a token")
    if not accepts(lambda token: hmac.compare_digest(token.encode(), given.encode())):
        raise Refusal(401, "X-Bellhop-Token is not good")
