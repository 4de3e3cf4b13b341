"""ScalingPolicy (`bellhop.dev/v1alpha1`) as the API server has it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from bellhop.alarms.alarm import AlarmEvent
from bellhop.errors import RefusedError
from bellhop.scaling.contradictions import contradiction
from bellhop.scaling.spec import NODE_GROUP, Spec, Trigger
from bellhop.scaling.status import Source, Status

GROUP = "bellhop.dev"
VERSION = "v1alpha1"
KIND = "ScalingPolicy"
PLURAL = "scalingpolicies"

#: On a ScalingPolicy: until when (RFC 3339) it leaves its workload's size alone. For kubectl annotate.
HOLD_ANNOTATION = "bellhop.dev/hold"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy as read from the API server."""

    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: Spec
    status: Status = Status()
    created: str = ""
    held_until: datetime | None = None

    @property
    def target_kind(self) -> str:
        ref = self.spec.scale_target_ref
        return ref.kind if ref is not None else NODE_GROUP

    @property
    def target_name(self) -> str:
        ref, group = self.spec.scale_target_ref, self.spec.node_group
        return ref.name if ref is not None else group.name if group is not None else ""

    @property
    def target(self) -> str:
        """What it governs, as people write it: namespace/name."""
        return f"{self.namespace}/{self.target_name}"

    def trigger_for(self, event: AlarmEvent) -> Trigger | None:
        """The first trigger that the event is for."""
        labels = None if event.alert is None else event.alert.labels
        return self._trigger(event.source, event.name, labels)

    def trigger_of(self, source: Source) -> Trigger | None:
        """The trigger that a source in the status is for now; None when the spec was edited since."""
        return self._trigger(source.source, source.name, source.labels)

    def _trigger(self, source: str, name: str, labels: Mapping[str, str] | None) -> Trigger | None:
        return next((t for t in self.spec.triggers if t.matches(source, name, labels)), None)

    def problem(self) -> str | None:
        """What in the spec contradicts itself, in words; None when nothing does."""
        return contradiction(self.spec)


def parse_policy(resource: Mapping[str, Any]) -> Policy:
    """The policy in a custom resource as the API server returns it.

    Raises RefusedError(PolicyInvalid), naming the field, for what the schema should have refused.
    """
    metadata = resource["metadata"]
    where = f"{metadata.get('namespace')}/{metadata.get('name')}"
    try:
        return Policy(
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata.get("generation", 0),
            resource_version=metadata["resourceVersion"],
            spec=msgspec.convert(resource.get("spec", {}), Spec),
            status=msgspec.convert(resource.get("status") or {}, Status),
            created=metadata.get("creationTimestamp", ""),
            held_until=_held_until(metadata.get("annotations") or {}),
        )
    except (msgspec.ValidationError, ValueError) as error:
        raise RefusedError("PolicyInvalid", f"policy {where}: {error}") from error


def _held_until(annotations: Mapping[str, str]) -> datetime | None:
    text = annotations.get(HOLD_ANNOTATION)
    if text is None:
        return None
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        raise ValueError(
            f"annotation {HOLD_ANNOTATION}: `{text[:40]}` is not a time like 2026-11-20T18:00:00Z"
        )
    return until
