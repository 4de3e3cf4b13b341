"""Neutral messages (`bellhop.chat.message`, as JSON) -> what a Dialogflow webhook answers, ES and CX.

Forms: https://cloud.google.com/dialogflow/es/docs/reference/rpc/google.cloud.dialogflow.v2#webhookresponse and
https://cloud.google.com/dialogflow/cx/docs/reference/rpc/google.cloud.dialogflow.cx.v3#webhookresponse
Only the standard library: the door's imports are a budget. Pure.
"""

from __future__ import annotations

import json
from typing import Any

from bellhop.chat.plain import plain

#: Bytes of the answer's text as JSON. Dialogflow takes 64 KiB in all, and ES is told the text twice.
LONGEST_TEXT = 24_000
#: Bytes of a command that is handed back, as JSON: longer than any that Bellhop makes.
_LONGEST_COMMAND = 4000
#: The context that ES is given, and the session's parameter that CX is given, while there is more to show.
MORE_CONTEXT = "bellhop-more"
MORE_PARAMETER = "bellhop_more"
#: The event with which ES asks again: https://cloud.google.com/dialogflow/es/docs/events-custom
WAIT_EVENT = "bellhop-wait"

#: Said when the work outlasts what Dialogflow waits.
LATER: dict[str, Any] = {"text": "It takes longer than Dialogflow waits; ask again in a moment."}


def es_answer(message: dict[str, Any], session: str) -> dict[str, Any]:
    """ES: the text, and for a button `more` the context bellhop-more, for two turns.

    session: its whole name. The context's parameter `command` is the button's: an intent that asks for the context
    gives it back as its own parameter `command`. Without such a button, the context ends.
    """
    text = _said(message)
    more = _more(message)
    context: dict[str, Any] = {
        "name": f"{session}/contexts/{MORE_CONTEXT}",
        "lifespanCount": 2 if more else 0,
    }
    if more:
        context["parameters"] = {"command": more}
    return {
        "fulfillmentText": text,
        "fulfillmentMessages": [{"text": {"text": [text]}}],
        "outputContexts": [context],
    }


def es_wait(response_id: str, command: str, language: str) -> dict[str, Any]:
    """ES, when the work outlasts the first request: the event bellhop-wait, which comes back as a second one.

    An intent with that event, the webhook enabled, and the parameters `bellhop_id` (`#bellhop-wait.id`) and
    `command` (`#bellhop-wait.command`) asks for the same answer again. ES says no text that comes with an event;
    an agent without such an intent answers with its own fallback.
    """
    event: dict[str, Any] = {
        "name": WAIT_EVENT,
        "parameters": {"id": response_id, "command": command},
        "languageCode": language or "en",
    }
    return {"fulfillmentText": LATER["text"], "followupEventInput": event}


def cx_answer(message: dict[str, Any]) -> dict[str, Any]:
    """CX: the text. The session's parameters last, so `command` is taken back, or it would be asked every turn;
    bellhop_more is the command that shows more, or nothing."""
    return {
        "fulfillmentResponse": {"messages": [{"text": {"text": [_said(message)]}}]},
        "sessionInfo": {"parameters": {"command": None, MORE_PARAMETER: _more(message) or None}},
    }


def _said(message: dict[str, Any]) -> str:
    """The text with its small print under it, as much of it as fits. Never empty: Dialogflow would say nothing."""
    parts = (plain(str(message.get(name) or "")).strip() for name in ("text", "context"))
    return _fitting("\n".join(part for part in parts if part) or "Done.")


def _fitting(text: str) -> str:
    """The text, cut with an ellipsis where its JSON would be over LONGEST_TEXT bytes."""
    if len(json.dumps(text)) <= LONGEST_TEXT:
        return text
    room = LONGEST_TEXT - len(json.dumps("…"))
    for index, character in enumerate(text):
        room -= len(json.dumps(character)) - len('""')
        if room < 0:
            return f"{text[:index]}…"
    return text


def _more(message: dict[str, Any]) -> str:
    """The command of the button that shows more; "" without one."""
    for button in message.get("buttons") or ():
        command = str(button.get("command") or "") if isinstance(button, dict) else ""
        if command.split(None, 1)[:1] == ["more"] and len(json.dumps(command)) <= _LONGEST_COMMAND:
            return command
    return ""
