"""Which calls an alarm makes, counted where they arrive or leave: at the API server's stand-in, and in botocore.

The function's own module is wired and its own handler called, with messages as SQS hands them over. AWS is moto,
in this process; the API server is a process of its own. Slots are 15 s, so the clock the services are given is moved
on by hand.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import moto

from bellhop import aws, ledger
from bellhop.kubernetes.cluster import LightkubeCluster
from bellhop.scaling.request import Evaluate, encode
from bellhop.scaling.workload import Workload
from benchmarks.measuring import Sample, collector_off
from benchmarks.results import LEAST_TO_MOST, Row
from benchmarks.scaling.api_server import ACCOUNT, REGION, ApiServer, api_server
from benchmarks.scaling.function import ALARMS_QUEUE_ARN, loaded_function
from benchmarks.scaling.objects import deployment, eventbridge, policy
from local.processes import wait_for

_SLOT = timedelta(seconds=15)
_NAMESPACE, _PERIOD = "Bench", 60
_READY_SECONDS = 20.0
_SERVICES = ("cloudwatch", "dynamodb", "sqs", "sts")
_TELLING = ("PutItem", "SendMessage")
_LOOKING = ("DescribeAlarms", "GetMetricData", "SendMessage")
_SCALED = "patch deployments/scale"


@dataclass(frozen=True, slots=True)
class _Counted:
    """What one message brought about. kubernetes: "VERB what"; aws: operations."""

    kubernetes: tuple[str, ...]
    aws: tuple[str, ...]


@dataclass
class _Bench:
    """The function, warm, and what can happen to it."""

    server: ApiServer
    handler: Any
    offset: timedelta = timedelta()
    operations: list[str] = field(default_factory=list)
    patched: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """The services' clock."""
        return ledger_now() + self.offset

    def prepare(self, name: str) -> None:
        """A workload with 4 ready pods, its policy and its alarm, which rings."""
        self.server.create(deployment(name))
        self.server.create(policy(name))
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Namespace=_NAMESPACE,
            MetricName=name,
            Statistic="Average",
            Period=_PERIOD,
            EvaluationPeriods=1,
            Threshold=60.0,
            ComparisonOperator="GreaterThanThreshold",
        )
        aws.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="bench")
        path = f"/apis/apps/v1/namespaces/shop/deployments/{name}"
        wait_for(
            lambda: self.server.get(path)["status"].get("readyReplicas") == 4,
            f"the pods of {name}",
            seconds=_READY_SECONDS,
        )

    def measured(self, name: str, value: float) -> None:
        """Time goes on, and the metric has a datapoint of a new period."""
        self.offset += timedelta(seconds=2 * _PERIOD)
        data = {"MetricName": name, "Timestamp": self.now(), "Value": value}
        aws.client("cloudwatch").put_metric_data(Namespace=_NAMESPACE, MetricData=[data])

    def alarm(self, body: str) -> _Counted:
        return self._received(body, ALARMS_QUEUE_ARN)

    def follow_up(self, name: str) -> _Counted:
        """The next slot begins, and the follow-up that was sent for it arrives."""
        self.offset += _SLOT
        found = self.server.get(f"/apis/bellhop.dev/v1alpha1/namespaces/shop/scalingpolicies/{name}")
        order = Evaluate(namespace="shop", name=name, uid=found["metadata"]["uid"], due=self.now())
        return self._received(encode(order), f"arn:aws:sqs:{REGION}:{ACCOUNT}:scaling")

    def _received(self, body: str, queue: str) -> _Counted:
        record = {
            "messageId": "m",
            "receiptHandle": "r",
            "body": body,
            "attributes": {},
            "eventSourceARN": queue,
        }
        self.server.asked()
        self.operations.clear()
        answer = self.handler(
            {"Records": [record]}, SimpleNamespace(aws_request_id=f"o{time.monotonic_ns()}")
        )
        if answer["batchItemFailures"]:
            raise RuntimeError(f"the message failed: {body}")
        return _Counted(tuple(self.server.asked()), tuple(self.operations))


#: The wall clock, under another name: what the services are given is patched.
ledger_now = ledger.now


def measure(*, full: bool) -> Iterator[Row]:
    with _running() as bench:
        yield from _counts(bench)
        yield from _inside(bench, rounds=100 if full else 25)


