"""What senders post, JSON or a form, read strictly: whatever is not of the expected form is a 400 that names it."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import parse_qsl

from bellhop.http_api import Refusal

#: A slash command has some 15 fields; more is not one.
_MOST_FIELDS = 50


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in a body."""
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):  # UnicodeDecodeError among them
        raise Refusal(400, "the body is not JSON in UTF-8") from None
    if not isinstance(document, dict):
        raise Refusal(400, "the body is not a JSON object")
    return document


def form(raw: bytes) -> dict[str, str]:
    """The fields of a form; one that is given twice has its last value."""
    try:
        text = raw.decode("utf-8")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
    except ValueError:  # UnicodeDecodeError among them
        raise Refusal(400, "the body is not a form in UTF-8") from None


def child(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under a name; absent or null, an empty one."""
    value = document.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refusal(400, f"{name} is not an object")
    return value


def children(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects of the list under a name; absent or null, none."""
    value = document.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise Refusal(400, f"{name} is not a list of objects")
    return value


def text(document: dict[str, Any], name: str) -> str:
    """The text under a name; absent or null, an empty one. Half a character (a lone surrogate) is no text."""
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or not _is_utf_8(value):
        raise Refusal(400, f"{name} is not text")
    return value


def required(document: dict[str, Any], name: str) -> str:
    """The text under a name, which is there and not empty."""
    if found := text(document, name):
        return found
    raise Refusal(400, f"{name} is missing")


def identity(*parts: str) -> str:
    """The envelope's id for what the sender identifies by these parts: the same whenever it is delivered again."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _is_utf_8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
