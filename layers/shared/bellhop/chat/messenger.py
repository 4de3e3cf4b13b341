"""Messenger's message format: plain text and quick replies, as bodies for the Send API.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
https://developers.facebook.com/docs/messenger-platform/send-messages/quick-replies
"""

from __future__ import annotations

from typing import Any

from bellhop.chat.cutting import pieces
from bellhop.chat.message import Button, Message
from bellhop.chat.plain import plain

#: Characters of one message, as long quoted; counted as UTF-16 does, which is the stricter way.
TEXT = 2000
#: Of all messages that one reply becomes: nobody reads more on a phone.
_REPLY_TEXT = 12_000
_NOTE = 40
_QUICK_REPLIES, _TITLE, _PAYLOAD = 13, 20, 1000


def payloads(message: Message, recipient: str, *, most: int = TEXT) -> list[dict[str, Any]]:
    """Send API bodies, to be sent in this order; one at least.

    recipient: the person's page-scoped id. most: characters of one message, 100 or more. Longer replies become
    several messages; the buttons are quick replies on the last one. Quick replies ask nothing back, so a button's
    `confirm` is not asked here. Buttons over Messenger's limits are left out.
    """
    said = "\n".join(filter(None, (plain(message.text).strip(), plain(message.context).strip())))
    cut = pieces(said, most=most - _NOTE, in_all=_REPLY_TEXT, size=_units)
    texts = list(cut.texts) or ["…"]
    if cut.note:
        texts[-1] += f"\n{cut.note}"
    bodies = [_body(recipient, {"text": text}) for text in texts]
    if replies := _quick_replies(message.buttons):
        bodies[-1]["message"]["quick_replies"] = replies
    return bodies


def _body(recipient: str, message: dict[str, Any]) -> dict[str, Any]:
    return {"recipient": {"id": recipient}, "messaging_type": "RESPONSE", "message": message}


def _quick_replies(buttons: tuple[Button, ...]) -> list[dict[str, str]]:
    fitting = [b for b in buttons if b.label.strip() and 0 < len(b.command) <= _PAYLOAD]
    return [
        {"content_type": "text", "title": _title(button.label), "payload": button.command}
        for button in fitting[:_QUICK_REPLIES]
    ]


def _title(label: str) -> str:
    return label if len(label) <= _TITLE else f"{label[: _TITLE - 1]}…"


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
