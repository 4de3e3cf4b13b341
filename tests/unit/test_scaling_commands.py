"""The chat commands of scaling: what is handed on, what is shown of policies, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bellhop.chat.message import Message
from bellhop.chat.slack import render
from bellhop.ledger import Outcome
from bellhop.scaling.policy import Policy, parse_policy
from bellhop.scaling.reason import MEANINGS, Reason, meaning
from bellhop.scaling.request import Control, ScaleRequest, Verb, decode, encode
from bellhop.scaling.status import Pause
from desk import AwsDesk
from local.chat.block_rules import checked_blocks, checked_text
from pauses import DynamoPauses
from registry import registered
from tests.unit.chat_world import ANA, VIC, WHEN, Chat, MemoryDesk, MemoryOnce, envelope, said
from wording import code, moment

TODAY = "2026-11-20T"
CPU = "arn:aws:cloudwatch:eu-west-1:1:alarm:web-cpu-high"
DECISION = {
    "cause": "e",
    "actor": "alarm web-cpu-high",
    "at": f"{TODAY}08:59:30Z",
    "current": 4,
    "desired": 6,
    "reason": "DesiredWithinRange",
    "because": "CPU 86 of <60> over 4 pods asks for 6",
    "working": [
        "now 4 pods, 1 to 12 allowed",
        "CPU 86 of <60>: `ceil` = 6",
        "decided: 6 (DesiredWithinRange)",
    ],
    "phase": "Done",
    "owner": "o",
    "leaseUntil": f"{TODAY}08:59:50Z",
    "targetUid": "u",
}
RINGS = {
    "source": CPU,
    "name": "web-cpu-high",
    "state": "ALARM",
    "at": f"{TODAY}08:58:00Z",
    "value": 86.0,
    "measuredAt": f"{TODAY}08:57:00Z",
    "threshold": 80,
}
QUESTION = {
    "id": "1a2b3c4d",
    "wanted": 12,
    "askedAt": f"{TODAY}08:59:30Z",
    "expiresAt": f"{TODAY}09:29:30Z",
}


def policy(
    name: str = "web",
    *,
    namespace: str = "shop",
    kind: str = "Deployment",
    sizes: str | None = None,
    status: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,
) -> Policy:
    """A policy as the API server has it. sizes: the workload, when it has another name."""
    declared = {
        "scaleTargetRef": {"kind": kind, "name": sizes or name},
        "maxReplicas": 12,
        "triggers": [
            {"alarm": {"name": "web-cpu-high"}, "target": {"type": "Value", "value": 60}},
            {
                "alert": {"matchLabels": {"team": "shop"}},
                "target": {"type": "AverageValue", "averageValue": 5},
            },
        ],
    }
    metadata = {"namespace": namespace, "name": name, "uid": name, "resourceVersion": "1", "generation": 1}
    metadata["annotations"] = annotations or {}
    known = {"observedGeneration": 1} | (status or {})
    return parse_policy({"metadata": metadata, "spec": declared | spec, "status": known})


def decided(**fields: Any) -> dict[str, Any]:
    """A status with a decision."""
    return {"currentReplicas": 6, "desiredReplicas": 6, "lastDecision": DECISION} | fields


def chat(*policies: Policy, problems: tuple[str, ...] = (), **desk: Any) -> Chat:
    return Chat(
        desk=MemoryDesk(found=(list(policies), list(problems)), **({"default_namespace": "shop"} | desk))
    )


def handed(chat: Chat) -> Control:
    [request] = chat.desk.handed
    assert isinstance(request, Control)
    return request


# scale


@pytest.mark.parametrize(
    ("typed", "seconds", "shown"),
    [
        ("", None, ""),
        (" --for 30m", 1800, " for 30m"),
        (" --for=1h30m", 5400, " for 1h 30m"),
        (" \u2014for 7d", 7 * 86400, " for 7d"),
    ],
)
def test_scale_says_when_it_was_asked_and_for_how_long(typed: str, seconds: int | None, shown: str) -> None:
    it = chat()
    answer = it.ask(f"scale web 5{typed}", received_at=1531420618.1239)
    [request] = it.desk.handed
    assert isinstance(request, ScaleRequest)
    assert request.hold_seconds == seconds
    assert request.at == datetime(2018, 7, 12, 18, 36, 58, 123000, UTC)
    assert answer == f"Scaling *shop/web* to 5{shown}: the outcome follows here."
    assert decode(encode(request)) == request


@pytest.mark.parametrize("length", ["30", "m", "0s", "-5m", "1w", "400d", "1.5h", "30 m", "''", "\u0663m"])
def test_a_length_of_time_that_is_none_is_refused_with_the_usage(length: str) -> None:
    it = chat()
    answer = it.ask(f"scale web 5 --for {length}")
    assert "[--for DURATION]" in answer
    assert it.desk.handed == []
    assert it.ledger.only().reason == "BadArguments"


# pause and resume


@pytest.mark.parametrize(("verb", "doing"), [(Verb.PAUSE, "Pausing"), (Verb.RESUME, "Resuming")])
def test_a_word_on_a_policy_is_handed_to_scaling(verb: Verb, doing: str) -> None:
    it = chat(policy(), policy("api"))
    assert it.ask(f"{verb} web") == f"{doing} policy *shop/web*: the outcome follows here."
    assert handed(it) == Control(
        id="e1",
        verb=verb,
        person="ana",
        correlation="req-1",
        at=WHEN,
        namespace="shop",
        name="web",
        asked_in="e1",
    )
    assert it.desk.fresh == [True]
    told = it.ledger.only()
    assert (told.outcome, told.action, told.subject) == (Outcome.ASKED, verb, "shop/web")
    assert (told.reason, told.flow, told.actor) == ("HandedOn", "commands", "person ana")


@pytest.mark.parametrize(("verb", "doing"), [(Verb.PAUSE, "Pausing"), (Verb.RESUME, "Resuming")])
def test_a_word_on_all_policies_names_none(verb: Verb, doing: str) -> None:
    it = chat(policy())
    assert it.ask(f"{verb} all") == f"{doing} all policies: the outcome follows here."
    assert handed(it).of_all
    assert handed(it).verb is verb
    assert it.ledger.only().subject == "policies"


@pytest.mark.parametrize("verb", [Verb.PAUSE, Verb.RESUME])
def test_all_policies_of_a_namespace_is_not_all(verb: Verb) -> None:
    it = chat(policy())
    assert "leave -n out" in it.ask(f"{verb} all -n shop")
    assert it.desk.handed == []
    assert (it.ledger.only().outcome, it.ledger.only().reason) == (Outcome.REFUSED, "BadArguments")


def test_a_policy_called_all_is_named_by_its_workload() -> None:
    it = chat(policy("all", sizes="web"))
    it.ask("pause deploy/web")
    assert (handed(it).name, handed(it).of_all) == ("all", False)


# Which policy


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("web", "shop/web"),
        ("web -n shop", "shop/web"),
        ("web -n prod", "prod/web"),
        ("api-policy", "shop/api-policy"),
        ("api", "shop/api-policy"),
        ("deploy/api", "shop/api-policy"),
        ("Deployment/api", "shop/api-policy"),
        ("sts/db", "shop/db"),
        ("hpa/queue", "shop/queue"),
        ("nodegroup/Workers_1", "shop/workers"),
        ("Workers_1", "shop/workers"),
        # A policy's name goes before a workload's.
        ("swap", "shop/swap"),
        ("deploy/swap", "shop/other"),
        ("only-prod", "prod/only-prod"),
        ("deploy/only-prod", "prod/only-prod"),
    ],
)
def test_a_policy_is_found_by_its_name_or_by_its_workload(typed: str, found: str) -> None:
    it = chat(
        policy(),
        policy(namespace="prod"),
        policy("api-policy", sizes="api"),
        policy("db", kind="StatefulSet"),
        policy("queue", kind="HorizontalPodAutoscaler"),
        policy("workers", nodeGroup={"name": "Workers_1"}, scaleTargetRef=None),
        policy("swap", sizes="x"),
        policy("other", sizes="swap"),
        policy("only-prod", namespace="prod"),
    )
    it.ask(f"pause {typed}")
    assert f"{handed(it).namespace}/{handed(it).name}" == found


@pytest.mark.parametrize("command", ["pause web", "explain web", "simulate web 90"])
def test_the_only_policy_of_that_name_is_used_and_named(command: str) -> None:
    answer = chat(policy(namespace="prod", status=decided())).ask(command)
    assert "There is none in `shop`; this is the only one." in answer
    assert "prod/web" in answer


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("wbe", "did you mean `web`?"),
        ("web -n other", "did you mean `web -n shop`?"),
        ("backned", "did you mean `backend -n prod`?"),
        ("zzzzzz", "`policies` lists them"),
        ("sts/web", "did you mean `web`?"),
    ],
)
@pytest.mark.parametrize("command", ["pause", "resume", "explain"])
def test_a_policy_that_there_is_not_is_refused_with_what_was_perhaps_meant(
    command: str, typed: str, hint: str
) -> None:
    it = chat(policy(), policy(namespace="prod"), policy("backend", namespace="prod"))
    assert it.ask(f"{command} {typed}").endswith(hint)
    assert it.desk.handed == []
    told = it.ledger.only()
    assert (told.outcome, told.reason) == (Outcome.REFUSED, "PolicyMissing")
    assert told.because == "no policy is called what was typed"


def test_a_name_that_several_policies_have_elsewhere_is_refused() -> None:
    it = chat(policy(namespace="prod"), policy(namespace="test"))
    assert it.ask("pause web") == "`web` may be any of `web -n prod`, `web -n test`: say which"
    assert (it.desk.handed, it.ledger.only().reason) == ([], "PolicyAmbiguous")


def test_a_workload_that_two_policies_size_is_refused() -> None:
    it = chat(policy("first", sizes="web"), policy("second", sizes="web"))
    assert "`first -n shop`, `second -n shop`" in it.ask("explain web")


def test_a_policy_that_cannot_be_read_is_not_taken_for_missing() -> None:
    it = chat(problems=("policy shop/web: spec: <wrong>",))
    assert it.ask("pause web") == "policy shop/web: spec: &lt;wrong&gt;"
    assert it.ledger.only().reason == "PolicyInvalid"


@pytest.mark.parametrize(
    "typed", ["pod/web", "web/", "web*", "'web x'", "-web", "../web", "a/b/c", "''", "we\u200bb"]
)
def test_what_cannot_be_a_policys_name_is_refused_with_the_usage(typed: str) -> None:
    it = chat(policy())
    assert "usage: `pause {POLICY,all} [-n NAMESPACE]`" in it.ask(f"pause {typed}")
    assert it.desk.handed == []


# approve


def test_an_approval_is_handed_on_with_its_question_and_its_policy() -> None:
    it = chat(policy("api"), policy(namespace="prod", status={"question": QUESTION}))
    answer = it.ask("approve 1A2B3C4D")
    assert answer == "Approving 12 for policy *prod/web*: the outcome follows here."
    found = handed(it)
    assert (found.verb, found.question, found.at) == (Verb.APPROVE, "1a2b3c4d", WHEN)
    assert (found.namespace, found.name, found.asked_in) == ("prod", "web", "e1")
    assert it.desk.fresh == [True]
    assert (it.ledger.only().outcome, it.ledger.only().subject) == (Outcome.ASKED, "prod/web")


def test_a_question_that_is_not_open_is_refused_naming_those_that_are() -> None:
    it = chat(
        policy(status={"question": QUESTION}),
        policy("old", status={"question": QUESTION | {"id": "00000000", "expiresAt": f"{TODAY}09:00:00Z"}}),
    )
    answer = it.ask("approve ffffffff")
    assert answer == "there is no question `ffffffff`; open: `1a2b3c4d` (shop/web wants 12)"
    assert it.desk.handed == []
    told = it.ledger.only()
    assert (told.reason, told.because) == ("QuestionGone", "no open question is called what was typed")


def test_a_question_that_expired_is_refused() -> None:
    it = chat(policy(status={"question": QUESTION | {"expiresAt": f"{TODAY}09:00:00Z"}}))
    answer = it.ask("approve 1a2b3c4d")
    assert answer.startswith("question `1a2b3c4d` expired at 09:00:00 UTC; none is open")
    assert (it.desk.handed, it.ledger.only().reason) == ([], "QuestionExpired")


@pytest.mark.parametrize(
    "typed", ["", "web", "1a2b3c4", "1a2b3c4d5", "1a2b3c4g", "1a2b3c4d -n shop", "\u0661a2b3c4d"]
)
def test_what_is_no_questions_id_is_refused_with_the_usage(typed: str) -> None:
    it = chat(policy(status={"question": QUESTION}))
    assert "usage: `approve ID`" in it.ask(f"approve {typed}")
    assert it.desk.handed == []


# policies


def test_a_policy_is_shown_with_its_size_its_decision_and_what_holds_it() -> None:
    held = decided(
        paused={"by": "ana & co", "at": f"{TODAY}08:00:00Z"},
        hold={"by": "vic", "until": f"{TODAY}10:00:00Z", "replicas": 5},
        question=QUESTION,
        triggers=[RINGS],
        conditions=[
            {
                "type": "AbleToScale",
                "status": "False",
                "reason": "TargetTaken",
                "message": "policy <shop>/first is older",
                "lastTransitionTime": f"{TODAY}08:00:00Z",
            }
        ],
    )
    assert chat(policy(status=held), policy("api")).ask("policies", user=VIC).splitlines() == [
        "*shop/api* deployment/api 1 to 12",
        "    nothing decided yet",
        "*shop/web* deployment/web 1 to 12, now 5",
        "    4 -&gt; 6 at 08:59:30 UTC: DesiredWithinRange, CPU 86 of &lt;60&gt; over 4 pods asks for 6",
        "    "
        + " · ".join(
            (
                ":rotating_light: web-cpu-high",
                ":double_vertical_bar: paused by ana &amp; co since 08:00:00 UTC: `resume web -n shop`",
                ":hourglass: vic set 5, held until 10:00:00 UTC: `resume web -n shop` ends that sooner",
                ":question: 12 wanted: `approve 1a2b3c4d` until 09:29:30 UTC",
                ":no_entry: TargetTaken: policy &lt;shop&gt;/first is older",
            )
        ),
    ]


def marked(**fields: Any) -> str:
    """What `policies` shows of one policy after its decision."""
    lines = chat(policy(**fields)).ask("policies").splitlines()[2:]
    return "\n".join(lines)


def test_what_is_over_is_not_shown_any_more() -> None:
    over = {
        "hold": {"by": "vic", "until": f"{TODAY}09:00:00Z", "replicas": 5},
        "question": QUESTION | {"expiresAt": f"{TODAY}09:00:00Z"},
        "ceiling": {"by": "ana", "until": f"{TODAY}09:00:00Z"},
        "triggers": [RINGS | {"state": "OK"}, RINGS | {"source": "arn:x", "name": "of-an-older-spec"}],
    }
    assert marked(status=over, annotations={"bellhop.dev/hold": "2026-11-20T09:00:00Z"}) == ""


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"paused": True}, ":double_vertical_bar: the policy says paused: true"),
        (
            {"annotations": {"bellhop.dev/hold": "2026-11-21T09:00:00+01:00"}},
            ":hourglass: held until 2026-11-21 08:00:00 UTC by annotation bellhop.dev/hold",
        ),
        (
            {"status": {"ceiling": {"by": "ana", "until": f"{TODAY}09:30:00Z"}}},
            ":unlock: ana approved up to 12 until 09:30:00 UTC",
        ),
        (
            {
                "status": {
                    "triggers": [RINGS | {"source": CPU + str(n), "name": "web-cpu-high"} for n in range(5)]
                }
            },
            ":rotating_light: web-cpu-high, web-cpu-high, web-cpu-high and 2 more",
        ),
        ({"minReplicas": 13}, ":warning: maxReplicas 12 is below minReplicas 13 or below 1"),
    ],
)
def test_each_thing_that_holds_a_policy_has_its_mark(fields: dict[str, Any], mark: str) -> None:
    assert mark in marked(**fields)


def test_a_pushed_alert_that_was_not_repeated_does_not_ring() -> None:
    alert = RINGS | {
        "source": "alert/1",
        "name": "QueueDeep",
        "labels": {"team": "shop"},
        "receivedAt": f"{TODAY}03:59:00Z",
    }
    assert marked(status={"triggers": [alert]}) == ""
    assert "QueueDeep" in marked(status={"triggers": [alert]}, activeFor="6h")
    said = chat(policy(status={"triggers": [alert]})).ask("explain web")
    assert "QueueDeep: ALARM since 08:58:00 UTC" in said
    assert "; ended by activeFor 5h" in said


def test_a_pause_of_all_policies_is_said_before_anything_else() -> None:
    it = chat(policy(), pause=Pause(by="ana", at=WHEN - timedelta(hours=1)))
    line = ":double_vertical_bar: all policies are paused by ana since 08:00:00 UTC: `resume all`"
    assert it.ask("policies").splitlines()[0] == line
    for command in ("status", "explain web", "simulate web 90"):
        assert line in it.ask(command).splitlines()


def test_what_would_be_done_is_not_shown_as_done() -> None:
    status = decided(currentReplicas=4, lastDecision=DECISION | {"dry": True})
    answer = chat(policy(status=status, dryRun=True)).ask("policies")
    assert "1 to 12, now 4, dryRun\n    would go 4 -&gt; 6 (dryRun) at 08:59:30 UTC" in answer


# explain


def test_a_decision_is_explained_with_its_arithmetic_and_what_comes_next() -> None:
    status = decided(
        triggers=[RINGS],
        scaleEvents=[{"at": f"{TODAY}08:59:30Z", "change": 2}],
        followUp=f"{TODAY}09:00:15Z",
        slot=f"{TODAY}08:59:30Z",
        question=QUESTION,
    )
    it = chat(policy(status=status))
    assert it.ask("explain web", user=VIC).splitlines() == [
        "*shop/web* deployment/web 1 to 12, now 6",
        "08:59:30 UTC, alarm web-cpu-high: 4 -&gt; 6",
        "*DesiredWithinRange* The size that is asked for, and nothing holds it back.",
        "CPU 86 of &lt;60&gt; over 4 pods asks for 6",
        "```",
        "now 4 pods, 1 to 12 allowed",
        "CPU 86 of &lt;60&gt;: 'ceil' = 6",
        "decided: 6 (DesiredWithinRange)",
        "```",
        "• web-cpu-high: ALARM since 08:58:00 UTC, value 86 of 08:57:00 UTC, threshold 80",
        "Changes that its rates count: +2 at 08:59:30 UTC",
        ":question: 12 wanted: `approve 1a2b3c4d` until 09:29:30 UTC",
        "Looked at next: 09:00:15 UTC, in 15s.",
    ]
    assert it.desk.fresh == [True]
    assert (it.ledger.only().outcome, it.ledger.only().subject) == (Outcome.ANSWERED, "shop/web")


def test_a_policy_that_nothing_happened_to_is_explained_too() -> None:
    assert chat(policy()).ask("explain deploy/web").splitlines() == [
        "*shop/web* deployment/web 1 to 12",
        "Nothing decided yet.",
        "No alarm has rung for it yet.",
        "Looked at next: when an alarm changes; the resync looks every few minutes.",
    ]


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (
            {"followUp": f"{TODAY}08:59:45Z", "slot": f"{TODAY}08:59:30Z"},
            "any moment, it is due since 08:59:45 UTC.",
        ),
        ({"followUp": f"{TODAY}08:59:30Z", "slot": f"{TODAY}08:59:30Z"}, "when an alarm changes;"),
        ({"lastDecision": DECISION | {"phase": "Pending"}}, "at the latest until 08:59:50 UTC."),
        ({"lastDecision": DECISION, "observedGeneration": 0}, "The policy was edited since."),
        ({"lastDecision": DECISION | {"reason": "FromTheFuture"}}, "\n*FromTheFuture*\n"),
        ({"lastDecision": DECISION | {"at": "2026-11-19T08:59:30Z"}}, "\n2026-11-19 08:59:30 UTC, alarm"),
        ({"triggers": [RINGS | {"name": "gone", "source": "arn:x"}]}, "; no trigger is for it any more"),
        ({"triggers": [RINGS | {"source": f"arn:{n}"} for n in range(11)]}, "\n• and 3 alarms more\n"),
        ({"scaleEvents": [{"at": f"{TODAY}08:59:30Z", "change": -1}] * 10}, "UTC, and 2 earlier\n"),
    ],
)
def test_explain_says_what_is_out_of_the_ordinary(status: dict[str, Any], line: str) -> None:
    assert line in chat(policy(status=status)).ask("explain web")


def test_every_reason_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Reason)
    assert all(text.endswith(".") and len(text) < 100 for text in MEANINGS.values())
    assert meaning("Paused") == MEANINGS[Reason.PAUSED]
    assert meaning("NoReasonOfOurs") == ""


# simulate


def test_a_simulation_says_what_would_be_done_and_hands_on_nothing() -> None:
    it = chat(policy(status=decided()))
    lines = it.ask("simulate web 90", user=VIC).splitlines()
    assert (lines[0], lines[-1]) == ("```", "```")
    assert lines[1] == "if shop/web measured 90 now:"
    assert any("ceil(1.500 x 6) = 9" in line for line in lines)
    assert "then, for 10 minutes:" in lines
    assert it.desk.handed == []
    assert (it.ledger.only().outcome, it.ledger.only().subject) == (Outcome.ANSWERED, "shop/web")


def test_a_simulation_looks_as_far_as_it_is_told_to() -> None:
    answer = chat(policy(status=decided())).ask("simulate deploy/web 20 --minutes 60 -n shop")
    assert "then, for 60 minutes:" in answer


def test_an_alarm_may_be_simulated_below_zero_where_steps_look_at_it() -> None:
    steps = [{"type": "Pods", "value": 1}]
    stepping = policy(triggers=[{"alarm": {"name": "a"}, "steps": steps, "threshold": -3}], status=decided())
    assert "measured -2 now" in chat(stepping).ask("simulate web -2")


@pytest.mark.parametrize(
    ("typed", "because"),
    [
        ("web -5", "is negative"),
        ("web", "usage"),
        ("web many", "`many` is not a number"),
        ("web nan", "is not a number"),
        ("web inf", "is not a number"),
        ("web 1e999", "is not a number"),
        ("web 1_000", "is not a number"),
        ("web 86%", "is not a number"),
        ("web \u0668\u0666", "is not a number"),
        ("web 90 --minutes 0", "from 1 to 60"),
        ("web 90 --minutes 61", "from 1 to 60"),
        ("web 90 --minutes 1.5", "from 1 to 60"),
        ("web 90 --minutes -1", "usage"),
        ("all 90", "there is no policy `all`"),
    ],
)
def test_what_cannot_be_simulated_is_refused(typed: str, because: str) -> None:
    it = chat(policy(status=decided()))
    assert because in it.ask(f"simulate {typed}")
    assert it.ledger.only().outcome is Outcome.REFUSED


def test_a_policy_that_contradicts_itself_is_not_simulated() -> None:
    it = chat(policy(minReplicas=13))
    assert "maxReplicas 12 is below minReplicas 13" in it.ask("simulate web 90")
    assert it.ledger.only().reason == "PolicyInvalid"


# Who may


@pytest.mark.parametrize("text", ["pause web", "pause all", "resume web", "resume all", "approve 1a2b3c4d"])
def test_a_viewer_may_not_have_anything_changed(text: str) -> None:
    it = chat(policy(status={"question": QUESTION}))
    assert it.ask(text, user=VIC).endswith("is not among what vic (viewer) may run")
    assert (it.desk.handed, it.desk.fresh) == ([], [])
    assert it.ledger.only().reason == "NotAllowed"
    assert it.ask(text, user=ANA).endswith("the outcome follows here.")


@pytest.mark.parametrize("text", ["policies", "explain web", "simulate web 90"])
def test_a_viewer_may_look(text: str) -> None:
    it = chat(policy(status=decided()))
    it.ask(text, user=VIC)
    assert it.ledger.only().outcome is Outcome.ANSWERED
    assert it.desk.handed == []


# Once


COMMANDS = ["scale web 5 --for 30m", "pause web", "resume all", "approve 1a2b3c4d"]


@pytest.mark.parametrize("text", COMMANDS)
def test_a_second_delivery_changes_nothing(text: str) -> None:
    it, once = chat(policy(status={"question": QUESTION})), MemoryOnce()
    for _ in range(2):
        asked = envelope(text)
        answer = once.run("execute", asked.id, lambda asked=asked: it.conversation.execute(asked))  # type: ignore[misc]
        once.run("reply", asked.id, lambda a=asked, m=answer: it.conversation.reply(a, m))  # type: ignore[misc]
    assert len(it.desk.handed) == len(it.ledger.entries) == len(it.responder.posts) == 1


@pytest.mark.parametrize("text", COMMANDS)
def test_a_second_execution_after_a_crash_asks_for_the_same_and_writes_the_same_entry(text: str) -> None:
    it = chat(policy(status={"question": QUESTION}))
    assert it.ask(text) == it.ask(text)
    assert it.desk.handed[0] == it.desk.handed[1]
    assert decode(encode(it.desk.handed[0])) == it.desk.handed[0]
    assert len(it.ledger.entries) == 1


# What Slack takes


HOSTILE = ["<!channel>", "```", "&" * 500, "<" * 500, "😀" * 500, "*_~`", "a\x00b", "x\ny"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("command", ["policies", "explain web", "simulate web 90", "approve ffffffff"])
def test_slack_takes_every_answer_whatever_the_cluster_holds(command: str, text: str) -> None:
    source = RINGS | {"name": text, "source": CPU}
    status = decided(
        lastDecision=DECISION | {"because": text, "actor": text, "working": [text] * 40, "reason": text[:60]},
        triggers=[source, *(source | {"source": f"arn:{n}"} for n in range(49))],
        scaleEvents=[{"at": f"{TODAY}08:59:30Z", "change": 1}] * 60,
        paused={"by": text, "at": f"{TODAY}08:00:00Z"},
        question=QUESTION,
    )
    it = chat(policy(status=status), problems=(text,))
    message = it.conversation.execute(envelope(command))
    rendered = render(msgspec.convert(message, Message))
    assert checked_text(rendered["text"]) == rendered["text"]
    assert checked_blocks(rendered["blocks"]) == rendered["blocks"]
    shown = said(message)
    assert "<" not in shown
    assert ">" not in shown
    if command != "policies":
        assert shown.count("```") % 2 == 0


@pytest.mark.parametrize("most", [60, 100, 1000])
def test_a_block_of_code_fits_and_keeps_its_last_line(most: int) -> None:
    block = code([f"line {n} <&>" for n in range(100)] + ["decided: 6"], most)
    assert len(block) <= most
    assert block.splitlines()[-3:] == ["…", "decided: 6", "```"]


def test_a_block_of_code_that_fits_is_left_whole() -> None:
    assert code(["a", "b"], 100) == "```\na\nb\n```"


def test_a_moment_of_another_day_has_its_date() -> None:
    now = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert moment(datetime.fromisoformat("2026-11-21T00:10:00+01:00"), now) == "23:10:00 UTC"
    assert moment(now + timedelta(hours=1), now) == "2026-11-21 00:30:00 UTC"


# Help


def test_help_says_what_stands_for_a_value() -> None:
    usages = {c.usage for c in registered().values()}
    assert "scale TARGET REPLICAS [-n NAMESPACE] [--for DURATION] [--dry-run]" in usages
    assert "pause {POLICY,all} [-n NAMESPACE]" in usages
    assert "simulate POLICY VALUE [-n NAMESPACE] [--minutes N]" in usages
    assert "`[--minutes N]` how far to look" in chat().ask("help simulate", user=VIC)
    assert "pause" not in chat().ask("help", user=VIC)


# The desk


class Table:
    """A table of DynamoDB's, as `DynamoPauses` uses it."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}

    def put_item(self, *, TableName: str, Item: dict[str, Any]) -> None:  # noqa: N803
        self.items[TableName + json.dumps(Item["id"])] = Item

    def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> None:  # noqa: N803
        self.items.pop(TableName + json.dumps(Key["id"]), None)

    def get_item(self, *, TableName: str, Key: dict[str, Any], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        assert ConsistentRead
        item = self.items.get(TableName + json.dumps(Key["id"]))
        return {} if item is None else {"Item": item}


def test_the_desk_reads_the_pause_that_scaling_keeps() -> None:
    table: Any = Table()
    nothing: Any = None
    desk = AwsDesk(nothing, table, "ledger", "state", nothing, "", "", "default", nothing)
    pause = Pause(by="ana", at=WHEN)
    pauses = DynamoPauses(table, "state")
    assert desk.paused() is None
    pauses.put(pause)
    assert desk.paused() == pause
    pauses.put(None)
    assert desk.paused() is None


def test_the_desk_hands_on_what_scaling_decodes() -> None:
    sent: list[dict[str, str]] = []

    class Queue:
        def send_message(self, **message: str) -> None:
            sent.append(message)

    nothing: Any = None
    desk = AwsDesk(nothing, nothing, "ledger", "state", Queue(), "https://queue", "", "default", nothing)
    it = chat(policy())
    it.ask("pause web")
    desk.hand_to_scaling(handed(it))
    assert sent[0]["QueueUrl"] == "https://queue"
    assert decode(sent[0]["MessageBody"]) == handed(it)
