"""Messenger's proofs: the HMAC over a webhook's body, and the token with which its address is verified.

Rules: https://developers.facebook.com/docs/messenger-platform/webhooks ("Validate payloads", "Verification requests")
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping

from bellhop.http_api import Refusal, Request

#: What is echoed: Meta sends a number, and nothing that a browser could take for a page is sent back.
_CHALLENGE = re.compile(r"[A-Za-z0-9_.-]{1,200}", re.ASCII)


def verify(request: Request, accepts: Callable[[Callable[[str], bool]], bool]) -> None:
    """Refuse (401) a request that Meta did not sign with the app's secret.

    accepts: given a test of one secret, whether any secret that is good now passes it. The raw bytes are what was
    signed: Meta signs its own escaped form. There is no timestamp: a replay is known by its ids only.
    """
    version, _, given = request.headers.get("x-hub-signature-256", "").partition("=")
    if version != "sha256" or not given or not given.isascii():
        raise Refusal(401, "X-Hub-Signature-256 is not a signature")

    def signs(secret: str) -> bool:
        expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
        # An empty secret signs nothing: anybody could.
        return bool(secret) and hmac.compare_digest(expected, given)

    if not accepts(signs):
        raise Refusal(401, "X-Hub-Signature-256 does not match")


def challenge(query: Mapping[str, str], accepts: Callable[[Callable[[str], bool]], bool]) -> str:
    """What to echo to a verification request. Raises Refusal 403 without the token, 400 for an odd challenge."""
    given = query.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
    if query.get("hub.mode") != "subscribe" or not given:
        raise Refusal(403, "hub.mode subscribe and hub.verify_token are both needed")
    if not accepts(lambda token: hmac.compare_digest(token.encode(), given)):
        raise Refusal(403, "hub.verify_token is not good")
    found = query.get("hub.challenge", "")
    if not _CHALLENGE.fullmatch(found):
        raise Refusal(400, "hub.challenge is not 1 to 200 letters and digits")
    return found
