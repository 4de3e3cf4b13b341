"""What is told to whom, and how it reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import routing
from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.chat.message import Button
from bellhop.chat.replies import Address
from bellhop.chat.slack import SECTION_TEXT, escape, message, render, shortened
from bellhop.errors import ConfigError
from bellhop.ledger import Entry, Outcome
from local.chat.block_rules import checked_blocks, checked_text
from notice_routes import Routes
from routing import Answer, Channel, Destination, Private, parse_routes
from tests.unit.chat_world import WHEN, asked_from, entry, said, texts

TEAM = parse_routes(json.dumps({"slack": {"channel": "C0OPS"}}))
NOBODY = parse_routes(None)
URL = "https://hooks.slack.com/commands/T/1/x"
ELSEWHERE = asked_from(URL, "C0SHOP")


def destinations(told: Entry, routes: Routes, asked: Address | None) -> list[Destination]:
    return routing.destinations(told, routes, asked, now=WHEN)


@pytest.mark.parametrize(
    ("outcome", "team"),
    [
        (Outcome.DONE, True),
        (Outcome.FAILED, True),
        (Outcome.REFUSED, True),
        (Outcome.SUPERSEDED, True),
        (Outcome.HELD, False),
        (Outcome.ANSWERED, False),
        (Outcome.ASKED, True),
    ],
)
def test_the_team_is_told_of_what_changed_or_could_not_be_done(outcome: Outcome, team: bool) -> None:
    assert destinations(entry(outcome=outcome), TEAM, None) == [Channel("C0OPS")] * team


@pytest.mark.parametrize("outcome", Outcome)
def test_who_asked_is_always_told_and_the_team_only_of_what_changed(outcome: Outcome) -> None:
    told = destinations(entry(outcome=outcome, asked_in="e1"), TEAM, ELSEWHERE)
    assert told == [Answer(URL, "C0SHOP")] + [Channel("C0OPS")] * (outcome is Outcome.DONE)


@pytest.mark.parametrize("outcome", Outcome)
def test_a_channel_that_has_the_answer_gets_no_notice_too(outcome: Outcome) -> None:
    told = destinations(entry(outcome=outcome, asked_in="e1"), TEAM, asked_from(URL, "C0OPS"))
    assert told == [Answer(URL, "C0OPS")]


def test_an_answer_that_comes_too_late_for_its_url_goes_to_the_channel() -> None:
    told = destinations(entry(asked_in="e1"), TEAM, asked_from(None, "C0SHOP"))
    assert told == [Channel("C0SHOP"), Channel("C0OPS")]
    assert destinations(entry(asked_in="e1"), TEAM, asked_from(None, "C0OPS")) == [Channel("C0OPS")]


def test_an_answer_to_a_mention_goes_into_its_thread() -> None:
    asked = asked_from(None, "C0SHOP", thread="1.2")
    told = destinations(entry(asked_in="e1"), TEAM, asked)
    assert told == [Channel("C0SHOP", "1.2"), Channel("C0OPS")]
    pressed = asked_from(URL, "C0SHOP", thread="1.2")
    assert destinations(entry(asked_in="e1"), NOBODY, pressed) == [Answer(URL, "C0SHOP", "1.2")]


def test_who_asked_in_messenger_is_answered_there_and_the_team_in_slack() -> None:
    asked = asked_from(None, "P1", platform="messenger", workspace="1234", user="P1")
    told = destinations(entry(asked_in="e1"), TEAM, asked)
    assert told == [Private("1234", "P1"), Channel("C0OPS")]


def test_a_channel_is_slacks_only_in_slack() -> None:
    asked = asked_from(None, "C0OPS", platform="messenger", workspace="1234", user="C0OPS")
    told = destinations(entry(asked_in="e1"), TEAM, asked)
    assert told == [Private("1234", "C0OPS"), Channel("C0OPS")]


def test_an_address_that_is_gone_leaves_the_team() -> None:
    assert destinations(entry(asked_in="e1"), TEAM, None) == [Channel("C0OPS")]


@pytest.mark.parametrize("outcome", Outcome)
def test_what_commands_wrote_was_answered_already(outcome: Outcome) -> None:
    assert destinations(entry(flow="commands", outcome=outcome), TEAM, None) == []


def question(**fields: Any) -> Entry:
    """More is wanted than needs no approval."""
    given: dict[str, Any] = {
        "action": "approve",
        "outcome": Outcome.ASKED,
        "summary": "shop/web: 12 replicas are wanted, 6 need no approval. `approve 1a2b3c4d` until 09:30:00 UTC",
        "reason": "ApprovalNeeded",
    }
    return entry(**(given | fields))


def test_a_question_of_scalings_is_asked_in_the_teams_channel_and_marked_as_one() -> None:
    assert destinations(question(), TEAM, None) == [Channel("C0OPS")]
    assert destinations(question(), NOBODY, None) == []
    shown = said(render(routing.render(question())))
    assert shown.startswith(":question: *shop/web: 12 replicas are wanted")
    assert "`approve 1a2b3c4d`" in shown


def test_an_approval_that_was_only_handed_on_is_no_question() -> None:
    assert destinations(question(flow="commands", reason="HandedOn"), TEAM, None) == []


@pytest.mark.parametrize("action", ["pause", "resume", "approve"])
@pytest.mark.parametrize("subject", ["shop/web", "policies"])
def test_what_people_said_of_policies_is_told_to_them_and_to_the_team(action: str, subject: str) -> None:
    told = entry(action=action, subject=subject, reason="ByHand", asked_in="e1")
    assert destinations(told, TEAM, ELSEWHERE) == [Answer(URL, "C0SHOP"), Channel("C0OPS")]
    assert destinations(told, TEAM, asked_from(URL, "C0OPS")) == [Answer(URL, "C0OPS")]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAILED])
def test_what_could_not_be_said_of_a_policy_is_told_to_who_said_it(outcome: Outcome) -> None:
    told = entry(action="approve", outcome=outcome, reason="QuestionExpired", asked_in="e1")
    assert destinations(told, TEAM, ELSEWHERE) == [Answer(URL, "C0SHOP")]


@pytest.mark.parametrize(
    "reason", ["WithinTolerance", "AwaitingMetric", "OnHold", "Paused", "ApprovalNeeded"]
)
def test_what_is_only_held_is_told_to_nobody(reason: str) -> None:
    assert destinations(entry(outcome=Outcome.HELD, reason=reason), TEAM, None) == []


@pytest.mark.parametrize("reason", ["MetricMissing", "NoReadyPods", "TooManyReplicas", "DryRun"])
def test_a_hold_that_somebody_should_look_into_is_told_to_the_team(reason: str) -> None:
    held = entry(outcome=Outcome.HELD, reason=reason)
    assert destinations(held, TEAM, None) == [Channel("C0OPS")]
    asked = entry(outcome=Outcome.HELD, reason=reason, asked_in="e1")
    assert destinations(asked, TEAM, None) == []


def test_without_a_document_nobody_but_who_asked_is_told() -> None:
    assert destinations(entry(), NOBODY, None) == []
    assert destinations(entry(asked_in="e1"), NOBODY, ELSEWHERE) == [Answer(URL, "C0SHOP")]


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '{"slack": {}}', '{"slak": {}}', '{"slack": "C0OPS"}', "\ud800"]
)
def test_a_document_that_is_wrong_is_a_fault_an_operator_can_mend(text: str) -> None:
    with pytest.raises(ConfigError, match="notifications document") as error:
        parse_routes(text)
    assert error.value.retryable


def test_an_entry_reads_what_from_to_and_why() -> None:
    rendered = render(routing.render(entry()))
    assert said(rendered) == (
        ":white_check_mark: *shop/web: 4 -&gt; 6 replicas*\nCPUUtilization 86 of 60 over 4 pods asks for 6"
    )
    [context] = rendered["blocks"][-1]["elements"]
    assert context["text"] == "alarm web-cpu-high · DesiredWithinRange · 01234567"
    assert rendered["text"] == said(rendered)


# Buttons


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.HELD])
def test_what_a_policy_did_or_held_back_can_be_explained_and_stopped(outcome: Outcome) -> None:
    explain, pause = routing.render(entry(outcome=outcome)).buttons
    assert explain == Button("Explain", "explain web -n shop")
    assert (pause.label, pause.command) == ("Pause", "pause web -n shop")
    assert "shop/web" in pause.confirm


def test_a_question_can_be_said_yes_to() -> None:
    assert routing.render(question()).buttons == (Button("Approve", "approve 1a2b3c4d", style="primary"),)
    assert routing.render(question(summary="shop/web: 12 replicas are wanted")).buttons == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"actor": "person ana"},
        {"action": "pause"},
        {"flow": "commands"},
        {"subject": "policies"},
        {"subject": "shop/web; x"},
        {"subject": "shop/web -n x"},
        {"subject": "a/b/c"},
        {"outcome": Outcome.REFUSED},
        {"outcome": Outcome.FAILED},
    ],
)
def test_nothing_else_has_buttons(fields: dict[str, Any]) -> None:
    assert routing.render(entry(**fields)).buttons == ()


def alarm(**fields: Any) -> AlarmEvent:
    given: dict[str, Any] = {
        "source": "arn:aws:cloudwatch:eu-west-1:1:alarm:bellhop-commands-dead-letters",
        "name": "bellhop-commands-dead-letters",
        "state": State.ALARM,
        "at": WHEN,
        "reason": "Threshold Crossed",
    }
    return AlarmEvent(**(given | fields))


def test_an_own_alarm_says_which_what_and_where_to_read_on() -> None:
    rendered = render(routing.render_own_alarm(alarm()))
    assert said(rendered) == (
        ":rotating_light: *Bellhop's own alarm bellhop-commands-dead-letters: ALARM*\nThreshold Crossed"
    )
    assert "docs/operations.md" in rendered["blocks"][1]["elements"][0]["text"]
    assert ":rotating_light:" not in said(render(routing.render_own_alarm(alarm(state=State.OK))))


HOSTILE = st.text(st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    [
        "<!channel>",
        "<!here> *x*",
        "<https://evil.example|click>",
        "&" * 4000,
        "<" * 4000,
        "😀" * 4000,
        "\x00",
        "`",
    ]
)


def assert_slack_takes(rendered: dict[str, Any]) -> None:
    """By the vendor's models and the limits they do not know; and nothing in it addresses anybody."""
    assert checked_text(rendered["text"]) == rendered["text"]
    assert checked_blocks(rendered["blocks"]) == rendered["blocks"]
    for text in texts(rendered):
        assert "<" not in text
        assert ">" not in text


