"""One HTTP request and one answer, apart from sockets."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from local.cluster.answers import ApiError, bad_request
from local.cluster.protobuf import UndecodableError, decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.cluster.answers import Json, Value

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent. Header names are in lower case; `query` is already taken apart."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def content_type(self) -> str:
        """Without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def accept(self) -> str:
        """Empty when the client does not say."""
        return self.headers.get("accept", "")

    @property
    def manager(self) -> str:
        """The field manager: the query's, else the User-Agent up to its first slash."""
        return (
            self.query.get("fieldManager")
            or self.headers.get("user-agent", "").partition("/")[0]
            or "unknown"
        )

    def value(self) -> Value:
        """The body as JSON, or YAML where the content type says so. Raises ApiError 400."""
        try:
            if self.content_type.endswith("yaml"):
                return yaml.safe_load(self.body)
            return json.loads(self.body)
        except (ValueError, yaml.YAMLError, RecursionError) as error:
            raise bad_request(
                f"the object provided is unrecognized: couldn't get version/kind: {error}"
            ) from error

    def object(self) -> Json:
        """The body as a JSON object. Raises ApiError 400, or 415 for protobuf."""
        value = self._protobuf() if self.content_type.endswith("protobuf") else self.value()
        if not isinstance(value, dict):
            raise bad_request("the object provided is unrecognized: it is no JSON object")
        if not isinstance(value.get("metadata", {}), dict | None):
            raise bad_request("the object provided is unrecognized: its metadata is no JSON object")
        return value

    def _protobuf(self) -> Json:
        try:
            return decode(self.body)
        except (UndecodableError, RecursionError) as error:
            text = "the body of the request was in an unknown format - accepted media types include: "
            raise ApiError(
                415, "UnsupportedMediaType", f"{text}application/json, application/yaml"
            ) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a body, or a stream of JSON lines (a watch)."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Iterator[Json | None] | None = None


def json_answer(status: int, body: Json) -> Answer:
    """A JSON object."""
    return Answer(status, json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")


def text_answer(status: int, text: str) -> Answer:
    """A line of text."""
    return Answer(status, text.encode(), TEXT)


def error_answer(error: ApiError) -> Answer:
    """A refusal."""
    answer = json_answer(error.status, error.body())
    if error.retry_after is None:
        return answer
    return Answer(answer.status, answer.body, headers={"Retry-After": str(error.retry_after)})
