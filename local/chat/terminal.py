"""Messages as a person reads them in a terminal."""

import re
import textwrap
from datetime import tzinfo

from local.chat.exchange import Json
from local.chat.messages import Message

_FENCE = re.compile(r"```\n?(.*?)\n?```", re.DOTALL)
_INLINE = re.compile(
    r"`(?P<code>[^`\n]+)`"
    r"|<(?P<target>[^<>|\n]+)(?:\|(?P<label>[^<>\n]*))?>"
    r"|(?<![\w*_~])(?P<mark>[*_~])(?=\S)(?P<styled>[^\n]*?\S)(?P=mark)(?![\w*_~])"
)
_ADDRESS = re.compile(r"https?://|mailto:", re.IGNORECASE)
# Everything a terminal might obey: C0 and C1 controls but for newline and tab, and bidirectional overrides.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def soften(mrkdwn: str) -> str:
    """Slack's mrkdwn as plain text: no stars, links readable, entities undone, nothing a terminal obeys.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    parts = _FENCE.split(mrkdwn)  # every second part was inside a fence
    text = "".join(part if index % 2 else _INLINE.sub(_plain, part) for index, part in enumerate(parts))
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, character)
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def _plain(found: re.Match[str]) -> str:
    if found["code"]:
        return found["code"]
    if found["styled"]:
        return _INLINE.sub(_plain, found["styled"])
    return _link(found)


def _link(found: re.Match[str]) -> str:
    target, label = found["target"], found["label"]
    match target[0]:
        case "@" | "#":
            return target[0] + (label or target[1:])
        case "!":
            return "@" + (label or target[1:].split("^")[0])
    if not _ADDRESS.match(target):
        return found[0]
    return f"{label} ({target})" if label and label != target else target


def body(text: str, blocks: list[Json]) -> str:
    """What Slack would show: the blocks when there are any, otherwise the text."""
    if not blocks:
        return soften(text)
    return "\n".join(filter(None, map(_block, blocks))) or soften(text)


def _block(block: Json) -> str:
    match block.get("type"):
        case "header" | "section":
            texts = [block.get("text"), *(block.get("fields") or [])]
            return "\n".join(_text(each) for each in texts if each)
        case "context":
            return "  ".join(_text(each) for each in block.get("elements", []))
        case "actions":
            return "  ".join(f"[{soften(_label(each))}]" for each in block.get("elements", []))
        case "divider":
            return "-" * 20
    return f"({soften(str(block.get('type')))} block)"


def _text(given: Json) -> str:
    """A text object, or an image's alternative text as none."""
    said = str(given.get("text") or "")
    return soften(said) if given.get("type") == "mrkdwn" else _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", said)


def _label(element: Json) -> str:
    text = element.get("text") or element.get("placeholder") or {}
    return str(text.get("text") or element.get("type"))


def block_of(message: Message, zone: tzinfo | None = None) -> str:
    """One message as a few lines: when, where, who sees it and why, then indented what it says."""
    draft = message.draft
    where = [message.received_at.astimezone(zone).strftime("%H:%M:%S"), draft.channel]
    if draft.via == "messenger":
        where.append("in Messenger")
    if draft.response_type == "ephemeral":
        where.append(f"only {draft.user} sees it")
    if draft.command:
        where.append(f"for {draft.command!r}")
    if draft.thread_ts:
        where.append("in a thread")
    if draft.replaces is not None:
        where.append("deleted" if draft.deleted else "edited")
    says = "" if draft.deleted else textwrap.indent(body(draft.text, draft.blocks), "    ") + "\n"
    return f"{_UNSAFE.sub('', '  '.join(where))}\n{says}"
