"""What Slack would say about a message's text and blocks.

The vendor's own models (slack_sdk) are the rule for each block; what they drop on the way through is not
Block Kit. Beside them stand the few limits they do not know, from https://docs.slack.dev/reference/block-kit.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from slack_sdk.models.blocks import Block

from local.chat.exchange import Json

TEXT_LIMIT = 40_000
BLOCKS_LIMIT = 50
# Undocumented: people measured msg_blocks_too_long between 13,100 and 13,300 characters (bolt-js issue 2509).
BLOCKS_TEXT_LIMIT = 13_000
FIELD_TEXT_LIMIT = 2_000


class RefusedError(Exception):
    """A call that Slack refuses; `code` is Slack's, `details` say what and where, as Slack's messages do."""

    def __init__(self, code: str, details: list[str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or []


def checked_text(text: object) -> str:
    """The text, "" when absent. Raises RefusedError."""
    if text is None:
        return ""
    if not isinstance(text, str):
        raise RefusedError("invalid_arguments", ["must be a string [json-pointer:/text]"])
    if len(text) > TEXT_LIMIT:
        raise RefusedError("msg_too_long")
    return text


def checked_blocks(blocks: object) -> list[Json]:
    """The blocks, [] when absent; a JSON string of them is parsed, as forms carry it. Raises RefusedError."""
    if isinstance(blocks, str) and blocks:
        try:
            blocks = json.loads(blocks)
        except (ValueError, RecursionError):
            raise RefusedError("invalid_blocks_format") from None
    if not blocks:
        return []
    if not isinstance(blocks, list):
        raise RefusedError("invalid_blocks_format")
    details = list(_complaints(blocks))
    if details:
        raise RefusedError("invalid_blocks", details)
    if sum(len(text) for text in _texts(blocks)) > BLOCKS_TEXT_LIMIT:
        raise RefusedError("msg_blocks_too_long")
    return blocks


def _complaints(blocks: list[Any]) -> Iterator[str]:
    if len(blocks) > BLOCKS_LIMIT:
        yield f"no more than {BLOCKS_LIMIT} items allowed [json-pointer:/blocks]"
        return
    for index, block in enumerate(blocks):
        yield from _block_complaints(block, f"/blocks/{index}")
    yield from _repeated(blocks, "block_id", "/blocks")


def _block_complaints(block: object, pointer: str) -> Iterator[str]:
    if not isinstance(block, dict):
        yield f"must be an object [json-pointer:{pointer}]"
        return
    try:
        known = _through_the_models(block)
    except Exception as refusal:  # noqa: BLE001 - on junk the vendor's models raise whatever junk makes them
        yield f"{refusal} [json-pointer:{pointer}]"
        return
    yield from _dropped(block, known, pointer)
    yield from _missed_by_the_models(block, pointer)


def _through_the_models(block: Json) -> object:
    """What the vendor's models make of a block: None when they do not know its type. May raise anything."""
    parsed: list[Block | None] = [*Block.parse_all([deepcopy(block)])]
    return json.loads(json.dumps([each and each.to_dict() for each in parsed]))[0]


def _missed_by_the_models(block: Json, pointer: str) -> Iterator[str]:
    text = block.get("text")
    if block.get("type") == "header" and isinstance(text, dict) and text.get("type") != "plain_text":
        yield f"must be plain_text [json-pointer:{pointer}/text/type]"
    if block.get("type") == "section":
        for index, each in enumerate(block.get("fields") or []):
            if isinstance(each, dict) and len(str(each.get("text"))) > FIELD_TEXT_LIMIT:
                yield (
                    f"must be less than {FIELD_TEXT_LIMIT + 1} characters "
                    f"[json-pointer:{pointer}/fields/{index}/text]"
                )
    elements = block.get("elements")
    if block.get("type") == "actions" and isinstance(elements, list):
        yield from _repeated(elements, "action_id", f"{pointer}/elements")


def _dropped(sent: object, known: object, pointer: str) -> Iterator[str]:
    """Where `known`, what the models kept, has less than was sent (nulls aside)."""
    if isinstance(sent, dict) and isinstance(known, dict):
        for key, value in sent.items():
            if value is not None:
                yield from _dropped(value, known.get(key), f"{pointer}/{key}")
    elif isinstance(sent, list) and isinstance(known, list) and len(sent) == len(known):
        for index, (value, kept) in enumerate(zip(sent, known, strict=True)):
            yield from _dropped(value, kept, f"{pointer}/{index}")
    elif sent != known:
        yield f"unsupported or empty [json-pointer:{pointer}]"


def _repeated(items: list[Any], key: str, pointer: str) -> Iterator[str]:
    seen: set[object] = set()
    for index, item in enumerate(items):
        value = item.get(key) if isinstance(item, dict) else None
        if isinstance(value, str):
            if value in seen:
                yield f"{key} already exists: {value} [json-pointer:{pointer}/{index}/{key}]"
            seen.add(value)


def _texts(value: object) -> Iterator[str]:
    """Every string under a "text" key, at any depth."""
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "text" and isinstance(each, str):
                yield each
            else:
                yield from _texts(each)
