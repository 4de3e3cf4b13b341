"""What system tests do to a running stack, and how they wait for what comes of it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from local import seeding
from local.chat.client import ChatClient
from local.chat.exchange import Json
from local.chat.prompt import Talk, render_reply
from local.chat.slack_client import signed_request
from local.chat.stack import read_stack
from local.cloud import LocalCloud
from local.deployment import STACK
from local.processes import LocalCloudError, wait_for

PATIENCE = 60.0
EVENTS = Path(__file__).parents[2] / "events"


@dataclass(frozen=True)
class Shop:
    """Helpers for one test; `name` is its workload, its policy, its alarm and its metric. log_began: how long
    the AWS endpoint's log was when the test began, which was at `began`, in seconds since the epoch."""

    cloud: LocalCloud
    chat: ChatClient
    name: str
    log_began: int = 0
    began: float = field(default_factory=time.time)

    # ------------------------------------------------------------ the cluster
    def deploy(self, replicas: int = 4, *, name: str = "") -> None:
        name = name or self.name
        pod = {"labels": {"app": name}}
        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": pod,
                "spec": {"containers": [{"name": "web", "image": "example.com/w:1"}]},
            },
        }
        self._create("apps/v1", "Deployment", name, spec)
        self.until(lambda: self._deployment(name)["status"].get("readyReplicas", 0) == replicas, "ready pods")

    def govern(self, *, name: str = "", **spec: object) -> None:
        """A policy for the workload: 60 of the alarm's metric, 2 to 12 replicas."""
        name = name or self.name
        whole = {
            "scaleTargetRef": {"kind": "Deployment", "name": name},
            "minReplicas": 2,
            "maxReplicas": 12,
            "triggers": self.triggers(name),
        }
        self._create("bellhop.dev/v1alpha1", "ScalingPolicy", name, whole | spec)

    def triggers(self, name: str = "") -> list[Json]:
        return [{"alarm": {"name": name or self.name}, "target": {"type": "Value", "value": 60}}]

    def autoscale(self, *, minimum: int, maximum: int, running: int = 4) -> None:
        """A HorizontalPodAutoscaler that owns the workload, with the status its controller would write."""
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.name}
        spec = {"scaleTargetRef": target, "minReplicas": minimum, "maxReplicas": maximum}
        self._create("autoscaling/v2", "HorizontalPodAutoscaler", self.name, spec)
        path = f"/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/{self.name}/status"
        requests.patch(
            self.cloud.cluster_url + path,
            json={"status": {"currentReplicas": running, "desiredReplicas": running}},
            headers={
                "Authorization": f"Bearer {self.cloud.secrets.cluster_admin}",
                "Content-Type": "application/merge-patch+json",
            },
            verify=str(self.cloud.certificates.ca),
            timeout=10,
        ).raise_for_status()

    def autoscaler(self) -> Json:
        path = f"/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/{self.name}"
        return dict(self.cloud.kubernetes(path).json())

    def replicas(self, name: str = "") -> int:
        return int(self._deployment(name or self.name)["spec"].get("replicas", 0))

    def policy(self, name: str = "") -> Json:
        path = f"/apis/bellhop.dev/v1alpha1/namespaces/shop/scalingpolicies/{name or self.name}"
        return dict(self.cloud.kubernetes(path).json())

    def withdraw(self, name: str = "") -> None:
        """The policy is deleted: nothing looks at the workload any more, whatever still rings."""
        path = f"/apis/bellhop.dev/v1alpha1/namespaces/shop/scalingpolicies/{name or self.name}"
        requests.delete(
            self.cloud.cluster_url + path,
            headers={"Authorization": f"Bearer {self.cloud.secrets.cluster_admin}"},
            verify=str(self.cloud.certificates.ca),
            timeout=10,
        ).raise_for_status()

    def events_of(self, name: str = "") -> list[Json]:
        """The Kubernetes Events about a workload."""
        events = self.cloud.kubernetes("/api/v1/namespaces/shop/events").json()["items"]
        return [event for event in events if event["involvedObject"]["name"] == (name or self.name)]

    def fault(self, **order: object) -> None:
        response = requests.post(f"{self.cloud.control_url}/faults", json=order, timeout=10)
        response.raise_for_status()

    def held(self) -> int:
        faults = requests.get(f"{self.cloud.control_url}/faults", timeout=10).json()
        return sum(fault["held"] for fault in faults)

    def clear_faults(self) -> None:
        requests.delete(f"{self.cloud.control_url}/faults", timeout=10).raise_for_status()

    # ------------------------------------------------------------ alarms
    def ring(self, value: float = 86.0) -> None:
        """A CloudWatch alarm on a metric, both named after the test, and a datapoint of the metric."""
        metric = {"Namespace": "System", "MetricName": self.name}
        seeding.put_alarm(self.cloud, self.name, metric=metric)
        self.cloud.client("cloudwatch").put_metric_data(
            Namespace="System", MetricData=[{"MetricName": self.name, "Value": value}]
        )

    def eventbridge(self, *, value: float = 86.0, at: datetime | None = None, name: str = "") -> str:
        """An EventBridge event's body as the rule would put it into the queue."""
        name, at = name or self.name, at or datetime.now(UTC)
        event = json.loads((EVENTS / "cloudwatch/eventbridge.json").read_text())
        event["resources"] = [f"arn:aws:cloudwatch:eu-west-1:000000000000:alarm:{name}"]
        event["detail"]["alarmName"] = name
        event["detail"]["state"]["timestamp"] = stamp(at)
        measured = {"timestamp": stamp(at - timedelta(minutes=1)), "sampleCount": 4.0, "value": value}
        event["detail"]["state"]["reasonData"] = json.dumps({"evaluatedDatapoints": [measured]})
        return json.dumps(event)

    def deliver(self, *bodies: str) -> None:
        """Messages into AlarmsQueue, in one call."""
        entries = [{"Id": str(i), "MessageBody": body} for i, body in enumerate(bodies)]
        queue = self.cloud.outputs["AlarmsQueueUrl"]
        answer = self.cloud.client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)
        assert len(answer["Successful"]) == len(bodies)

    def alert_group(self, file: str) -> bytes:
        """A group of alerts from events/, about this test's workload."""
        group = json.loads((EVENTS / file).read_text())
        for alert in group["alerts"]:
            alert["labels"]["deployment"] = self.name
        return json.dumps(group).encode()

    def post_alerts(self, sender: str, body: bytes, **headers: str) -> requests.Response:
        """A group of alerts to the door. Headers with _ for -."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.cloud.http("POST", f"/alerts/{sender}", data=body, headers=named)

    # ------------------------------------------------------------ what came of it
    def entries(self, subject: str = "") -> list[Json]:
        """The ledger's entries for the subject, newest first, over the HTTP API."""
        answer = self.activity(subject=subject or f"shop/{self.name}", limit="100")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["entries"])

    def changes(self) -> list[Json]:
        """The entries of what was done to the test's workload, oldest first. Of what was held there may be others."""
        return [entry for entry in reversed(self.entries()) if entry["outcome"] == "done"]

    def everything(self) -> list[Json]:
        """The newest entries of the ledger, whatever their subject."""
        return list(self.activity(limit="50").json()["entries"])

    def queue_url(self, name: str) -> str:
        return str(self.cloud.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    def activity(self, token: str | None = None, **query: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.cloud.secrets.api_token}"}
        return self.cloud.http("GET", "/activity", params=query, headers=headers)

    def notices(self, about: str = "") -> list[str]:
        """What the team's channel was told of the subject, as text."""
        return self.posts(about or f"shop/{self.name}", via="chat.postMessage")

    def posts(self, about: str, *, via: str) -> list[str]:
        """What was posted in that way about something, as text."""
        posted = [m for m in self.chat.messages() if m["via"] == via]
        assert all(m["channel"] == seeding.CHANNEL for m in posted)
        return [text for m in posted if about in (text := render_reply(m))]

    def until[T](self, look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
        """The first thing `look` finds that is not empty, zero or False.

        Fails with what the functions logged of errors since the test began.
        """
        try:
            return wait_for(lambda: look() or None, what, seconds=seconds)
        except LocalCloudError as error:
            logged = self.cloud.aws.log.read_text(errors="replace")[self.log_began :]
            errors = [line for line in logged.splitlines() if "ERROR" in line or "AccessDenied" in line]
            raise AssertionError("\n".join([str(error), *errors[-10:]])) from None

    def logged(self, function: str, about: str) -> list[str]:
        """What a function logged with `about` in it since the test began, from its log group."""
        pages = self.cloud.client("logs").get_paginator("filter_log_events")
        asked = pages.paginate(
            logGroupName=f"/aws/lambda/{STACK}-{function}", startTime=int(self.began * 1000)
        )
        return [e["message"] for page in asked for e in page["events"] if about in e["message"]]

    def dead_letters(self, output: str) -> list[Json]:
        """What lies in a dead-letter queue, taken out of it."""
        sqs, queue = self.cloud.client("sqs"), self.cloud.outputs[output]
        found: list[Json] = []
        while batch := sqs.receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        ).get("Messages"):
            for message in batch:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            found += batch
        return found

    def queue_is_empty(self, url: str) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return all(answer["Attributes"][name] == "0" for name in names)

    # ------------------------------------------------------------ people
    def talk(self, user: str = seeding.USER) -> Talk:
        stack = read_stack(self.cloud.folder / "local.json")
        return Talk(stack, stack.signing_secret(), self.chat, user)

    def ask(self, text: str, user: str = seeding.USER) -> str:
        """The answer to one command, as text."""
        talk = self.talk(user)
        asked = talk.ask(text)
        assert asked.accepted, asked.said
        replies = talk.replies(asked.reply_to, PATIENCE)
        assert replies, f"no answer to {text!r}"
        return render_reply(replies[0])

    # ------------------------------------------------------------ inner
    def _create(self, version: str, kind: str, name: str, spec: Json) -> None:
        metadata = {"name": name, "namespace": "shop"}
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
        seeding.create(self.cloud, manifest)

    def _deployment(self, name: str) -> Json:
        return dict(self.cloud.kubernetes(f"/apis/apps/v1/namespaces/shop/deployments/{name}").json())


def stamp(moment: datetime) -> str:
    """A time as CloudWatch writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def kill_workers(cloud: LocalCloud, function: str) -> int:
    """Kill every process that runs the function, as a machine that dies does. Answers how many there were."""
    wanted = f"AWS_LAMBDA_FUNCTION_NAME={function}".encode()
    killed = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            ours = os.getpgid(int(process.name)) == cloud.aws.popen.pid
            if ours and wanted in (process / "environ").read_bytes().split(b"\0"):
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
        except (ProcessLookupError, FileNotFoundError):
            continue
    return killed


def signed_bytes(shop: Shop, text: str, *, age: float = 0.0) -> tuple[dict[str, str], bytes]:
    """Headers and body of a signed slash command, `age` seconds old, with a response_url of its own."""
    minted = shop.chat.mint(seeding.CHANNEL, seeding.USER, f"/bellhop {text}")
    return signed_request(
        text,
        user=seeding.USER,
        team=seeding.TEAM,
        channel=seeding.CHANNEL,
        response_url=minted.response_url,
        trigger_id=minted.trigger_id,
        secret=shop.cloud.secrets.slack_signing,
        now=time.time() - age,
    )


def invoke_directly(shop: Shop, event: dict[str, Any]) -> None:
    """As CloudWatch's direct Lambda action does: asynchronously."""
    answer = shop.cloud.client("lambda").invoke(
        FunctionName=shop.cloud.outputs["ScalingFunctionArn"],
        InvocationType="Event",
        Payload=json.dumps(event).encode(),
    )
    assert answer["StatusCode"] == 202
