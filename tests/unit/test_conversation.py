"""A command from envelope to answer: who may, what is said, what is written down, and once."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bellhop.chat import envelope as envelopes
from bellhop.chat.access import Risk, parse_access
from bellhop.chat.replies import Address
from bellhop.errors import (
    BellhopError,
    BusyError,
    ConfigError,
    InvalidInputError,
    RefusedError,
    UnavailableError,
)
from bellhop.ledger import Outcome, entry_id
from bellhop.scaling.policy import parse_policy
from bellhop.scaling.request import ScaleRequest
from registry import Answer, Argument, Call, Command, registered
from tests.unit import door_world
from tests.unit.chat_world import (
    ADA,
    ANA,
    CHANNEL,
    RESPONSE_URL,
    STRANGER,
    TEAM,
    VIC,
    WHEN,
    Chat,
    MemoryDesk,
    MemoryLedger,
    MemoryOnce,
    entry,
    envelope,
    recorded,
    said,
    texts,
)
from tests.unit.door_world import Commands


def plugin(run: Any, *, risk: Risk = Risk.READ, name: str = "try") -> dict[str, Command]:
    argument = Argument("words", "anything", optional=True)
    return registered() | {name: Command(name, "Tries.", risk, run, (argument,))}


def failing(error: BaseException) -> Chat:
    def run(_: Call) -> Answer:
        raise error

    return Chat(commands=plugin(run))


def scaled(chat: Chat) -> list[ScaleRequest]:
    """The sizes that were asked for."""
    return [request for request in chat.desk.handed if isinstance(request, ScaleRequest)]


# What people get


def test_scale_is_handed_to_scaling_with_who_asked_and_where() -> None:
    chat = Chat()
    answer = chat.ask("scale statefulset/db 3 -n shop --dry-run")
    assert chat.desk.handed == [
        ScaleRequest(
            id="e1",
            namespace="shop",
            kind="StatefulSet",
            name="db",
            replicas=3,
            person="ana",
            correlation="req-1",
            at=WHEN,
            dry_run=True,
            asked_in="e1",
        )
    ]
    assert answer == "Scaling *shop/db* to 3 (dry run): the outcome follows here."
    told = chat.ledger.only()
    assert (told.outcome, told.subject, told.actor) == (Outcome.ASKED, "shop/db", "person ana")
    assert (told.action, told.reason, told.because) == ("scale", "HandedOn", "asked in chat")
    assert (told.flow, told.cause, told.correlation, told.at) == ("commands", "e1", "req-1", WHEN)


def test_a_workload_is_looked_for_in_the_stacks_default_namespace() -> None:
    chat = Chat(desk=MemoryDesk(default_namespace="prod"))
    chat.ask("scale web 3")
    [request] = scaled(chat)
    assert (request.target, request.dry_run, request.hold_seconds) == ("prod/web", False, None)


def resource(name: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": "1"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": name},
            "maxReplicas": 12,
            "triggers": [{"alarm": {"name": "a"}, "target": {"type": "Value", "value": 60}}],
        },
        "status": status,
    }


DECIDED = {
    "lastDecision": {
        "cause": "e",
        "actor": "alarm a",
        "at": "2026-11-20T09:00:00Z",
        "current": 4,
        "desired": 6,
        "reason": "DesiredWithinRange",
        "because": "CPU 86 of <60>",
        "phase": "Done",
        "owner": "o",
        "leaseUntil": "2026-11-20T09:01:00Z",
        "targetUid": "u",
    }
}


def test_status_says_what_is_watched_and_what_was_done_last() -> None:
    desk = MemoryDesk(
        found=([parse_policy(resource("web"))], ["policy shop/bad: <wrong>"]), entries=[entry()]
    )
    answer = Chat(desk=desk).ask("status", user=VIC)
    assert answer.splitlines() == [
        "Watching 1 alarm trigger in 1 policy in 1 namespace.",
        ":warning: policy shop/bad: &lt;wrong&gt;",
        "Last:",
        "11-20 09:00:00 done: shop/web: 4 -&gt; 6 replicas (alarm web-cpu-high)",
    ]


def test_status_of_an_empty_cluster() -> None:
    answer = Chat().ask("status")
    assert answer == "Watching 0 alarm triggers in 0 policies in 0 namespaces.\nNothing done yet."


def test_policies_are_shown_with_their_last_decision_and_filtered_by_namespace() -> None:
    found = [parse_policy(resource("web", **DECIDED)), parse_policy(resource("api"))]
    chat = Chat(desk=MemoryDesk(found=(found, [])))
    assert chat.ask("policies", user=VIC).splitlines() == [
        "*shop/api* deployment/api 1 to 12",
        "    nothing decided yet",
        "*shop/web* deployment/web 1 to 12",
        "    4 -&gt; 6 at 09:00:00 UTC: DesiredWithinRange, CPU 86 of &lt;60&gt;",
    ]
    assert chat.ask("bsp -n other") == "No policies."


# Who may


@pytest.mark.parametrize("document", [None, json.dumps({"persons": {}})])
@pytest.mark.parametrize("text", ["scale web 5", "status", "help", "", "no such command"])
def test_with_nobody_configured_nobody_may_anything(document: str | None, text: str) -> None:
    chat = Chat(access=lambda: parse_access(document))
    assert "not in the access document" in chat.ask(text)
    assert chat.desk.handed == []
    assert (chat.ledger.only().outcome, chat.ledger.only().reason) == (Outcome.REFUSED, "UnknownPerson")


@pytest.mark.parametrize(
    "who", [{"user": STRANGER}, {"workspace": "T0OTHER"}, {"platform": "messenger"}, {"user": ANA.lower()}]
)
def test_a_stranger_and_the_same_id_elsewhere_are_refused(who: dict[str, str]) -> None:
    chat = Chat()
    asked = envelope("scale web 5", **who)
    answer = said(chat.conversation.execute(asked))
    assert f"ask an admin to add {asked.caller}" in answer
    assert chat.desk.handed == []
    assert (chat.ledger.only().actor, chat.ledger.only().outcome) == (asked.caller, Outcome.REFUSED)


def test_a_viewer_may_not_scale() -> None:
    chat = Chat()
    assert chat.ask("scale web 5", user=VIC) == "`scale` is not among what vic (viewer) may run"
    assert chat.desk.handed == []
    told = chat.ledger.only()
    assert (told.outcome, told.reason, told.action) == (Outcome.REFUSED, "NotAllowed", "scale")
    assert (told.actor, told.subject) == ("person vic", "command/scale")


def test_who_may_not_is_refused_before_the_arguments_are_looked_at() -> None:
    assert "usage" not in Chat().ask("scale", user=VIC)
    assert "usage" in Chat().ask("scale", user=ANA)


def test_a_person_without_roles_may_nothing() -> None:
    document = json.dumps({"persons": {"ned": {"ids": [f"slack:{TEAM}/{STRANGER}"], "roles": []}}})
    chat = Chat(access=lambda: parse_access(document))
    assert chat.ask("help", user=STRANGER) == "`help` is not among what ned (no role) may run"


@pytest.mark.parametrize(
    ("user", "risk", "runs"),
    [
        *((VIC, Risk.READ, True), (VIC, Risk.CHANGE, False), (VIC, Risk.DANGER, False)),
        *((ANA, Risk.READ, True), (ANA, Risk.CHANGE, True), (ANA, Risk.DANGER, False)),
        *((ADA, Risk.READ, True), (ADA, Risk.CHANGE, True)),
    ],
)
def test_a_command_runs_for_those_whose_role_allows_its_risk(user: str, risk: Risk, runs: bool) -> None:
    ran: list[str] = []

    def run(call: Call) -> Answer:
        ran.append(call.person.name)
        return Answer("ran")

    chat = Chat(commands=plugin(run, risk=risk))
    assert (chat.ask("try", user=user) == "ran") is runs
    assert bool(ran) is runs


@pytest.mark.parametrize(
    "document", ["{", "{}", json.dumps({"persons": {"a": {"ids": [], "roles": ["root"]}}})]
)
@pytest.mark.parametrize("user", [ANA, ADA, STRANGER])
def test_a_malformed_access_document_refuses_everyone(document: str, user: str) -> None:
    chat = Chat(access=lambda: parse_access(document))
    assert "access document" in chat.ask("scale web 5", user=user)
    assert chat.desk.handed == []
    assert (chat.ledger.only().outcome, chat.ledger.only().reason) == (Outcome.FAILED, "Misconfigured")


def test_help_shows_only_what_the_person_may_run() -> None:
    assert "scale" in Chat().ask("help", user=ANA)
    mine = Chat().ask("help", user=VIC)
    assert "scale TARGET" not in mine
    shown = {line.split("`")[1].split()[0] for line in mine.splitlines()}
    assert {"explain", "help", "policies", "simulate", "status"} <= shown
    assert shown == {command.name for command in registered().values() if command.risk is Risk.READ}


def test_help_for_a_command_tells_all_of_it_and_only_to_who_may_run_it() -> None:
    told = Chat().ask("help scale", user=ANA)
    for part in (
        "`scale TARGET REPLICAS [-n NAMESPACE] [--for DURATION] [--dry-run]`",
        "how many pods",
        "For example `scale web 5",
    ):
        assert part in told
    assert "Also: `bsp`" in Chat().ask("help bsp")
    refused = Chat().ask("help scale", user=VIC)
    assert refused == "there is no command `scale`: try `help`"


def test_suggestions_do_not_name_what_the_person_may_not_run() -> None:
    assert "`scale`" in Chat().ask("scal", user=ANA)
    assert "`scale`" not in Chat().ask("scal", user=VIC)


def test_a_stranger_is_told_nothing_of_what_is_wrong_with_the_words() -> None:
    assert "not in the access document" in Chat().ask("scale 'web", user=STRANGER)


def test_nothing_typed_is_help() -> None:
    assert Chat().ask("") == Chat().ask("help") == Chat().ask("  \u00a0 ")


@pytest.mark.parametrize(
    "text",
    [
        *("hi; scale web 0", "status; scale web 0", "status && scale web 0", "sc* web 0", "scale* web 0"),
        *("`scale web 0`", "$(scale web 0)", "status | scale web 0", "'scale web' 0", "status\\nscale web 0"),
        *("/scale web 0", "help; scale web 0", "<@U1> scale web 0", "scale\u200b web 0", "scale web 0;"),
    ],
)
@pytest.mark.parametrize("user", [ANA, VIC])
def test_text_that_looks_like_a_command_inside_another_never_becomes_one(text: str, user: str) -> None:
    chat = Chat()
    chat.ask(text, user=user)
    assert chat.desk.handed == []
    assert chat.ledger.only().outcome is Outcome.REFUSED


# What goes wrong


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("hunter2"), RecursionError(), KeyError("x"), ValueError("a\ud800b")]
)
def test_a_plugin_that_breaks_is_answered_recorded_and_does_not_raise(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    chat = failing(error)
    answer = chat.ask("try")
    assert "Bellhop's fault: look for req-1 in its logs" in answer
    assert "hunter2" not in answer
    told = chat.ledger.only()
    assert (told.outcome, told.reason, told.action) == (Outcome.FAILED, "InternalError", "try")
    assert "req-1" in told.because
    assert "hunter2" not in told.because
    assert any(r.exc_info and vars(r)["correlation"] == "req-1" for r in caplog.records)


@pytest.mark.parametrize(
    "error",
    [UnavailableError("the API server did not answer <x>"), BusyError("the API server", retry_after=1)],
)
def test_a_service_that_fails_is_answered_and_recorded_plainly(error: BellhopError) -> None:
    chat = failing(error)
    assert chat.ask("try").startswith("That did not work: the API server")
    told = chat.ledger.only()
    assert (told.outcome, told.reason, told.because) == (Outcome.FAILED, error.code, str(error))


def test_a_refusal_is_shown_escaped_and_recorded_as_it_is() -> None:
    chat = failing(RefusedError("Governed", "shop/web <is> governed & held"))
    assert chat.ask("try") == "shop/web &lt;is&gt; governed &amp; held"
    assert chat.ledger.only().because == "shop/web <is> governed & held"


def test_a_ledger_that_fails_is_not_swallowed() -> None:
    class Down(MemoryLedger):
        def record(self, entry: Any) -> bool:
            raise UnavailableError("DynamoDB")

    with pytest.raises(UnavailableError):
        Chat(ledger=Down()).ask("status")


SECRET_WORD = "xoxb-hunter2"


@pytest.mark.parametrize(
    "text",
    [
        SECRET_WORD,
        f"{SECRET_WORD} web 5",
        f"scale {SECRET_WORD}! 5",
        f"scale web {SECRET_WORD}",
        f"scale web 5 {SECRET_WORD}",
        f"scale web 5 -n {SECRET_WORD}!",
        f"scale web 5 --{SECRET_WORD}",
        f"scale web 5 --dry-run={SECRET_WORD}",
        f"help {SECRET_WORD}",
        f"'{SECRET_WORD}",
        f"status {SECRET_WORD}",
        f"policies -n {SECRET_WORD}!",
        f"scale web 5 --for {SECRET_WORD}",
        f"pause {SECRET_WORD}",
        f"resume {SECRET_WORD} -n shop",
        f"explain deploy/{SECRET_WORD}",
        f"simulate {SECRET_WORD} 90",
        f"simulate web {SECRET_WORD}",
        f"approve {SECRET_WORD}",
        f"deny {SECRET_WORD}",
        SECRET_WORD * 500,
    ],
)
def test_what_was_typed_by_mistake_never_lands_in_the_ledger_or_a_log(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    chat = Chat()
    chat.ask(text)
    assert chat.ledger.only().outcome is Outcome.REFUSED
    assert SECRET_WORD not in repr(chat.ledger.entries)
    assert SECRET_WORD not in repr([vars(r) for r in caplog.records])


@settings(max_examples=50)
@given(st.text(st.characters(codec="utf-8")), st.sampled_from([ANA, VIC, STRANGER]))
def test_any_text_is_answered_and_recorded_once(text: str, user: str) -> None:
    chat = Chat()
    message = chat.conversation.execute(envelope(text, user=user))
    assert "public" not in message
    assert said(message)
    assert chat.ledger.only().id == entry_id("e1", "command")
    assert RESPONSE_URL not in repr(chat.ledger.entries)


def test_slacks_own_commands_in_what_was_typed_are_not_carried_out() -> None:
    answer = Chat().ask("<!channel> <@U123>")
    assert "<!channel>" not in answer
    assert "&lt;!channel&gt;" in answer


# Where the answer goes


def test_the_answer_goes_to_the_person_alone_unless_the_command_says_everyone() -> None:
    chat = Chat(commands=plugin(lambda _: Answer("for all", public=True)))
    for text, kind in (("try", "in_channel"), ("status", "ephemeral")):
        asked = envelope(text)
        chat.conversation.reply(asked, chat.conversation.execute(asked))
        assert chat.responder.posts[-1][1]["response_type"] == kind


def test_the_reply_address_is_kept_before_anything_is_handed_on() -> None:
    chat = Chat()

    def run(call: Call) -> Answer:
        assert chat.replies.kept == {"e1": Address("slack", TEAM, CHANNEL, ANA, RESPONSE_URL)}
        return Answer("kept")

    chat.commands = plugin(run)
    assert chat.ask("try") == "kept"


def test_a_mention_is_answered_in_its_thread() -> None:
    chat = Chat()
    asked = envelope("status", response_url=None, thread="1700000000.000100")
    chat.conversation.reply(asked, chat.conversation.execute(asked))
    [(where, message)] = chat.responder.posts
    assert where == f"{CHANNEL}/1700000000.000100"
    assert message["blocks"]
    assert chat.ledger.only().outcome is Outcome.ANSWERED


def test_the_answer_is_posted_where_it_was_asked() -> None:
    chat = Chat()
    asked = envelope("status")
    chat.conversation.reply(asked, chat.conversation.execute(asked))
    [(where, message)] = chat.responder.posts
    assert where == RESPONSE_URL
    assert said(chat.conversation.execute(envelope("status"))) == message["blocks"][0]["text"]["text"]


def test_in_messenger_the_answer_is_sent_to_the_person_as_plain_text() -> None:
    people = {"persons": {"mo": {"ids": ["messenger:42/77"], "roles": ["viewer"]}}}
    chat = Chat(access=lambda: parse_access(json.dumps(people)))
    asked = envelope("help", platform="messenger", workspace="42", user="77", channel="77", response_url=None)
    chat.conversation.reply(asked, chat.conversation.execute(asked))
    assert {where for where, _ in chat.responder.posts} == {"42/77"}
    text = chat.responder.posts[0][1]["message"]["text"]
    assert "status" in text
    assert "`" not in text


def test_dialogflow_only_reads_whatever_the_access_document_says() -> None:
    agent = {"persons": {"agent": {"ids": ["dialogflow:es/agent"], "roles": ["admin"]}}}
    chat = Chat(access=lambda: parse_access(json.dumps(agent)))
    asked: dict[str, Any] = {
        "platform": "dialogflow",
        "workspace": "es",
        "user": "agent",
        "response_url": None,
    }
    assert "Watching" in chat.ask("status", **asked)
    assert "not for Dialogflow" in chat.ask("scale web 5", id="e2", **asked)
    assert chat.desk.handed == []
    asked_of = envelope("status", id="e3", **asked)
    chat.conversation.reply(asked_of, chat.conversation.execute(asked_of))
    assert chat.responder.posts == []  # it has its answer in the same request


def test_a_reply_that_slack_takes_no_more_is_the_end_of_it(caplog: pytest.LogCaptureFixture) -> None:
    chat = Chat()
    chat.responder.failures = [RefusedError("expired_url", "too late")]
    chat.conversation.reply(envelope("status"), {"text": "x"})
    assert [vars(r)["code"] for r in caplog.records if r.message == "reply.refused"] == ["expired_url"]


@pytest.mark.parametrize("error", [UnavailableError("500"), BusyError("429", retry_after=7)])
def test_a_reply_that_may_succeed_later_is_raised_for_the_queue(error: BellhopError) -> None:
    chat = Chat()
    chat.responder.failures = [error]
    with pytest.raises(type(error)):
        chat.conversation.reply(envelope("status"), {"text": "x"})


def test_the_response_url_is_in_no_entry_and_no_log_record(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    breaks = failing(ZeroDivisionError()).commands["try"]
    chat = Chat(commands=registered() | {"break": breaks})
    for index, text in enumerate(("scale web 5", "status", "nonsense", "break", "scale web x", "'")):
        asked = envelope(text, id=str(index))
        chat.responder.failures = [RefusedError("expired_url", "too late")] if index % 2 else []
        chat.conversation.reply(asked, chat.conversation.execute(asked))
    assert len(chat.ledger.entries) == 6
    assert "reply.refused" in {r.message for r in caplog.records}
    for told in (repr(chat.ledger.entries), repr([vars(r) for r in caplog.records])):
        assert "hooks.slack.com" not in told
        assert "lZ6xT0EmGEPq2FqAGgCCSGqC" not in told


# Once


def test_a_replayed_request_and_a_second_delivery_change_nothing() -> None:
    sent = Commands()
    door = door_world.door(commands=sent)
    for _ in range(2):
        assert door.answer(recorded("slash-command-scale"))["statusCode"] == 200
    chat, once = Chat(), MemoryOnce()
    one, replay = sent.read()
    for asked in (one, one, replay):  # delivered twice, and once as a replay that FIFO let through
        answer = once.run("execute", asked.id, lambda asked=asked: chat.conversation.execute(asked))  # type: ignore[misc]
        once.run("reply", asked.id, lambda a=asked, m=answer: chat.conversation.reply(a, m))  # type: ignore[misc]
    assert [request.target for request in scaled(chat)] == ["shop/web"]
    assert len(chat.ledger.entries) == len(chat.responder.posts) == 1


def test_a_second_execution_after_a_crash_asks_for_the_same_change_and_writes_the_same_entry() -> None:
    chat = Chat()
    chat.ask("scale web 5 -n shop")
    chat.ask("scale web 5 -n shop")
    assert chat.desk.handed[0] == chat.desk.handed[1]
    assert len(chat.ledger.entries) == 1


# The envelope


def test_what_is_not_an_envelope_is_bad_input_without_its_content() -> None:
    for body in ("", "{", "[]", "{}", '{"id": 5}', "\ud800", json.dumps({"id": "x", "text": "hunter2"})):
        with pytest.raises(InvalidInputError) as error:
            envelopes.decode(body)
        assert "hunter2" not in str(error.value)


def test_recorded_phone_text_is_understood_end_to_end() -> None:
    sent = Commands()
    door = door_world.door(commands=sent)
    door.answer(recorded("slash-command-from-a-phone"))
    chat = Chat()
    [asked] = sent.read()
    answer = chat.conversation.execute(asked)
    assert [(r.target, r.replicas, r.dry_run) for r in scaled(chat)] == [("shop/web", 5, True)]
    assert "5 (dry run)" in said(answer)
    assert datetime.fromtimestamp(asked.received_at, UTC).year == 2018
    assert not any("hooks.slack.com" in text for text in texts(answer))


def test_an_access_document_that_cannot_be_read_now_is_answered_too() -> None:
    def access() -> Any:
        raise ConfigError("the access document is wrong: x")

    assert "That did not work" in Chat(access=access).ask("status")
