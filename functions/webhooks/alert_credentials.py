"""The token with which an alert sender proves itself: a bearer token, or the password of basic authentication.

Rules: https://www.rfc-editor.org/rfc/rfc6750#section-2.1 and https://www.rfc-editor.org/rfc/rfc7617#section-2
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable

from bellhop.http_api import Refusal, Request

#: The user name of basic authentication.
USER = b"bellhop"


def verify(request: Request, accepts: Callable[[Callable[[str], bool]], bool]) -> None:
    """Refuse (401) a request whose Authorization header does not hold the token.

    accepts: given a test of one secret, whether any secret that is good now passes it.
    """
    given = _given(request.headers.get("authorization", ""))
    if not accepts(lambda token: hmac.compare_digest(token.encode(), given)):
        raise Refusal(401, "the Authorization header's token is not good")


def _given(header: str) -> bytes:
    """The token a header holds; never empty, so that an empty secret lets nobody in."""
    scheme, _, credentials = header.partition(" ")
    credentials = credentials.strip()
    if not credentials or not credentials.isascii():
        raise Refusal(401, "an Authorization header is needed: Bearer TOKEN, or Basic with user bellhop")
    match scheme.lower():
        case "bearer":
            return credentials.encode()
        case "basic":
            return _password(credentials)
        case _:
            raise Refusal(401, "the Authorization header is neither Bearer nor Basic")


def _password(credentials: str) -> bytes:
    try:
        user, _, password = base64.b64decode(credentials, validate=True).partition(b":")
    except ValueError:  # binascii.Error among them
        raise Refusal(401, "the Authorization header is not base64") from None
    if user != USER or not password:
        raise Refusal(401, "basic authentication needs user bellhop and the token as its password")
    return password
