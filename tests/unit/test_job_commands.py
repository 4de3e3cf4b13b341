"""restart, cordon, uncordon, drain and cancel: what is handed to jobs, and what waits for another person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bellhop.jobs.request import Cancel, Cordon, Restart
from bellhop.ledger import Outcome, entry_id
from tests.unit.chat_world import ADA, ANA, VIC, WHEN, Chat, envelope, said

JOB = entry_id("e1", "job")[:12]
NODE = "ip-10-0-1-7.eu-west-1.compute.internal"
ASKED = {"id": JOB, "person": "ana", "correlation": "req-1", "at": WHEN, "asked_in": "e1"}


def test_the_asking_time_is_the_envelopes() -> None:
    assert datetime.fromtimestamp(envelope("x").received_at, UTC) == WHEN


@pytest.mark.parametrize(
    ("typed", "kind", "name"),
    [("web", "Deployment", "web"), ("sts/db", "StatefulSet", "db"), ("ds/agent", "DaemonSet", "agent")],
)
def test_a_restart_is_handed_on_with_who_asked_and_where(typed: str, kind: str, name: str) -> None:
    chat = Chat()
    answer = chat.ask(f"restart {typed} -n shop")
    assert chat.desk.jobs == [Restart(namespace="shop", kind=kind, name=name, **ASKED)]  # type: ignore[arg-type]
    assert f"Restarting *shop/{name}*: the outcome follows here." in answer
    assert f"`cancel {JOB}` stops it" in answer
    entry = chat.ledger.only()
    assert (entry.outcome, entry.reason, entry.subject) == (Outcome.ASKED, "HandedOn", f"shop/{name}")


def test_a_dry_run_cannot_be_cancelled_and_says_so_by_silence() -> None:
    chat = Chat()
    answer = chat.ask("restart web --dry-run")
    assert "(dry run)" in answer
    assert "cancel" not in answer
    assert chat.desk.jobs[0].dry_run  # type: ignore[union-attr]


@pytest.mark.parametrize(("command", "on"), [("cordon", True), ("uncordon", False)])
def test_a_node_is_cordoned_and_uncordoned(command: str, on: bool) -> None:
    chat = Chat()
    chat.ask(f"{command} {NODE}")
    assert chat.desk.jobs == [Cordon(node=NODE, on=on, **ASKED)]  # type: ignore[arg-type]


def test_a_drain_waits_for_another_person_and_then_goes_on_as_who_asked() -> None:
    chat = Chat()
    proposal = chat.ask(f"drain {NODE} --timeout 30m --grace-period 20 --force", user=ADA)
    assert chat.desk.jobs == []
    assert "needs approval by another person" in proposal
    kept = chat.approvals.only()
    assert "another person must approve" in chat.ask(f"approve {kept.id}", user=ADA, id="e2")
    assert chat.desk.jobs == []


def test_an_operator_may_not_drain() -> None:
    chat = Chat()
    assert "`drain` is not among what ana (operator) may run" in chat.ask(f"drain {NODE}", user=ANA)
    assert chat.desk.jobs == []


@pytest.mark.parametrize("command", ["restart web", f"cordon {NODE}", f"drain {NODE}", "cancel 1a2b3c4d5e6f"])
def test_a_viewer_changes_nothing(command: str) -> None:
    chat = Chat()
    assert "may run" in chat.ask(command, user=VIC)
    assert chat.desk.jobs == []


def test_a_job_is_cancelled_by_its_id() -> None:
    chat = Chat()
    chat.ask("cancel 1a2b3c4d5e6f")
    [request] = chat.desk.jobs
    assert request == Cancel(
        id="e1", job="1a2b3c4d5e6f", person="ana", correlation="req-1", at=WHEN, asked_in="e1"
    )


@pytest.mark.parametrize(
    "text",
    [
        "restart",
        "restart pod/web",
        "restart WEB",
        "cordon",
        "cordon a_b",
        "drain",
        f"drain {NODE} --timeout 7h",
        f"drain {NODE} --timeout soon",
        f"drain {NODE} --grace-period -1",
        "cancel",
        "cancel all",
        "cancel ../x",
    ],
)
def test_what_is_not_a_job_is_refused_with_the_reason(text: str) -> None:
    chat = Chat()
    answer = chat.conversation.execute(envelope(text, user=ADA))
    assert said(answer)
    assert chat.desk.jobs == []
    assert chat.ledger.only().outcome is not Outcome.DONE


def test_two_deliveries_of_one_command_ask_for_one_job() -> None:
    chat = Chat()
    for _ in range(2):
        chat.ask("restart web")
    assert len({request.id for request in chat.desk.jobs}) == 1
