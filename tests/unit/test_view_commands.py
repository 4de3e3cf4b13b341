"""The reading commands of chat: what is shown, in which order, how it is cut, and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from bellhop.chat.access import parse_access
from bellhop.chat.slack import SECTION_TEXT
from bellhop.kubernetes.inventory import image_in
from bellhop.ledger import Outcome
from tests.unit.chat_world import ANA, TEAM, VIC, WHEN, entry
from tests.unit.views_world import World, alarm_view, node, pod, workload
from views import QueueDepth


@pytest.fixture
def world() -> World:
    return World()


def rows(said: str) -> list[str]:
    """The lines of the block of code."""
    return said.split("```")[1].strip("\n").split("\n")


# ---------------------------------------------------------------- whoami, activity
def test_whoami_tells_name_roles_and_the_id_that_the_access_document_needs(world: World) -> None:
    said = world.ask("whoami", user=VIC)
    assert said == f"You are *vic* (viewer).\nThe access document knows you as `slack:{TEAM}/{VIC}`."


def test_activity_shows_the_newest_of_all_or_of_one_subject(world: World) -> None:
    world.activity.entries = [
        entry("1", subject="shop/db", summary="shop/db: <2> -> 3", outcome=Outcome.FAILED),
        entry("2"),
        entry("3"),
    ]
    assert world.ask("activity").count("asks for 6") == 3
    assert "failed: shop/db: &lt;2&gt; -&gt; 3" in world.ask("activity -n 1")
    assert "shop/db" not in world.ask("activity shop/web")
    assert world.ask("activity shop/none") == "The ledger has nothing about `shop/none`."
    assert "from 1 to 50" in world.ask("activity -n 51")


def test_activity_that_does_not_fit_is_counted(world: World) -> None:
    world.activity.entries = [entry(str(n), because="x" * 180) for n in range(50)]
    said = world.ask("activity -n 50")
    assert len(said) < SECTION_TEXT
    assert said.endswith(" more")


# ---------------------------------------------------------------- alarms
def test_alarms_that_ring_come_first(world: World) -> None:
    world.alarms.found = [alarm_view("b"), alarm_view("a"), alarm_view("c", state="ALARM")]
    lines = rows(world.ask("alarms"))
    assert lines[0].split() == ["STATE", "SINCE", "NAME", "WATCHES"]
    assert [line.split()[2] for line in lines[1:]] == ["c", "a", "b"]
    assert lines[1].startswith("ALARM  1h30m  c")
    assert len(rows(world.ask("alarms list --state alarm"))) == 2
    assert world.ask("alarms --state INSUFFICIENT_DATA") == "No alarm is in state INSUFFICIENT_DATA."


def test_one_alarm_is_shown_in_full(world: World) -> None:
    world.alarms.found = [
        alarm_view("web & co", state="ALARM", reason="86 > 60", description="see <wiki>", acts=0)
    ]
    said = world.ask("alarms show 'web & co'")
    assert "*web &amp; co* ALARM since 07:30:00 UTC, 1h30m ago" in said
    assert "see &lt;wiki&gt;" in said
    assert "86 &gt; 60" in said
    assert said.endswith("It does nothing when it rings.")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("alarms show", "needs the alarm's NAME"),
        ("alarms show nope", "there is no alarm `nope`"),
        ("alarms list web", "did you mean `alarms show web`"),
        ("alarms show web --state OK", "--state is for"),
        ("alarms silence web", "not one of list, show"),
        ("alarms --state loud", "not a state"),
    ],
)
def test_what_alarms_does_not_understand_is_refused(world: World, typed: str, expected: str) -> None:
    assert expected in world.ask(typed)


# ---------------------------------------------------------------- nodes, pods, images
def test_nodes_that_are_not_ready_come_first(world: World) -> None:
    world.cluster.nodes_found = [node("a"), node("b", state="NotReady,SchedulingDisabled")]
    lines = rows(world.ask("nodes"))
    assert [line.split()[0] for line in lines] == ["NAME", "b", "a"]
    assert lines[2].split() == ["a", "Ready", "m7g.large", "eu-west-1a", "12d", "v1.33.1"]


def test_pods_are_of_the_default_namespace_and_those_that_are_not_well_come_first(world: World) -> None:
    world.cluster.pods_found = [
        pod("web-1"),
        pod("web-2", state="CrashLoopBackOff", ready=0, restarts=7),
        pod("other", namespace="prod"),
        pod("done", state="Completed", ready=0, over=True),
    ]
    lines = rows(world.ask("pods"))
    assert [line.split()[0] for line in lines] == ["NAME", "web-2", "done", "web-1"]
    assert lines[1].split() == ["web-2", "0/1", "CrashLoopBackOff", "7", "3h", "ip-10-0-1-23"]
    assert "prod/other" in world.ask("pods -A")
    assert world.ask("pods -n empty") == "No such pods in `empty`."


def test_pods_hands_node_and_selector_on(world: World) -> None:
    world.ask("pods -n shop --node ip-10-0-1-23.eu-west-1.compute.internal -l 'app in (web,db),!old'")
    assert world.cluster.asked == [
        {
            "namespace": "shop",
            "node": "ip-10-0-1-23.eu-west-1.compute.internal",
            "selector": "app in (web,db),!old",
        }
    ]
    assert "not a label selector" in world.ask("pods -l 'app=`x`'")
    assert "either -n or" in world.ask("pods -n shop -A")


def test_a_table_that_does_not_fit_is_cut_with_what_is_left_out(world: World) -> None:
    world.cluster.pods_found = [pod(f"web-{number:04}") for number in range(300)]
    said = world.ask("pods")
    lines = rows(said)
    assert len(said) < SECTION_TEXT
    assert lines[-1] == f"… {300 - (len(lines) - 2)} more"


NARROW = {
    "persons": {"ana": {"ids": [f"slack:{TEAM}/{ANA}"], "roles": ["shop"]}},
    "roles": {"shop": {"risk": "read", "namespaces": ["shop"]}},
}


@pytest.mark.parametrize("command", ["pods", "images"])
def test_who_is_narrowed_to_namespaces_sees_no_others(world: World, command: str) -> None:
    chat = world.chat(access=lambda: parse_access(json.dumps(NARROW)))
    world.cluster.pods_found = [pod(), pod("secret", namespace="prod", owner="deployment/secret")]
    assert "web" in chat.ask(f"{command} -n shop")
    assert f"`{command}` is not among what ana (shop) may run" in chat.ask(f"{command} -A", id="e2")
    assert "secret" not in chat.ask(f"{command} -n prod", id="e3")


def test_images_counts_pods_by_version_and_flags_what_differs(world: World) -> None:
    new = (image_in("web", "example.com/web:1.2.4"),)
    world.cluster.pods_found = [
        *(pod(f"web-{n}") for n in range(3)),
        pod("web-9", images=new),
        pod("old", images=new, over=True),
        pod(
            "queue-0",
            owner="statefulset/queue",
            images=(image_in("queue", "r:5000/queue@sha256:" + "a" * 64),),
        ),
    ]
    world.cluster.workloads_found = [workload(images=new), workload("deployment/idle")]
    said = world.ask("images")
    lines = [line.split() for line in rows(said)]
    assert lines[1:] == [
        ["deployment/idle", "web", "example.com/web", "1.2.3", "0"],
        ["deployment/web", "web", "example.com/web", "1.2.3", "3", "differs"],
        ["deployment/web", "web", "example.com/web", "1.2.4", "1", "differs"],
        ["statefulset/queue", "queue", "r:5000/queue", "a" * 12, "1"],
    ]
    assert said.endswith(":warning: not all of one version: `deployment/web`")


# ---------------------------------------------------------------- logs
def test_logs_of_a_workload_are_its_newest_running_pods(world: World) -> None:
    world.cluster.workloads_found = [workload()]
    world.cluster.pods_found = [
        pod("web-1"),
        pod("web-2", created_at=WHEN - timedelta(minutes=5)),
        pod("web-3", created_at=WHEN, state="Pending"),
    ]
    world.cluster.written = {("web-2", "web"): "one\n<two>\nthree ``` four\n"}
    for typed in ("logs web", "logs deploy/web -n shop"):
        said = world.ask(typed)
        assert said.startswith("*shop/web-2* web, Running, the newest of 3 pods\n")
        assert rows(said) == ["one", "&lt;two&gt;", "three ''' four"]


def test_logs_of_a_pod_by_name_with_its_options(world: World) -> None:
    images = (image_in("web", "w"), image_in("proxy", "p"))
    world.cluster.pods_found = [pod(images=images)]
    world.cluster.written = {("web-1", "proxy"): "a\nb\nc\n"}
    assert rows(world.ask("logs web-1 -c proxy --tail 2 --since 10m")) == ["b", "c"]
    assert world.cluster.asked == [{"tail": 2, "since": 600}]
    assert "has no container `db`, but `web`, `proxy`" in world.ask("logs web-1 -c db")
    assert world.ask("logs pod/web-1").endswith("Nothing written.")


def test_logs_show_no_secret_and_are_searched_only_after_it_is_masked(world: World) -> None:
    world.cluster.pods_found = [pod()]
    world.cluster.written = {("web-1", "web"): "start\nlogin password=hunter2 ok\nend\n"}
    assert "hunter2" not in (shown := world.ask("logs web-1"))
    assert "password=[redacted] ok" in shown
    assert world.ask("logs web-1 --grep hunter").endswith("No such lines.")
    assert rows(world.ask("logs web-1 --grep LOGIN")) == ["login password=[redacted] ok"]


def test_logs_that_do_not_fit_show_the_newest(world: World) -> None:
    world.cluster.pods_found = [pod()]
    world.cluster.written = {("web-1", "web"): "".join(f"line {n} {'x' * 60}\n" for n in range(500))}
    said = world.ask("logs web-1 --tail 200")
    assert len(said) < SECTION_TEXT
    lines = rows(said)
    assert lines[0] == f"… {200 - (len(lines) - 1)} lines before"
    assert lines[-1].startswith("line 499 ")


def test_of_an_endless_line_the_beginning_is_shown(world: World) -> None:
    world.cluster.pods_found = [pod()]
    for sign, shown in (("x", "x"), ("<", "&lt;"), ("&", "&amp;")):
        world.cluster.written = {("web-1", "web"): sign * 300_000}
        said = world.ask("logs web-1", id=sign)
        assert len(said) < SECTION_TEXT
        assert shown * 100 in said


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("logs nope", "there is no pod or workload `nope` in `shop`"),
        ("logs pod/nope", "there is no pod `nope`"),
        ("logs cronjob/web", "has no logs"),
        ("logs web", "may be any of `deployment/web`, `statefulset/web`"),
        ("logs sts/web", "has no pods"),
        ("logs web --tail 201", "from 1 to 200"),
        ("logs web --since soon", "not a length of time"),
        ("logs web --grep ''", "1 to 200 characters"),
    ],
)
def test_what_logs_cannot_find_or_read_is_refused(world: World, typed: str, expected: str) -> None:
    world.cluster.workloads_found = [workload(), workload("statefulset/web")]
    assert expected in world.ask(typed)


# ---------------------------------------------------------------- queues
def test_queues_show_their_depths_and_warn_of_dead_letters(world: World) -> None:
    world.queues.found = [
        QueueDepth("bellhop-commands.fifo", 1, 2, 3),
        QueueDepth("bellhop-alarms-dead-letters", 4),
        QueueDepth("bellhop-commands-dead-letters.fifo"),
        QueueDepth("bellhop-scaling", problem="AccessDenied"),
    ]
    said = world.ask("queues")
    assert [line.split() for line in rows(said)[1:]] == [
        ["bellhop-commands.fifo", "1", "2", "3"],
        ["bellhop-alarms-dead-letters", "4", "0", "0"],
        ["bellhop-commands-dead-letters.fifo", "0", "0", "0"],
        ["bellhop-scaling", "AccessDenied"],
    ]
    assert said.count(":warning:") == 1
    assert ":warning: 4 failed in `bellhop-alarms-dead-letters`" in said


READING = ("whoami", "activity", "alarms", "nodes", "pods", "images", "queues")


@pytest.mark.parametrize("typed", READING)
def test_a_viewer_may_read_and_it_is_recorded(world: World, typed: str) -> None:
    chat = world.chat()
    assert chat.ask(typed, user=VIC)
    assert chat.ledger.only().outcome is Outcome.ANSWERED
    assert chat.desk.handed == []


def test_no_answer_is_broken_by_what_others_wrote(world: World) -> None:
    evil: dict[str, Any] = {"state": "<!channel> ``` *x*"}
    world.cluster.pods_found = [pod(**evil)]
    said = world.ask("pods")
    assert said.count("```") == 2
    assert "<!channel>" not in said
