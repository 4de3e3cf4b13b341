"""Slack's message format: mrkdwn text and Block Kit, within Slack's limits whatever the message.

https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bellhop.chat.cutting import pieces
from bellhop.chat.message import Button, Message

#: A section's text.
SECTION_TEXT = 3000
#: All texts of a message together: Slack says msg_blocks_too_long somewhere above 13,000. Pieces of a text are so
#: long that these are never 50 blocks, the other limit of a message.
_MESSAGE_TEXT = 12_000
_NOTE = 40
_CONTEXT_TEXT = 1000
_BUTTONS, _BUTTONS_TEXT = 25, 4000
_LABEL, _VALUE = 75, 2000
_CONFIRM_TITLE, _CONFIRM_TEXT, _CONFIRM_BUTTON = 100, 300, 30


def escape(text: str) -> str:
    """Text that shows as itself: Slack wants only these three replaced."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shortened(text: str, most: int) -> str:
    """The text, cut with an ellipsis when it is over `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def message(text: str, *, context: str = "") -> dict[str, Any]:
    """A message without buttons. text: mrkdwn, escaped where it must be. context: small print under it."""
    return render(Message(text, context=context))


def render(message: Message) -> dict[str, Any]:
    """`text` (the fallback, for notifications) and `blocks`: what to say, the buttons, the small print.

    A long text is several sections; what is too much for one message is left out, and said so. Buttons over
    Slack's limits, or without a label or a command, are left out.
    """
    below = [*_actions(message.buttons), *_context(message.context)]
    left = _MESSAGE_TEXT - _NOTE - sum(len(text) for block in below for text in _texts(block))
    cut = pieces(message.text, most=SECTION_TEXT, in_all=left, fences=True)
    said = [*cut.texts, *([cut.note] if cut.note else [])]
    blocks = [{"type": "section", "text": _mrkdwn(text)} for text in said] + below
    if not blocks:
        return {"text": "…", "blocks": [{"type": "section", "text": _mrkdwn("…")}]}
    return {"text": said[0] if said else "", "blocks": blocks}


def _context(text: str) -> list[dict[str, Any]]:
    cut = pieces(text, most=_CONTEXT_TEXT, in_all=_CONTEXT_TEXT)
    if not cut.texts:
        return []
    said = f"{cut.texts[0]}…" if cut.left_out else cut.texts[0]
    return [{"type": "context", "elements": [_mrkdwn(said)]}]


def _actions(buttons: tuple[Button, ...]) -> list[dict[str, Any]]:
    elements: list[dict[str, Any]] = []
    left = _BUTTONS_TEXT
    for button in buttons:
        if len(elements) == _BUTTONS or not button.label.strip() or not 0 < len(button.command) <= _VALUE:
            continue
        element = _button(button, f"b{len(elements)}")
        left -= sum(len(text) for text in _texts(element))
        if left < 0:
            break
        elements.append(element)
    return [{"type": "actions", "elements": elements}] if elements else []


def _button(button: Button, action_id: str) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "button",
        "action_id": action_id,
        "text": _plain(button.label, _LABEL),
        "value": button.command,
    }
    if button.style in {"primary", "danger"}:
        element["style"] = button.style
    if button.confirm.strip():
        element["confirm"] = {
            "title": _plain(button.label, _CONFIRM_TITLE),
            "text": _plain(button.confirm, _CONFIRM_TEXT),
            "confirm": _plain(button.label, _CONFIRM_BUTTON),
            "deny": _plain("Cancel", _CONFIRM_BUTTON),
        }
    return element


def _mrkdwn(text: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": text}


def _plain(text: str, most: int) -> dict[str, str]:
    return {"type": "plain_text", "text": shortened(text, most)}


def _texts(value: object) -> Iterator[str]:
    """Every text that is shown, at any depth."""
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "text" and isinstance(each, str):
                yield each
            else:
                yield from _texts(each)
