"""How soon an alarm acts: SendMessage called -> the workload's new size seen, on a local cloud of its own. Called,
not answered: the size may be seen before the sender has its answer.

The new size is seen by a watch on the API server's stand-in, which is told of each change as it is made. Beside it
stands what polling does: a loop that looks every N seconds finds a change at a random moment between 0 and N
seconds late, so half of them after N/2 and 99 of 100 within 0.99 N. That is computed from the loops' default
intervals, with nothing added for what a poll itself takes.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import requests

from benchmarks.measuring import Sample
from benchmarks.results import LEAST_TO_MOST, Row
from benchmarks.scaling.objects import deployment, eventbridge, policy
from local import seeding
from local.chat.client import ChatClient
from local.chat.prompt import render_reply
from local.cloud import LocalCloud
from local.environment import local_cloud
from local.ports import Ports
from local.processes import wait_for

#: Default intervals, in seconds: --horizontal-pod-autoscaler-sync-period, and a ScaledObject's pollingInterval.
POLLING = {"HPA": 15.0, "KEDA": 30.0}
_QUICK, _FULL, _WARM_UP = 30, 200, 10
_PATIENCE = 60.0
#: Between one reaction and the next alarm: the function tells and closes what it did.
_PAUSE = 0.05
#: After the warm-up: until its messages are deleted.
_QUIET = 3.0
#: 86 of 60 over 4 pods.
_GROWN = 6
_NAMESPACE = "/apis/apps/v1/namespaces/shop/deployments"


class _Watch(threading.Thread):
    """Notes when each Deployment's spec.replicas is first seen at a value, by the monotonic clock."""

    def __init__(self, cloud: LocalCloud) -> None:
        super().__init__(daemon=True)
        self._session = _session(cloud)
        self._url = cloud.cluster_url + _NAMESPACE
        self._changed = threading.Condition()
        self._seen: dict[tuple[str, int], float] = {}

    def run(self) -> None:
        options = {"watch": "true", "timeoutSeconds": "600"}
        with self._session.get(self._url, params=options, stream=True, timeout=_PATIENCE) as answer:
            for line in answer.iter_lines(chunk_size=1):
                at = time.monotonic()
                found = json.loads(line)["object"]
                key = found["metadata"]["name"], found["spec"].get("replicas", 0)
                with self._changed:
                    self._seen.setdefault(key, at)
                    self._changed.notify_all()

    def when(self, name: str, replicas: int) -> float:
        """When it was seen so; waits for it. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: (name, replicas) in self._seen, _PATIENCE):
                raise TimeoutError(f"{name} did not come to {replicas} replicas in {_PATIENCE:g} s")
            return self._seen[name, replicas]


def measure(*, full: bool) -> Iterator[Row]:
    count = _FULL if full else _QUICK
    with _cloud() as cloud:
        reactions = _reactions(cloud, count)
    for share in (0.5, 0.99):
        yield from _rows(reactions, count, share)


def polling_delay(interval: float, share: float) -> float:
    """Seconds within which that share of random moments are followed by a poll."""
    return interval * share


def _rows(reactions: Sample, count: int, share: float) -> Iterator[Row]:
    took = reactions.percentile(share)
    spread = reactions.quartiles if share == 0.5 else reactions.range
    case = f"alarm sent to the queue, to the new size, p{share * 100:g}"
    note = f"{count} alarms" if share == 0.5 else f"{count} alarms; {LEAST_TO_MOST}"
    for name, interval in POLLING.items():
        peer = polling_delay(interval, share)
        yield Row(
            "scaling",
            case,
            "s",
            took,
            spread,
            peer=f"{name} every {interval:g} s, computed: {peer:.4g} s",
            ratio=peer / took,
            note=note,
        )


def _reactions(cloud: LocalCloud, count: int) -> Sample:
    names = [f"reaction-{i}" for i in range(_WARM_UP + count)]
    for name in names:
        seeding.create(cloud, deployment(name))
        # The longest slot: no follow-up comes while others are measured.
        seeding.create(cloud, policy(name, evaluateEverySeconds=900))
    with _session(cloud) as session:
        wait_for(lambda: _all_ready(session, cloud), "all pods to be ready", seconds=_PATIENCE)
    watch = _Watch(cloud)
    watch.start()
    watch.when(names[-1], 4)
    _warm(cloud, watch, names[:_WARM_UP])
    return Sample(tuple(_reaction(cloud, watch, name) for name in names[_WARM_UP:]))


def _reaction(cloud: LocalCloud, watch: _Watch, name: str) -> float:
    body = eventbridge(name, at=datetime.now(UTC))
    sqs, queue = cloud.client("sqs"), cloud.outputs["AlarmsQueueUrl"]
    began = time.monotonic()
    sqs.send_message(QueueUrl=queue, MessageBody=body)
    seconds = watch.when(name, _GROWN) - began
    time.sleep(_PAUSE)
    return seconds


def _warm(cloud: LocalCloud, watch: _Watch, names: list[str]) -> None:
    """All at once, until chat was told of each: MiniStack asks all queues in one loop, so that a cold start of the
    function that tells chat, too, would count as scaling's."""
    sqs = cloud.client("sqs")
    for name in names:
        body = eventbridge(name, at=datetime.now(UTC))
        sqs.send_message(QueueUrl=cloud.outputs["AlarmsQueueUrl"], MessageBody=body)
    for name in names:
        watch.when(name, _GROWN)
    with ChatClient(cloud.chat_url, cloud.certificates.ca) as chat:

        def all_told() -> bool:
            posted = [render_reply(message) for message in chat.messages()]
            return all(any(f"shop/{name}:" in text for text in posted) for name in names)

        wait_for(all_told, "chat to be told", seconds=_PATIENCE)
    time.sleep(_QUIET)


def _all_ready(session: requests.Session, cloud: LocalCloud) -> bool:
    items = session.get(cloud.cluster_url + _NAMESPACE, timeout=_PATIENCE).json()["items"]
    return all(item["status"].get("readyReplicas") == item["spec"]["replicas"] for item in items)


def _session(cloud: LocalCloud) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(cloud.certificates.ca)
    session.headers["Authorization"] = f"Bearer {cloud.secrets.cluster_admin}"
    return session


@contextmanager
def _cloud() -> Iterator[LocalCloud]:
    began = time.monotonic()

    def progress(step: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {step}", file=sys.stderr, flush=True)

    with (
        tempfile.TemporaryDirectory(prefix="bellhop-bench-") as folder,
        local_cloud(Path(folder), Ports.free(), progress) as cloud,
    ):
        yield cloud
