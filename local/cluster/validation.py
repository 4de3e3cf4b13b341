"""Which built-in objects the API server refuses, and with which causes. Custom resources: schema.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from local.cluster.answers import Cause
from local.cluster.rule_checks import rule_faults
from local.cluster.selectors import matches_selector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.cluster.answers import Json, Value
    from local.cluster.kinds import Key

NOT_NEGATIVE = "must be greater than or equal to 0"
_TLS_KEYS = ("tls.crt", "tls.key")


def faults(key: Key, item: Json) -> list[Cause]:
    """Every broken rule of a built-in object after defaulting; empty when it may be stored."""
    rule = _RULES.get(key)
    return list(rule(item)) if rule else []


def replica_faults(value: Value, field: str = "spec.replicas") -> Iterator[Cause]:
    """A replica count is an integer of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int):
        yield Cause.invalid(field, value, "must be an integer")
    elif value < 0:
        yield Cause.invalid(field, value, NOT_NEGATIVE)


def _workload(item: Json) -> Iterator[Cause]:
    spec = item["spec"]
    yield from replica_faults(spec["replicas"])
    selector, labels = spec.get("selector"), spec["template"]["metadata"].get("labels")
    if not selector:
        yield Cause.required("spec.selector")
    elif not matches_selector(selector, labels):
        text = "`selector` does not match template `labels`"
        yield Cause.invalid("spec.template.metadata.labels", labels, text)
    if not spec["template"]["spec"].get("containers"):
        yield Cause.required("spec.template.spec.containers")


def _autoscaler(item: Json) -> Iterator[Cause]:
    spec = item["spec"]
    least, most = spec["minReplicas"], spec.get("maxReplicas")
    for field in ("kind", "name"):
        if not (spec.get("scaleTargetRef") or {}).get(field):
            yield Cause.required(f"spec.scaleTargetRef.{field}")
    if isinstance(least, int) and least < 1:
        yield Cause.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if not isinstance(most, int) or most < 1:
        yield Cause.invalid("spec.maxReplicas", most or 0, "must be greater than 0")
    elif isinstance(least, int) and most < least:
        yield Cause.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")


def _pod(item: Json) -> Iterator[Cause]:
    if not item["spec"].get("containers"):
        yield Cause.required("spec.containers")


def _event(item: Json) -> Iterator[Cause]:
    """With an eventTime more fields are required; events of what has no namespace live in default.

    From `legacyValidateEvent`, k8s.io/kubernetes pkg/apis/core/validation/events.go.
    """
    about, own = (item.get("involvedObject") or {}).get("namespace", ""), item["metadata"]["namespace"]
    if item.get("eventTime"):
        fits = bool(about) or own in {"default", "kube-system"}
        required = ["reportingComponent", "reportingInstance", "action", "reason"]
    else:
        fits = own == (about or "default")
        required = []
    if not fits:
        yield Cause.invalid("involvedObject.namespace", about, "does not match event.namespace")
    yield from (Cause.required(field) for field in required if not item.get(field))


def _secret(item: Json) -> Iterator[Cause]:
    if item["type"] == "kubernetes.io/tls":
        yield from (
            Cause.required(f"data[{name}]") for name in _TLS_KEYS if name not in (item.get("data") or {})
        )


def _webhooks(item: Json) -> Iterator[Cause]:
    for place, hook in enumerate(item.get("webhooks") or []):
        path = f"webhooks[{place}]"
        if hook.get("sideEffects") not in {"None", "NoneOnDryRun"}:
            yield Cause.required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun")
        config = hook.get("clientConfig") or {}
        if ("url" in config) == ("service" in config):
            yield Cause.required(f"{path}.clientConfig", "exactly one of url or service is required")
        if not hook.get("admissionReviewVersions"):
            yield Cause.required(f"{path}.admissionReviewVersions", "must specify one of v1, v1beta1")


