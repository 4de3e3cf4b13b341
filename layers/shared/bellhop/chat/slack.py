"""Slack's message format: mrkdwn text and Block Kit, within Slack's limits."""

from __future__ import annotations

from typing import Any

#: Block Kit: a section's text. https://api.slack.com/reference/block-kit/blocks
SECTION_TEXT = 3000


def escape(text: str) -> str:
    """Text that shows as itself: Slack wants only these three replaced."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shortened(text: str, most: int) -> str:
    """The text, cut with an ellipsis when it is over `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def message(text: str, *, context: str = "") -> dict[str, Any]:
    """A message of one section and, under it, a line in small print. text: mrkdwn, escaped where it must be."""
    blocks = [_block("section", {"text": _mrkdwn(text)})]
    if context:
        blocks.append(_block("context", {"elements": [_mrkdwn(context)]}))
    return {"text": shortened(text, SECTION_TEXT), "blocks": blocks}


def _mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": shortened(text, SECTION_TEXT)}


def _block(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, **fields}
