"""HTTP API events (payload format 2.0) in, responses out."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

type Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request. headers: lower-case names. query: a name given twice has its last value. body: the bytes as
    they were received."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: dict[str, str]
    body: bytes
    id: str


class Refusal(Exception):  # noqa: N818  it is an answer, not a fault
    """Answered instead of served. status: an HTTP status; reason: told to the caller, never a secret."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def read(event: Mapping[str, Any], *, largest_body: int) -> Request:
    """The request in an event. Raises Refusal 413 over `largest_body` bytes, 400 for bad base64."""
    text = event.get("body") or ""
    # Base64 is four thirds as long: too large either way is known without decoding.
    if len(text) > largest_body * 4 // 3 + 4:
        raise Refusal(413, f"the body is over {largest_body} bytes")
    if event.get("isBase64Encoded"):
        try:
            body = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Refusal(400, "the body is not base64") from None
    else:
        body = text.encode("utf-8", "surrogatepass")
    if len(body) > largest_body:
        raise Refusal(413, f"the body is over {largest_body} bytes")
    context = event.get("requestContext") or {}
    http = context.get("http") or {}
    return Request(
        method=str(http.get("method", "")),
        path=str(event.get("rawPath", "")),
        headers={str(k).lower(): str(v) for k, v in (event.get("headers") or {}).items()},
        query=dict(parse_qsl(str(event.get("rawQueryString", "")), keep_blank_values=True)),
        body=body,
        id=str(context.get("requestId", "")),
    )


def empty(status: int = 200) -> Response:
    return {"statusCode": status, "body": ""}


def refused(refusal: Refusal) -> Response:
    """A 4xx or 503 with its reason as JSON."""
    return {
        "statusCode": refusal.status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps({"error": refusal.reason}),
    }


def json_answer(document: object) -> Response:
    """200 with a JSON body that no cache keeps."""
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "cache-control": "no-store"},
        "body": json.dumps(document),
    }