def _role(item: Json) -> Iterator[Cause]:
    for place, rule in enumerate(item.get("rules") or []):
        parts = [rule.get(each) or [] for each in ("verbs", "apiGroups", "resources", "resourceNames")]
        if not all(isinstance(part, list) for part in parts):
            raise TypeError(f"rules[{place}]: verbs, apiGroups, resources and resourceNames are lists")
        if not parts[0]:
            yield Cause.required(f"rules[{place}].verbs", "verbs must contain at least one value")


def _binding(item: Json) -> Iterator[Cause]:
    for place, subject in enumerate(item.get("subjects") or []):
        if not subject.get("name"):
            yield Cause.required(f"subjects[{place}].name")
    role = item["roleRef"]
    if role.get("kind") not in {"Role", "ClusterRole"}:
        yield Cause.unsupported("roleRef.kind", role.get("kind", ""), ("Role", "ClusterRole"))
    if not role.get("name"):
        yield Cause.required("roleRef.name")


def _budget(item: Json) -> Iterator[Cause]:
    spec = item.get("spec") or {}
    if "minAvailable" in spec and "maxUnavailable" in spec:
        yield Cause.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    yield from _selector((spec.get("selector") or {}).get("matchExpressions") or [])


def _selector(expressions: list[Json]) -> Iterator[Cause]:
    for place, each in enumerate(expressions):
        known = ("In", "NotIn", "Exists", "DoesNotExist")
        if each["operator"] not in known:
            field = f"spec.selector.matchExpressions[{place}].operator"
            yield Cause.unsupported(field, each["operator"], known)


def _definition(item: Json) -> Iterator[Cause]:
    spec = item.get("spec") or {}
    names = spec.get("names") or {}
    required = {"spec.group": spec.get("group"), "spec.versions": spec.get("versions")}
    required |= {f"spec.names.{each}": names.get(each) for each in ("plural", "kind")}
    yield from (Cause.required(field) for field, value in required.items() if not value)
    expected = f"{names.get('plural')}.{spec.get('group')}"
    if item["metadata"]["name"] != expected:
        yield Cause.invalid(
            "metadata.name", item["metadata"]["name"], 'must be spec.names.plural+"."+spec.group'
        )
    if spec.get("scope") not in {"Namespaced", "Cluster"}:
        yield Cause.unsupported("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced"))
    if sum(bool(each.get("storage")) for each in spec.get("versions") or []) != 1:
        text = "must have exactly one version marked as storage version"
        yield Cause.invalid("spec.versions", [each.get("name") for each in spec.get("versions") or []], text)
    for place, version in enumerate(spec.get("versions") or []):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            yield Cause.required(f"spec.versions[{place}].schema.openAPIV3Schema", "schemas are required")
        yield from _patterns(version.get("schema"), f"spec.versions[{place}].schema")
    yield from rule_faults(item)


def _patterns(schema: Value, path: str) -> Iterator[Cause]:
    if isinstance(schema, list):
        for place, each in enumerate(schema):
            yield from _patterns(each, f"{path}[{place}]")
    if not isinstance(schema, dict):
        return
    for name, each in schema.items():
        if name == "pattern" and isinstance(each, str):
            try:
                re.compile(each)
            except re.error as error:
                yield Cause.invalid(
                    f"{path}.pattern", each, f"must be a valid regular expression, but isn't: {error}"
                )
        else:
            yield from _patterns(each, f"{path}.{name}")


_RULES: dict[Key, Callable[[Json], Iterator[Cause]]] = {
    ("", "pods"): _pod,
    ("", "events"): _event,
    ("", "secrets"): _secret,
    ("apps", "deployments"): _workload,
    ("apps", "statefulsets"): _workload,
    ("autoscaling", "horizontalpodautoscalers"): _autoscaler,
    ("policy", "poddisruptionbudgets"): _budget,
    ("rbac.authorization.k8s.io", "roles"): _role,
    ("rbac.authorization.k8s.io", "clusterroles"): _role,
    ("rbac.authorization.k8s.io", "rolebindings"): _binding,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _binding,
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): _webhooks,
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): _webhooks,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
}
