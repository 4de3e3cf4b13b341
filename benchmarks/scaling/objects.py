"""The objects that are measured with, as the API server keeps them, and the alarms that ring for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import ROOT

_EVENT = json.loads((ROOT / "events/cloudwatch/eventbridge.json").read_text())
_AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
_CONDITIONS = ("AbleToScale", "ScalingActive", "ScalingLimited")


def deployment(name: str, replicas: int = 4) -> dict[str, Any]:
    pod = {"containers": [{"name": "web", "image": "example.com/web:1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


def policy(name: str, **spec: object) -> dict[str, Any]:
    """A policy for the Deployment of its name: 60 of the alarm of its name, 2 to 12 replicas. spec: other fields."""
    whole: dict[str, object] = {
        "scaleTargetRef": {"kind": "Deployment", "name": name},
        "minReplicas": 2,
        "maxReplicas": 12,
        "triggers": [{"alarm": {"name": name}, "target": {"type": "Value", "value": 60}}],
    }
    return {
        "apiVersion": "bellhop.dev/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": whole | spec,
    }


def mixed_policies(count: int) -> list[dict[str, Any]]:
    """Policies in use: two triggers each, of names, patterns, ARNs and alert selectors in turn, and a status."""
    return [
        policy(f"web-{i}", triggers=[_trigger(i, i), _trigger(i, i + 1)]) | {"status": _status(i)}
        for i in range(count)
    ]


def as_read(manifest: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The object as a list would have it, with what the API server adds."""
    added = {
        "uid": f"00000000-0000-4000-8000-{number:012d}",
        "resourceVersion": str(number),
        "generation": 1,
        "creationTimestamp": "2026-11-20T08:00:00Z",
    }
    return {**manifest, "metadata": {**manifest["metadata"], **added}}


def arn(name: str) -> str:
    return f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"


def eventbridge(name: str, *, at: datetime, value: float = 86.0) -> str:
    """The message that EventBridge's rule puts into AlarmsQueue: the alarm rings, with a datapoint a minute old."""
    state = {
        "value": "ALARM",
        "timestamp": _stamp(at),
        "reason": "Threshold Crossed",
        "reasonData": json.dumps(
            {"evaluatedDatapoints": [{"timestamp": _stamp(at - timedelta(minutes=1)), "value": value}]}
        ),
    }
    detail = _EVENT["detail"] | {"alarmName": name, "state": state}
    return json.dumps(_EVENT | {"resources": [arn(name)], "detail": detail})


def _trigger(i: int, kind: int) -> dict[str, Any]:
    target = {"type": "Value", "value": 60}
    match kind % 4:
        case 0:
            return {"alarm": {"name": f"web-{i}-cpu-high"}, "target": target}
        case 1:
            return {"alarm": {"pattern": f"team-{i}-*-latency-[0-9]?"}, "target": target}
        case 2:
            return {"alarm": {"arn": arn(f"web-{i}-queue-deep")}, "target": target}
        case _:
            selector = {
                "matchLabels": {"alertname": "QueueDeep", "service": f"web-{i}"},
                "matchExpressions": [{"key": "env", "operator": "In", "values": ["prod", "canary"]}],
            }
            return {"alert": selector, "target": target}


def _status(i: int) -> dict[str, Any]:
    """What a policy that has scaled remembers."""
    at, said = _stamped(_AT), f"web-{i}-cpu-high 86 of 60 over 4 pods asks for 6"
    return {
        "observedGeneration": 1,
        "currentReplicas": 6,
        "desiredReplicas": 6,
        "lastScaleTime": at,
        "slot": at,
        "followUp": _stamped(_AT + timedelta(seconds=15)),
        "told": "DesiredWithinRange",
        "triggers": [_source(i)],
        "recommendations": [
            {"at": _stamped(_AT - timedelta(seconds=ago)), "replicas": 6} for ago in range(15, 90, 15)
        ],
        "scaleEvents": [{"at": at, "change": 2}],
        "readyPods": [{"at": at, "ready": 4}],
        "lastDecision": {
            "cause": f"{i:032x}",
            "actor": f"alarm web-{i}-cpu-high",
            "at": at,
            "current": 4,
            "desired": 6,
            "reason": "DesiredWithinRange",
            "because": said,
            "phase": "Done",
            "owner": f"{i:036x}",
            "leaseUntil": _stamped(_AT + timedelta(seconds=20)),
            "targetUid": f"{i:036x}",
            "working": [said, "largest: 6", "window: 6", "rates: 6"],
        },
        "conditions": [
            {
                "type": type_,
                "status": "True",
                "reason": "DesiredWithinRange",
                "message": said,
                "lastTransitionTime": at,
            }
            for type_ in _CONDITIONS
        ],
    }


def _source(i: int) -> dict[str, Any]:
    name = f"web-{i}-cpu-high"
    return {
        "source": arn(name),
        "name": name,
        "state": "ALARM",
        "at": _stamped(_AT),
        "value": 86.0,
        "measuredAt": _stamped(_AT - timedelta(seconds=60)),
        "countedAt": _stamped(_AT - timedelta(seconds=60)),
        "counted": 86.0,
        "recommended": 6,
        "threshold": 60.0,
    }


def _stamped(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _stamp(moment: datetime) -> str:
    """A time as CloudWatch writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"
