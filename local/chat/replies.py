"""Posts to a response_url, as https://hooks.slack.com/commands/... takes them."""

from local.chat.block_rules import RefusedError, checked_blocks, checked_text
from local.chat.exchange import Answer, Json, json_answer, parse_object, text_answer
from local.chat.messages import Conversation, Draft, Message
from local.chat.response_urls import Minted, ResponseUrls, UrlRefusedError


def take_reply(
    url_id: str, secret: str, body: bytes, *, urls: ResponseUrls, conversation: Conversation
) -> Answer:
    """Keep one post, or answer why not: 404 with expired_url or used_url, 400 with what is wrong with it.

    Only a kept post is counted against the url.
    """
    try:
        minted = urls.look_up(url_id, secret)
        content = parse_object(body)
        if content is None:
            raise RefusedError("invalid_payload")
        draft = reply_draft(content, minted, original=_original(minted, conversation))
        urls.use(url_id, secret)
    except UrlRefusedError as refusal:
        return json_answer({"ok": False, "error": refusal.code}, 404)
    except RefusedError as refusal:
        return text_answer(refusal.code, 400)
    conversation.keep(draft)
    return text_answer("ok")


def reply_draft(content: Json, minted: Minted, *, original: Message | None) -> Draft:
    """The message that a post makes. Without `response_type` only the person who asked sees it.

    `replace_original` and `delete_original` are for the message whose button was pressed, or else for the
    last one that came through this url; where there is none yet, Slack posts a new one. Raises RefusedError.
    """
    text = checked_text(content.get("text"))
    blocks = checked_blocks(content.get("blocks"))
    delete = content.get("delete_original") is True
    edits = original if delete or content.get("replace_original") is True else None
    if not text and not blocks and not delete:
        raise RefusedError("no_text")
    public = content.get("response_type") == "in_channel"
    thread_ts = content.get("thread_ts")
    return Draft(
        via="response_url",
        channel=minted.channel,
        user=minted.user,
        text=text,
        blocks=blocks,
        response_type=edits.draft.response_type if edits else "in_channel" if public else "ephemeral",
        ts=edits.ts if edits else None,
        thread_ts=thread_ts if isinstance(thread_ts, str) else None,
        command=minted.command,
        reply_to=minted.id,
        replaces=edits.sequence if edits else None,
        deleted=delete,
    )


def _original(minted: Minted, conversation: Conversation) -> Message | None:
    pressed = minted.message_ts
    if pressed is not None:
        return conversation.standing(lambda each: each.ts == pressed and each.draft.channel == minted.channel)
    return conversation.standing(lambda each: each.draft.reply_to == minted.id)
