"""What an EKS bearer token must be before STS is asked about it; pure.

The rules are aws-iam-authenticator's (pkg/token): a presigned GetCallerIdentity URL for a known STS host,
nothing else in its query, the cluster's name among the signed headers, fifteen minutes of life.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

PREFIX = "k8s-aws-v1."
CLUSTER_HEADER = "x-k8s-aws-id"
LIFETIME = timedelta(minutes=15)
LONGEST = 16 * 1024
_PARAMETERS = frozenset(
    {
        "action",
        "version",
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
        "x-amz-user-agent",
    }
)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_ROLE_SESSION = re.compile(
    r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>[^/]+)"
)
_IAM_USER = re.compile(r"arn:[\w-]+:iam::(?P<account>\d{12}):user/(?P<path>\S+)")


class TokenError(ValueError):
    """Why a token is refused. Told to the log at most, never to the client."""


@dataclass(frozen=True, slots=True)
class EksToken:
    """A well-formed token: the URL to show to STS, and when the token ends."""

    url: str
    ends: datetime


def read_token(token: str, sts_endpoint: str, now: datetime) -> EksToken:
    """Check all that can be checked without STS. Raises TokenError."""
    url = _url(token)
    try:
        parts, endpoint = urlsplit(url), urlsplit(sts_endpoint)
        origin, expected = _origin(parts.scheme, parts.netloc), _origin(endpoint.scheme, endpoint.netloc)
    except ValueError as error:
        raise TokenError(f"no URL: {error}") from error
    if parts.scheme not in {"http", "https"} or origin != expected:
        raise TokenError("the URL is not for the configured STS endpoint")
    if parts.path != "/" or parts.fragment:
        raise TokenError("the URL's path is not /")
    return EksToken(url, _check_query(_query(parts.query), now))


def principal_arn(arn: str) -> str:
    """The IAM ARN that access entries are made for: a role for its sessions, a user as it is.

    Raises TokenError for callers that can have no entry (federated users, the root).
    """
    if found := _ROLE_SESSION.fullmatch(arn):
        return f"arn:{found['partition']}:iam::{found['account']}:role/{found['role']}"
    if _IAM_USER.fullmatch(arn):
        return arn
    raise TokenError(f"neither a role's session nor a user: {arn}")


def account_and_session(arn: str) -> tuple[str, str]:
    """Account id and session name (empty for users)."""
    if found := _ROLE_SESSION.fullmatch(arn):
        return found["account"], found["session"]
    return arn.split(":")[4], ""


def _url(token: str) -> str:
    encoded = token.removeprefix(PREFIX)
    if not token.startswith(PREFIX) or len(token) > LONGEST or not _BASE64URL.fullmatch(encoded):
        raise TokenError("not k8s-aws-v1 and unpadded base64url")
    try:
        url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise TokenError("not base64 of a URL") from error
    if any(not 33 <= ord(letter) <= 126 for letter in url):
        raise TokenError("the URL has blanks or control characters")
    return url


def _origin(scheme: str, netloc: str) -> str:
    port = {"http": ":80", "https": ":443"}.get(scheme.lower(), "")
    return f"{scheme}://{netloc.removesuffix(port)}".lower()


def _query(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=32)
    except ValueError as error:
        raise TokenError("the query cannot be parsed") from error
    values = {name.lower(): value for name, value in pairs}
    if len(values) != len(pairs):
        raise TokenError("a query parameter is given twice")
    if unknown := set(values) - _PARAMETERS:
        raise TokenError(f"unexpected in the query: {sorted(unknown)}")
    return values


def _check_query(values: dict[str, str], now: datetime) -> datetime:
    if values.get("action") != "GetCallerIdentity":
        raise TokenError("the action is not GetCallerIdentity")
    if CLUSTER_HEADER not in values.get("x-amz-signedheaders", "").lower().split(";"):
        raise TokenError(f"{CLUSTER_HEADER} is not signed")
    expires = values.get("x-amz-expires", "")
    if not re.fullmatch(r"[0-9]{1,4}", expires) or not 0 < int(expires) <= LIFETIME.total_seconds():
        raise TokenError("X-Amz-Expires is not within 1 to 900")
    if not re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", values.get("x-amz-date", "")):
        raise TokenError("X-Amz-Date is missing or malformed")
    try:
        signed = datetime.strptime(values["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise TokenError("X-Amz-Date is no date") from error
    if not signed - LIFETIME < now < signed + LIFETIME:
        raise TokenError("X-Amz-Date is not within fifteen minutes")
    return signed + LIFETIME