@contextmanager
def _running() -> Iterator[_Bench]:
    with ExitStack() as stack:
        server = stack.enter_context(api_server())
        stack.enter_context(moto.mock_aws())
        function = stack.enter_context(loaded_function(server))
        bench = _Bench(server, function.handler)
        stack.enter_context(mock.patch.object(ledger, "now", bench.now))
        for name in ("ledger", "state"):
            aws.client("dynamodb").create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
        for name in ("alarms", "alarms-dead-letters", "scaling", "scaling-dead-letters"):
            aws.client("sqs").create_queue(QueueName=name)
        for service in _SERVICES:
            aws.client(service).meta.events.register(f"before-call.{service}", _noting(bench))
        stack.enter_context(mock.patch.object(LightkubeCluster, "scale", _timed_scale(bench)))
        yield bench


def _noting(bench: _Bench) -> Any:  # noqa: ANN401  a botocore handler
    def note(model: Any, **_: object) -> None:  # noqa: ANN401  botocore's
        bench.operations.append(model.name)

    return note


def _timed_scale(bench: _Bench) -> Any:  # noqa: ANN401  a method
    original = LightkubeCluster.scale

    def scale(self: LightkubeCluster, workload: Workload, replicas: int, *, dry_run: bool = False) -> None:
        original(self, workload, replicas, dry_run=dry_run)
        bench.patched.append(time.perf_counter())

    return scale


# ------------------------------------------------------------ how many
def _counts(bench: _Bench) -> Iterator[Row]:
    for name in ("warm", "web", "calm"):
        bench.prepare(name)
    # Token, connection and the kept lists: what a warm function has.
    bench.alarm(eventbridge("warm", at=bench.now()))

    first = eventbridge("web", at=bench.now())
    yield from _rows("an event that changes the size", bench.alarm(first), 5, _TELLING, changes=True)
    yield from _rows("the same event again", bench.alarm(first), 0, ())
    newer = eventbridge("web", at=bench.now() + timedelta(milliseconds=1))
    yield from _rows("a newer event, but the slot had its decision", bench.alarm(newer), 1, ("SendMessage",))
    calm = bench.alarm(eventbridge("calm", at=bench.now(), value=61.0))
    yield from _rows("an event that changes nothing and is told", calm, 3, _TELLING)
    bench.measured("web", 62.0)
    yield from _rows("a follow-up that changes nothing", bench.follow_up("web"), 3, _LOOKING)
    bench.measured("web", 110.0)  # enough for more than 6 even over the 4 pods that were ready at first
    grown = bench.follow_up("web")
    yield from _rows("a follow-up that changes the size", grown, 5, (*_LOOKING, "PutItem"), changes=True)


def _rows(
    case: str, found: _Counted, budget: int, allowed: tuple[str, ...], *, changes: bool = False
) -> Iterator[Row]:
    """One row for each side. Kubernetes calls have a budget; AWS's too, and which they may be."""
    if (_SCALED in found.kubernetes) is not changes:
        raise RuntimeError(f"{case}: {found}")
    yield _count(f"{case}: Kubernetes calls", found.kubernetes, budget)
    yield _count(f"{case}: AWS calls", found.aws, len(allowed))
    if others := tuple(operation for operation in found.aws if operation not in allowed):
        yield _count(f"{case}: AWS calls that it should not make", others, 0)


def _count(case: str, found: tuple[str, ...], budget: int) -> Row:
    count = len(found)
    return Row("scaling", case, "calls", count, (count, count), budget=budget, note=", ".join(found))


# ------------------------------------------------------------ how long, inside the function
def _inside(bench: _Bench, *, rounds: int) -> Iterator[Row]:
    """Handler called -> PATCH answered. AWS is not asked for anything on that way."""
    names = [f"inside-{i}" for i in range(rounds + 3)]
    for name in names:
        bench.prepare(name)
    taken = []
    for name in names:
        bench.alarm(eventbridge("warm", at=bench.now()))  # the kept lists are less than 15 s old
        body = eventbridge(name, at=bench.now())
        with collector_off():
            began = time.perf_counter()
            bench.alarm(body)
        taken.append(bench.patched[-1] - began)
    sample = Sample(tuple(seconds * 1e3 for seconds in taken[3:]))
    case = "in the function: handler called to PATCH answered"
    yield Row("scaling", f"{case}, p50", "ms", sample.median, sample.quartiles)
    worst = sample.percentile(0.99)
    yield Row("scaling", f"{case}, p99", "ms", worst, sample.range, note=LEAST_TO_MOST)
