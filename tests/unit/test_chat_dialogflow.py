"""Neutral messages as Dialogflow's answers: the vendor's own messages take them, and the text is plain."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest
from google.cloud import dialogflow_v2, dialogflowcx_v3
from hypothesis import given
from hypothesis import strategies as st

from bellhop.chat.dialogflow import cx_answer, es_answer, es_wait
from bellhop.chat.message import Button, Message

SESSION = "projects/shop-agent/agent/sessions/3b1f7a0c"
LIMIT = 64 * 1024


def es(message: dict[str, Any], session: str = SESSION) -> Any:
    body = json.dumps(es_answer(message, session))
    assert len(body) <= LIMIT
    return dialogflow_v2.WebhookResponse.from_json(body)


def cx(message: dict[str, Any]) -> Any:
    body = json.dumps(cx_answer(message))
    assert len(body) <= LIMIT
    return dialogflowcx_v3.WebhookResponse.from_json(body)


def es_texts(message: dict[str, Any]) -> list[str]:
    answer = es(message)
    return [answer.fulfillment_text, *(t for m in answer.fulfillment_messages for t in m.text.text)]


def cx_texts(message: dict[str, Any]) -> list[str]:
    return [text for each in cx(message).fulfillment_response.messages for text in each.text.text]


def neutral(text: str, *buttons: Button, context: str = "") -> dict[str, Any]:
    """As `commands` answers: a Message through JSON."""
    made = Message(text=text, buttons=buttons, context=context)
    return dict(json.loads(msgspec.json.encode(made)))


def test_the_oracle_refuses_what_is_not_the_vendors_form() -> None:
    with pytest.raises(Exception, match="no field named"):
        dialogflow_v2.WebhookResponse.from_json('{"fulfilmentText": "misspelt"}')
    with pytest.raises(Exception, match="no field named"):
        dialogflowcx_v3.WebhookResponse.from_json('{"fulfillmentText": "of es"}')


def test_the_text_is_said_with_its_small_print_under_it() -> None:
    message = neutral("*shop/web*: `4` of 4 pods", context="as of 9:00")
    assert es_texts(message) == ["shop/web: 4 of 4 pods\nas of 9:00"] * 2
    assert cx_texts(message) == ["shop/web: 4 of 4 pods\nas of 9:00"]


@pytest.mark.parametrize(
    "message", [{}, {"text": ""}, {"text": ":unknown_emoji:"}, {"text": None, "buttons": None}]
)
def test_something_is_always_said(message: dict[str, Any]) -> None:
    assert es_texts(message) == ["Done."] * 2
    assert cx_texts(message) == ["Done."]


# ------------------------------------------------------------------ more

MORE = Button("More", "more 1a2b")


@pytest.mark.parametrize(
    "buttons", [[MORE], [Button("Help", "help"), MORE], [MORE, Button("Other", "more 3")]]
)
def test_a_button_for_more_is_a_context_that_lasts_two_turns(buttons: list[Button]) -> None:
    message = neutral("the first five", *buttons)
    (context,) = es(message).output_contexts
    assert context.name == f"{SESSION}/contexts/bellhop-more"
    assert (context.lifespan_count, dict(context.parameters)) == (2, {"command": "more 1a2b"})
    assert cx(message).session_info.parameters["bellhop_more"] == "more 1a2b"


@pytest.mark.parametrize(
    "buttons", [[], [Button("Help", "help")], [Button("x", "moreover")], [Button("x", "")]]
)
def test_without_one_the_context_ends(buttons: list[Button]) -> None:
    message = neutral("all of it", *buttons)
    (context,) = es(message).output_contexts
    assert (context.lifespan_count, context.name) == (0, f"{SESSION}/contexts/bellhop-more")
    assert cx(message).session_info.parameters["bellhop_more"] is None


def test_cx_is_not_asked_the_same_command_again_in_the_next_turn() -> None:
    parameters = cx(neutral("done")).session_info.parameters
    assert "command" in parameters
    assert parameters["command"] is None


@pytest.mark.parametrize(("language", "told"), [("de", "de"), ("", "en")])
def test_the_event_that_asks_again_is_the_vendors_form(language: str, told: str) -> None:
    made = dialogflow_v2.WebhookResponse.from_json(json.dumps(es_wait("r-1", "status", language)))
    event = made.followup_event_input
    assert (event.name, event.language_code) == ("bellhop-wait", told)
    assert dict(event.parameters) == {"id": "r-1", "command": "status"}


# ------------------------------------------------------------------ plain text


@pytest.mark.parametrize(
    ("mrkdwn", "text"),
    [
        ("*bold* and *two words*", "bold and two words"),
        ("*shop/web*: 4 -&gt; 6", "shop/web: 4 -> 6"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("`team-*` and `*-api`", "team-* and *-api"),
        ("`&lt;name&gt;`", "<name>"),
        ("```\nNAME  READY\nweb   4/4\n```", "NAME  READY\nweb   4/4"),
        ("&amp;lt;", "&lt;"),
        ("good :some_emoji: work", "good work"),
        ("10:30:45 arn:aws:sns:eu-west-1:1:t", "10:30:45 arn:aws:sns:eu-west-1:1:t"),
        ("<https://example.com/?a=1&amp;b=2|the page>", "the page (https://example.com/?a=1&b=2)"),
        ("<@U123> asks in <#C123|ops>", "@U123 asks in #ops"),
        ("  größer 🔔  ", "größer 🔔"),
    ],
)
def test_slacks_marks_are_undone(mrkdwn: str, text: str) -> None:
    assert es_texts({"text": mrkdwn}) == [text] * 2
    assert cx_texts({"text": mrkdwn}) == [text]


@given(st.text(alphabet="*`<>|:@#!&ltgamp; ab_^\n") | st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert es_texts({"text": text})[0]
    assert cx_texts({"text": text})[0]


@pytest.mark.parametrize("piece", ["*", "`", "```", "<", ":", ":a", "*a ", "<a|", "*`<:", "a"])
def test_a_long_text_takes_no_time(piece: str) -> None:
    begun = time.perf_counter()
    es_answer({"text": piece * 20_000}, SESSION)
    assert time.perf_counter() - begun < 2


# ------------------------------------------------------------------ how much


@pytest.mark.parametrize("character", ["x", "é", "🔔", "\x01", '"', "\\", "\n."])
def test_the_answer_is_within_64_kib_whatever_its_characters(character: str) -> None:
    message = neutral(character * 60_000, Button("More", "more " + "🔔" * 300), context="y" * 60_000)
    session = "s/" * 450 + "🔔" * 100
    assert len(json.dumps(es_answer(message, session)).encode()) <= LIMIT
    for text in (*es_texts(message), *cx_texts(message)):
        assert text.endswith("…")
        assert character[0] in text


def test_what_fits_is_not_cut() -> None:
    text = "x" * 20_000
    assert es_texts(neutral(text)) == [text] * 2
    assert cx_texts(neutral(text)) == [text]
