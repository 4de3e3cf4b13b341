"""The demo: an alarm scales a workload, a person asks and is answered. Each step is waited for and timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from local.chat.client import ChatClient
from local.chat.exchange import Json
from local.chat.prompt import Talk, render_reply
from local.chat.stack import read_stack
from local.cloud import LocalCloud
from local.processes import LocalCloudError, wait_for
from local.seeding import ALARM, CHANNEL, METRIC, USER

_PATIENCE_SECONDS = 60.0
_DEPLOYMENT = "/apis/apps/v1/namespaces/shop/deployments/web"


@dataclass(frozen=True, slots=True)
class Step:
    """seconds: from the beginning of its act to when it was seen."""

    seconds: float
    what: str


def play(cloud: LocalCloud, tell: Callable[[Step], None]) -> None:
    """Both acts. Raises LocalCloudError when a step does not come about."""
    with ChatClient(cloud.chat_url, cloud.certificates.ca) as chat:
        _alarm_scales(cloud, chat, tell)
        _person_asks(cloud, chat, "status", tell)
        _person_asks(cloud, chat, "scale statefulset/queue 3 -n shop", tell)


def _alarm_scales(cloud: LocalCloud, chat: ChatClient, tell: Callable[[Step], None]) -> None:
    cloudwatch = cloud.client("cloudwatch")
    before, begun = _replicas(cloud), time.monotonic()

    def seen(what: str) -> None:
        tell(Step(time.monotonic() - begun, what))

    cloudwatch.put_metric_data(
        Namespace=METRIC["Namespace"],
        MetricData=[{"MetricName": METRIC["MetricName"], "Value": 86.0, "Timestamp": datetime.now(UTC)}],
    )
    seen("metric CPUUtilization is 86, its alarm's threshold 60")

    def rings() -> bool:
        alarms = cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
        return bool(alarms[0]["StateValue"] == "ALARM")

    wait_for(rings, f"alarm {ALARM} to ring", seconds=_PATIENCE_SECONDS)
    seen(f"CloudWatch alarm {ALARM} is in ALARM")

    def moved() -> int | None:
        now = _replicas(cloud)
        return now if now != before else None

    after = wait_for(moved, "the workload to be scaled", seconds=_PATIENCE_SECONDS)
    seen(f"deployment shop/web went from {before} to {after} replicas")

    def written() -> Json | None:
        headers = {"Authorization": f"Bearer {cloud.secrets.api_token}"}
        answer = cloud.http("GET", "/activity?subject=shop/web&limit=1", headers=headers)
        entries = answer.json().get("entries") if answer.ok else None
        return dict(entries[0]) if entries else None

    entry = wait_for(written, "the ledger's entry", seconds=_PATIENCE_SECONDS)
    seen(f"ledger: {entry['summary']}: {entry['because']}")
    notice = wait_for(lambda: _notice(chat), "the team's notice", seconds=_PATIENCE_SECONDS)
    seen(f"Slack {CHANNEL}: {' | '.join(render_reply(notice).splitlines())}")


def _person_asks(cloud: LocalCloud, chat: ChatClient, text: str, tell: Callable[[Step], None]) -> None:
    stack = read_stack(cloud.folder / "local.json")
    talk = Talk(stack, stack.signing_secret(), chat, USER)
    begun = time.monotonic()
    asked = talk.ask(text)
    if not asked.accepted:
        raise LocalCloudError(asked.said)
    tell(Step(time.monotonic() - begun, f"/bellhop {text} (signed): acknowledged"))
    answers = ("answered", "outcome") if text.startswith("scale") else ("answered",)
    for answer in answers:
        replies = talk.replies(asked.reply_to, _PATIENCE_SECONDS)
        if not replies:
            raise LocalCloudError(f"/bellhop {text} was not {answer} within {_PATIENCE_SECONDS:g} s")
        tell(Step(time.monotonic() - begun, f"{answer}: {' | '.join(render_reply(replies[0]).splitlines())}"))


def _replicas(cloud: LocalCloud) -> int:
    return int(cloud.kubernetes(_DEPLOYMENT).json()["spec"].get("replicas", 0))


def _notice(chat: ChatClient) -> Json | None:
    return next((m for m in chat.messages() if m["via"] == "chat.postMessage"), None)
