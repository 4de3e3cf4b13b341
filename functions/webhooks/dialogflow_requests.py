"""A verified webhook request of a Dialogflow agent, ES or CX -> a question to `commands`.

Forms: https://cloud.google.com/dialogflow/es/docs/reference/rpc/google.cloud.dialogflow.v2#webhookrequest and
https://cloud.google.com/dialogflow/cx/docs/reference/rpc/google.cloud.dialogflow.cx.v3#webhookrequest
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import payloads
from bellhop.http_api import Refusal

#: Of the session's whole name, and of its id (36 in the documentation).
_LONGEST_SESSION = 1000
_LONGEST_ID = 100
#: Characters of any other text that is used: longer than any command, and with it every answer is under 64 KiB.
_LONGEST_TEXT = 3000
#: A fulfillment's tag that begins so is a command of its own, whatever the person said.
_TAG = "command:"


@dataclass(frozen=True, slots=True)
class Question:
    """response_id: Dialogflow's name of the request; of the first one, when this one asks again. agent: "es" or
    "cx". session: its whole name."""

    agent: str
    session: str
    response_id: str
    text: str
    language: str = ""
    asks_again: bool = False

    def envelope(self, *, received_at: float, correlation: str) -> dict[str, Any]:
        """Who speaks is not known: the one subject `agent` asks for everybody. The channel is the session."""
        return {
            "id": payloads.identity("dialogflow", self.response_id),
            "platform": "dialogflow",
            "workspace": self.agent,
            "user": "agent",
            "channel": self.session.rpartition("/")[2],
            "text": self.text,
            "received_at": received_at,
            "correlation": correlation,
        }


def es(body: bytes) -> Question:
    """The intent's parameter `command`, or what was said. Raises Refusal 400.

    The event `bellhop-wait` (`bellhop.chat.dialogflow`) comes back with the parameters `command` and `bellhop_id`,
    the first request's: whoever asks again gets what was worked out in the meantime.
    """
    document = payloads.json_object(body)
    result = payloads.child(document, "queryResult")
    parameters = payloads.child(result, "parameters")
    first = _parameter(parameters, "bellhop_id")
    return Question(
        agent="es",
        session=_session(payloads.required(document, "session")),
        response_id=first or _text(document, "responseId", needed=True),
        text=_parameter(parameters, "command") or _text(result, "queryText"),
        language=_text(result, "languageCode"),
        asks_again=bool(first),
    )


def cx(body: bytes) -> Question:
    """The session's parameter `command`, or a tag's `command:...`, or what was said. Raises Refusal 400."""
    document = payloads.json_object(body)
    session = payloads.child(document, "sessionInfo")
    tag = _text(payloads.child(document, "fulfillmentInfo"), "tag")
    return Question(
        agent="cx",
        session=_session(payloads.required(session, "session")),
        response_id=_text(document, "detectIntentResponseId", needed=True),
        text=_parameter(payloads.child(session, "parameters"), "command")
        or (tag.removeprefix(_TAG).strip() if tag.startswith(_TAG) else "")
        or _text(document, "text"),
    )


def _parameter(parameters: dict[str, Any], name: str) -> str:
    """A parameter that is text; of another type it is the agent's own and none of ours."""
    return _text(parameters, name).strip() if isinstance(parameters.get(name), str) else ""


def _text(document: dict[str, Any], name: str, *, needed: bool = False) -> str:
    found = payloads.required(document, name) if needed else payloads.text(document, name)
    if len(found) > _LONGEST_TEXT:
        raise Refusal(400, f"{name} is over {_LONGEST_TEXT} characters")
    return found


def _session(name: str) -> str:
    if len(name) > _LONGEST_SESSION or not 1 <= len(name.rpartition("/")[2]) <= _LONGEST_ID:
        raise Refusal(400, f"session's last part is not 1 to {_LONGEST_ID} characters")
    return name
