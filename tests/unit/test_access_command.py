"""`access check`: says what the conversation would do, to admins only, and does none of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellhop.chat.access import parse_access
from bellhop.ledger import Outcome
from tests.unit.chat_world import ADA, ANA, CHANNEL, STRANGER, TEAM, VIC, Chat, MemoryDesk

HERE = f"slack:{TEAM}/{CHANNEL}"
PEOPLE = {
    "ana": ["operator"],
    "vic": ["viewer"],
    "ada": ["admin"],
    "sam": ["shop"],
    "ned": [],
    "dan": ["dangerous"],
}
IDS = {"ana": ANA, "vic": VIC, "ada": ADA, "sam": "USAM", "ned": "UNED", "dan": "UDAN"}
ROLES = {
    "shop": {"risk": "change", "commands": ["scale", "pods", "pause"], "namespaces": ["shop", "team-*"]},
    "dangerous": {"risk": "danger"},
}


def chat(**parts: Any) -> Chat:
    persons = {name: {"ids": [f"slack:{TEAM}/{IDS[name]}"], "roles": roles} for name, roles in PEOPLE.items()}
    persons["bot"] = {"ids": ["dialogflow:es/agent"], "roles": ["admin"]}
    document = {"persons": persons, "roles": ROLES} | parts
    return Chat(access=lambda: parse_access(json.dumps(document)), desk=MemoryDesk(default_namespace="prod"))


def check(who: str, line: str, **parts: Any) -> str:
    return chat(**parts).ask(f"access check {who} '{line}'", user=ADA)


@pytest.mark.parametrize(
    ("who", "line", "told"),
    [
        ("ana", "scale web 5 -n shop", "*ana* (operator) may run *scale web 5 -n shop* here."),
        ("ana", "scale web 5 -n shop", "Allowed by operator, as for namespace shop."),
        ("ana", "scale web 5", "as for namespace prod"),
        ("ana", "whoami", "Allowed by operator."),
        (f"slack:{TEAM}/{ANA}", "bsp", "*ana* (operator) may run *policies* here."),
        ("vic", "scale web 5", "*vic* (viewer) may not run *scale web 5* here."),
        ("vic", "scale web 5", "Role: `scale` is change, and viewer allows read at most."),
        ("ana", "drain n1", "Role: `drain` is danger, and operator allows change at most."),
        ("sam", "whoami", "Role: shop does not have `whoami`."),
        ("ned", "whoami", "*ned* (no role) may not run *whoami* here.\nRole: none is given."),
        ("sam", "scale web 5 -n other", "Namespace: shop does not reach namespace other."),
        ("sam", "scale web 5", "Namespace: shop does not reach namespace prod."),
        ("sam", "pods -A", "Namespace: shop does not reach all namespaces at once."),
        ("vic", "access check ana whoami", "Role: `access` is for the role admin alone."),
        ("bot", "scale web 5", "Platform: `scale` is not for Dialogflow."),
        ("bot", "whoami", "may run *whoami*"),
        ("nobody", "whoami", "*nobody* may run nothing: the access document has no such name or id."),
        (f"slack:{TEAM}/{STRANGER}", "whoami", "may run nothing"),
        ("slack:*", "whoami", "may run nothing"),
    ],
)
def test_it_says_whether_and_why(who: str, line: str, told: str) -> None:
    assert told in check(who, line)


def test_a_channel_that_narrows_is_named_as_what_is_in_the_way() -> None:
    narrowed = {HERE: {"roles": ["viewer"]}}
    told = check("ana", "scale web 5", channels=narrowed)
    assert "Channel: its own roles narrow" in told
    assert "viewer allows read at most" in told
    assert "may run *whoami* here" in check("ana", "whoami", channels=narrowed)


@pytest.mark.parametrize(
    ("line", "approval", "told"),
    [
        ("drain n1", {}, "It would wait for approval by another person who may run it."),
        ("scale web 5", {"required": ["scale@prod"]}, "by another person who may run it"),
        ("scale web 5", {"required": ["scale"], "quorum": 2}, "by 2 other persons who may run it"),
        (
            "scale web 5",
            {"required": ["scale"], "approvers": ["operator", "shop"]},
            "the role operator or shop.",
        ),
    ],
)
def test_it_says_what_would_need_approval(line: str, approval: dict[str, Any], told: str) -> None:
    assert told in check("ada", line, approval=approval)


def test_it_says_nothing_of_approval_where_none_is_needed_or_it_may_not_run() -> None:
    required = {"required": ["scale@prod"]}
    assert "approval" not in check("ana", "scale web 5 -n shop", approval=required)
    assert "approval" not in check("vic", "scale web 5", approval=required)
    assert "approval" not in check("ana", "drain n1")


@pytest.mark.parametrize("user", [ANA, VIC, "UDAN"])
def test_only_the_role_admin_may_ask_and_no_other_role_that_allows_danger(user: str) -> None:
    asked = chat()
    answer = asked.ask("access check ada whoami", user=user)
    assert answer.startswith("`access` is not among what")
    assert (asked.ledger.only().outcome, asked.ledger.only().reason) == (Outcome.REFUSED, "NotAllowed")


def test_dialogflow_may_not_ask_though_the_agent_is_an_admin() -> None:
    agent: dict[str, Any] = {
        "platform": "dialogflow",
        "workspace": "es",
        "user": "agent",
        "response_url": None,
    }
    assert "not among what bot" in chat().ask("access check ada whoami", **agent)


def test_nothing_is_run_handed_on_or_put_to_approval() -> None:
    asked = chat(approval={"required": ["scale"]})
    asked.ask("access check ana 'scale web 5'", user=ADA)
    asked.ask("access check ada 'drain n1'", user=ADA, id="e2")
    assert asked.desk.handed == []
    assert asked.desk.jobs == []
    assert asked.approvals.kept == {}
    assert {(e.action, e.outcome) for e in asked.ledger.entries.values()} == {("access", Outcome.ANSWERED)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("access check ana 'scale web'", "usage: `scale TARGET"),
        ("access check ana scal", "did you mean `scale`?"),
        ("access check ana ''", "which command?"),
        ("access check ana '\"'", "quotation"),
        ("access show ana whoami", "is not one of check"),
        ("access check ana", "usage: `access check WHO"),
        ("access check ana scale web 5", "usage: `access check WHO &quot;COMMAND...&quot;`"),
    ],
)
def test_what_is_no_command_is_refused_with_what_was_expected(text: str, told: str) -> None:
    asked = chat()
    assert told in asked.ask(text, user=ADA).replace('"', "&quot;")
    assert asked.ledger.only().outcome is Outcome.REFUSED


def test_what_was_typed_is_shown_escaped_and_never_in_the_ledger() -> None:
    asked = chat()
    answer = asked.ask("access check '<!channel>' whoami", user=ADA)
    assert "<!channel>" not in answer
    answer = asked.ask("access check ana 'logs web --grep <!here>'", user=ADA, id="e2")
    assert "&lt;!here&gt;" in answer
    assert "here&gt;" not in repr(asked.ledger.entries)


_LINES = st.sampled_from(
    [
        *(
            "whoami",
            "help",
            "scale web 5",
            "scale web 5 -n shop",
            "scale web 5 -n team-a",
            "drain n1",
            "cordon n1",
        ),
        *("pause all", "restart web -n shop", "access check ana whoami", "cancel 1a2b3c4d5e6f"),
    ]
)
_NARROWED = st.sampled_from(
    [{}, {HERE: {"roles": ["viewer"]}}, {HERE: {"roles": ["shop"]}}, {HERE: {"roles": []}}]
)
_REQUIRED = st.lists(st.sampled_from(["scale", "scale@shop", "cordon", "pause@prod"]), max_size=2)


@settings(max_examples=150)
@given(st.sampled_from(sorted(PEOPLE)), _LINES, _NARROWED, _REQUIRED)
def test_what_it_says_is_what_the_conversation_then_does(
    who: str, line: str, channels: dict[str, Any], required: list[str]
) -> None:
    elsewhere = chat(channels=channels, approval={"required": required})
    elsewhere.ask(line, user=IDS[who])
    done = elsewhere.ledger.only()
    asking = chat(channels=channels, approval={"required": required})
    told = asking.ask(f"access check {who} '{line}'", user=ADA)
    if told.startswith("`access` is not among"):  # the admin may not ask there either
        assert channels
        return
    assert ("may not run" in told) is (done.reason == "NotAllowed")
    assert ("would wait for approval" in told) is (done.reason == "ApprovalNeeded")
