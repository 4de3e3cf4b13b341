"""One HTTP exchange as plain values: what came in, and what goes back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` has no query; `headers` has lower-case names; `query` has each key's last value."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(content: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, json.dumps(content).encode(), "application/json; charset=utf-8", headers or {})


def text_answer(content: str, status: int = 200) -> Answer:
    return Answer(status, content.encode(), "text/plain; charset=utf-8")


def parse_object(body: bytes) -> Json | None:
    """The JSON object in a body, or None when there is none."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None
