"""Meta's Graph API, as far as Bellhop calls it: the Send API of Messenger.

https://developers.facebook.com/docs/messenger-platform/reference/send-api and, beside it, /error-codes
"""

import hmac
import re

from local.chat.exchange import Answer, Json, Request, json_answer, parse_object
from local.chat.messages import Conversation, Draft

MESSAGES = re.compile(r"/v25\.0/[0-9]+/messages")
TEXT_LIMIT = 2000
QUICK_REPLIES_LIMIT, TITLE_LIMIT, PAYLOAD_LIMIT = 13, 20, 1000
#: Whoever is called so wrote last more than 24 hours ago.
LATE = "late-"


class GraphError(Exception):
    """A call that Graph refuses, in its own words and numbers."""

    def __init__(self, status: int, code: int, subcode: int | None, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.subcode = status, code, subcode

    def answer(self) -> Answer:
        error: Json = {
            "message": str(self),
            "type": "OAuthException",
            "code": self.code,
            "fbtrace_id": "local",
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return json_answer({"error": error}, self.status)


def send(request: Request, *, page_token: str, conversation: Conversation) -> Answer:
    """Keep one message to a person, or answer why not. Its channel is the person's id; quick replies are kept as
    the buttons of a block, so that page and terminal show them as they show Slack's."""
    try:
        _authenticate(request, page_token)
        content = parse_object(request.body)
        if content is None:
            raise _invalid("the body must be a JSON object")
        draft = _draft(content)
    except GraphError as refusal:
        return refusal.answer()
    kept = conversation.keep(draft)
    return json_answer({"recipient_id": draft.channel, "message_id": f"m_{kept.sequence}"})


def _authenticate(request: Request, page_token: str) -> None:
    scheme, _, shown = request.header("authorization").partition(" ")
    right = hmac.compare_digest(shown.strip().encode(), page_token.encode())
    if "access_token" in request.query or scheme.lower() != "bearer" or not (page_token and right):
        raise GraphError(401, 190, None, "Invalid OAuth access token.")


def _draft(content: Json) -> Draft:
    if extra := content.keys() - {"recipient", "messaging_type", "message"}:
        raise _invalid(f"unknown: {', '.join(sorted(extra))}")
    if content.get("messaging_type") != "RESPONSE":
        raise _invalid("messaging_type must be RESPONSE")
    recipient, message = content.get("recipient"), content.get("message")
    person = recipient.get("id") if isinstance(recipient, dict) else None
    if not isinstance(person, str) or not re.fullmatch(r"[A-Za-z0-9-]{1,64}", person):
        raise GraphError(400, 100, 2018001, "No matching user found")
    if person.startswith(LATE):
        raise GraphError(400, 10, 2018278, "This message is sent outside of allowed window.")
    if not isinstance(message, dict) or message.keys() - {"text", "quick_replies"}:
        raise _invalid("message must be an object of text and quick_replies")
    text = message.get("text")
    if not isinstance(text, str) or not text.strip() or _units(text) > TEXT_LIMIT:
        raise _invalid(f"message[text] must have 1 to {TEXT_LIMIT} characters")
    buttons = [_button(each, index) for index, each in enumerate(_quick_replies(message))]
    said: Json = {"type": "section", "text": {"type": "plain_text", "text": text}}
    blocks = [said, *([{"type": "actions", "elements": buttons}] if buttons else [])]
    return Draft(via="messenger", channel=person, user=person, text=text, blocks=blocks)


def _quick_replies(message: Json) -> list[object]:
    replies = message.get("quick_replies", [])
    if not isinstance(replies, list) or len(replies) > QUICK_REPLIES_LIMIT:
        raise _invalid(f"quick_replies must be at most {QUICK_REPLIES_LIMIT}")
    return replies


def _button(reply: object, index: int) -> Json:
    fields = reply if isinstance(reply, dict) else {}
    title, payload = fields.get("title"), fields.get("payload")
    if fields.keys() != {"content_type", "title", "payload"} or fields["content_type"] != "text":
        raise _invalid(f"quick_replies[{index}] must have content_type text, title and payload")
    if not isinstance(title, str) or not 0 < len(title) <= TITLE_LIMIT:
        raise _invalid(f"quick_replies[{index}][title] must have 1 to {TITLE_LIMIT} characters")
    if not isinstance(payload, str) or not 0 < len(payload) <= PAYLOAD_LIMIT:
        raise _invalid(f"quick_replies[{index}][payload] must have 1 to {PAYLOAD_LIMIT} characters")
    shown = {"type": "plain_text", "text": title}
    return {"type": "button", "action_id": f"q{index}", "text": shown, "value": payload}


def _invalid(said: str) -> GraphError:
    return GraphError(400, 100, None, f"(#100) {said}")


def _units(text: str) -> int:
    """Characters as UTF-16 counts them."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