@given(
    st.fixed_dictionaries(dict.fromkeys(("summary", "because", "actor", "reason", "id"), HOSTILE)),
    st.sampled_from(Outcome),
)
def test_slack_takes_every_entry_and_nothing_in_it_is_a_link_or_a_mention(
    fields: dict[str, str], outcome: Outcome
) -> None:
    # An entry's id is a hash: hex.
    assert_slack_takes(render(routing.render(entry(**(fields | {"id": "0" * 32}), outcome=outcome))))


@given(HOSTILE, HOSTILE, st.sampled_from(State))
def test_slack_takes_every_own_alarm(name: str, reason: str, state: State) -> None:
    assert_slack_takes(render(routing.render_own_alarm(alarm(name=name, reason=reason, state=state))))


@given(HOSTILE.filter(bool), HOSTILE)
def test_slack_takes_every_message(text: str, context: str) -> None:
    assert_slack_takes(message(escape(text), context=escape(context)))


def test_a_message_without_small_print_has_one_block() -> None:
    assert [block["type"] for block in message("x")["blocks"]] == ["section"]


@pytest.mark.parametrize("size", [0, 1, SECTION_TEXT - 1, SECTION_TEXT])
def test_a_text_that_fits_is_left_whole(size: int) -> None:
    assert shortened("x" * size, SECTION_TEXT) == "x" * size


def test_a_text_too_long_is_cut_to_the_limit_and_says_so() -> None:
    cut = shortened("x" * (SECTION_TEXT + 1), SECTION_TEXT)
    assert (len(cut), cut[-1]) == (SECTION_TEXT, "…")


def test_escaping_is_slacks_and_is_undone_by_slack() -> None:
    assert escape("a < b & c > d &lt;") == "a &lt; b &amp; c &gt; d &amp;lt;"
