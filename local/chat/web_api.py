"""Slack's Web API, as far as Bellhop calls it: auth.test and the three chat methods.

Errors come as HTTP 200 with `ok: false`, as Slack sends them (https://docs.slack.dev/apis/web-api).
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl

from local.chat.block_rules import RefusedError, checked_blocks, checked_text
from local.chat.exchange import Answer, Json, Request, json_answer, parse_object
from local.chat.messages import Conversation, Draft, Message

TEAM = "T0LOCAL"
BOT = {"user_id": "U0BELLHOP", "bot_id": "B0BELLHOP", "app_id": "A0BELLHOP"}
_CHANNEL = re.compile(r"[CDGUW][A-Z0-9]+|#?[a-z0-9_-]{1,80}")


def call(method: str, request: Request, *, bot_token: str, conversation: Conversation) -> Answer:
    """Answer one Web API call, keeping the message where it posts one."""
    try:
        handle = _METHODS.get(method)
        if handle is None:
            return json_answer({"ok": False, "error": "unknown_method", "req_method": method})
        arguments = _arguments(request)
        _authenticate(request, arguments, bot_token)
        return json_answer({"ok": True, **handle(arguments, conversation)})
    except RefusedError as refusal:
        return json_answer(_refused(refusal))


def _refused(refusal: RefusedError) -> Json:
    answer: Json = {"ok": False, "error": refusal.code}
    if refusal.details:
        answer["errors"] = refusal.details
        answer["response_metadata"] = {"messages": [f"[ERROR] {detail}" for detail in refusal.details]}
    return answer


def _arguments(request: Request) -> Json:
    kind = request.header("content-type").split(";")[0].strip().lower()
    if not request.body:
        return {}
    if kind == "application/json":
        arguments = parse_object(request.body)
        if arguments is None:
            raise RefusedError("invalid_json")
        return arguments
    if kind == "application/x-www-form-urlencoded":
        try:
            return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=False))
        except ValueError:
            raise RefusedError("invalid_form_data") from None
    raise RefusedError("invalid_post_type")


def _authenticate(request: Request, arguments: Json, bot_token: str) -> None:
    scheme, _, shown = request.header("authorization").partition(" ")
    form = request.header("content-type").startswith("application/x-www-form-urlencoded")
    token = shown.strip() if scheme.lower() == "bearer" else arguments.get("token", "") if form else ""
    if not token:
        raise RefusedError("not_authed")
    if not hmac.compare_digest(token.encode(), bot_token.encode()):
        raise RefusedError("invalid_auth")


def _auth_test(_: Json, __: Conversation) -> Json:
    return {
        "url": "https://local.slack.com/",
        "team": "Local",
        "user": "bellhop",
        "team_id": TEAM,
        "user_id": BOT["user_id"],
        "bot_id": BOT["bot_id"],
        "is_enterprise_install": False,
    }


def _post_message(arguments: Json, conversation: Conversation) -> Json:
    kept = conversation.keep(_draft(arguments, via="chat.postMessage"))
    return {"channel": kept.draft.channel, "ts": kept.ts, "message": _shown(kept)}


def _post_ephemeral(arguments: Json, conversation: Conversation) -> Json:
    user = arguments.get("user")
    if not user or not isinstance(user, str):
        raise RefusedError("invalid_arguments", ["missing required field: user"])
    draft = _draft(arguments, via="chat.postEphemeral")
    return {"message_ts": conversation.keep(replace(draft, user=user, response_type="ephemeral")).ts}


def _update(arguments: Json, conversation: Conversation) -> Json:
    """Edit a message of ours; the new text and blocks take the place of both old ones.

    An ephemeral message cannot be edited this way: https://docs.slack.dev/reference/methods/chat.update
    """
    draft, ts = _draft(arguments, via="chat.update"), arguments.get("ts")
    original = conversation.standing(lambda each: each.ts == ts and each.draft.channel == draft.channel)
    if original is None:
        raise RefusedError("message_not_found")
    if original.draft.response_type == "ephemeral":
        raise RefusedError("cant_update_message")
    edit = replace(
        original.draft,
        via=draft.via,
        text=draft.text,
        blocks=draft.blocks,
        ts=original.ts,
        replaces=original.sequence,
    )
    kept = conversation.keep(edit)
    return {"channel": draft.channel, "ts": kept.ts, "text": kept.draft.text, "message": _shown(kept)}


def _draft(arguments: Json, *, via: str) -> Draft:
    channel = _channel(arguments)
    text = checked_text(arguments.get("text"))
    blocks = checked_blocks(arguments.get("blocks"))
    if not text and not blocks:
        raise RefusedError("no_text")
    thread_ts = arguments.get("thread_ts")
    return Draft(
        via=via,
        channel=channel,
        text=text,
        blocks=blocks,
        thread_ts=thread_ts if isinstance(thread_ts, str) else None,
    )


def _channel(arguments: Json) -> str:
    channel = arguments.get("channel")
    if not isinstance(channel, str) or not _CHANNEL.fullmatch(channel):
        raise RefusedError("channel_not_found")
    return channel


def _shown(message: Message) -> Json:
    """The message as Slack gives it back to the bot that posted it."""
    shown: Json = {
        "type": "message",
        "user": BOT["user_id"],
        "bot_id": BOT["bot_id"],
        "app_id": BOT["app_id"],
        "team": TEAM,
        "text": message.draft.text,
        "ts": message.ts,
    }
    if message.draft.blocks:
        shown["blocks"] = message.draft.blocks
    if message.draft.thread_ts:
        shown["thread_ts"] = message.draft.thread_ts
    return shown


_METHODS: dict[str, Callable[[Json, Conversation], Json]] = {
    "auth.test": _auth_test,
    "chat.postMessage": _post_message,
    "chat.postEphemeral": _post_ephemeral,
    "chat.update": _update,
}
