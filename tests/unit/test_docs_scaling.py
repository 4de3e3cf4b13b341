"""docs/scaling.md shows what `explain` and `simulate` answer: made here from the page's own policy, and compared."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import msgspec
import yaml

from bellhop.alarms.alarm import Metric
from bellhop.scaling.policy import Policy, parse_policy
from tests.unit.chat_world import WHEN, Chat, MemoryDesk
from tests.unit.scaling_world import QUERY, alarm, world

PAGE = (Path(__file__).parents[2] / "docs/scaling.md").read_text()


def shown(command: str) -> str:
    """The code block of the page that follows the first mention of the command."""
    after = PAGE[PAGE.index(f"`/bellhop {command}") :]
    match = re.search(r"```text\n(.*?)```", after, re.DOTALL)
    assert match is not None, command
    return match.group(1).strip()


def policy_of_the_page() -> Policy:
    match = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert match is not None
    resource = yaml.safe_load(match.group(1))
    made = {"uid": "u", "resourceVersion": "1", "generation": 1, "creationTimestamp": "2026-11-20T08:00:00Z"}
    return parse_policy(resource | {"metadata": resource["metadata"] | made})


def after_the_alarm() -> Policy:
    """The page's policy, just after its alarm rang with 150 over 4 pods."""
    it = world()
    it.policy = msgspec.structs.replace(policy_of_the_page(), status=it.policy.status)
    it.now = WHEN
    rings = alarm(at=it.now, value=150.0, measured_at=it.now - timedelta(minutes=1))
    it.by_alarm().take(replace(rings, metric=Metric("CPUUtilization", 60, (QUERY,))), owner="a")
    assert it.writes == [(4, 8)]
    return it.policy


def answer(command: str) -> str:
    chat = Chat(desk=MemoryDesk(found=([after_the_alarm()], []), default_namespace="shop"))
    asked = (WHEN + timedelta(seconds=5)).timestamp()
    text = html.unescape(chat.ask(command, received_at=asked)).replace("```", "\n").replace("*", "")
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def test_explain_is_what_the_page_shows() -> None:
    assert shown("explain web") == answer("explain web")


def test_simulate_is_what_the_page_shows() -> None:
    assert shown("simulate web 86") == answer("simulate web 86")
