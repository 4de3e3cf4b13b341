"""What the API server fills in when a built-in object leaves it out: pure functions, one for each kind.

Only what the recording shows and what clients read; fields beyond that stay as they were sent.
"""

from __future__ import annotations

from base64 import b64encode
from copy import deepcopy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cluster.answers import Json
    from local.cluster.kinds import Key

_POD = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONTAINER = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_UNREACHABLE = tuple(
    {
        "key": f"node.kubernetes.io/{state}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    for state in ("not-ready", "unreachable")
)
_NODE_INFO = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)
_WEBHOOK = {
    "failurePolicy": "Fail",
    "matchPolicy": "Equivalent",
    "namespaceSelector": {},
    "objectSelector": {},
    "timeoutSeconds": 10,
}


def with_defaults(key: Key, item: Json) -> Json:
    """The object as the server stores it. Kinds without rules come back as they are."""
    fill = _RULES.get(key)
    if fill is None:
        return item
    item = deepcopy(item)
    fill(item)
    return item


def _fill(target: Json, defaults: Json) -> None:
    for field, value in defaults.items():
        if target.get(field) is None:
            target[field] = deepcopy(value)


def _namespace(item: Json) -> None:
    labels = item["metadata"].get("labels") or {}
    item["metadata"]["labels"] = labels | {"kubernetes.io/metadata.name": item["metadata"]["name"]}
    _fill(item, {"spec": {}, "status": {}})
    _fill(item["spec"], {"finalizers": ["kubernetes"]})
    _fill(item["status"], {"phase": "Active"})


def _node(item: Json) -> None:
    _fill(item, {"spec": {}, "status": {}})
    if item["spec"].get("unschedulable") is False:
        del item["spec"]["unschedulable"]
    _fill(item["status"], {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": {}})
    _fill(item["status"]["nodeInfo"], dict.fromkeys(_NODE_INFO, ""))


def _pod(item: Json) -> None:
    spec = item.setdefault("spec", {})
    _pod_spec(spec)
    _fill(spec, {"tolerations": [], "priority": 0, "enableServiceLinks": True})
    _fill(spec, {"preemptionPolicy": "PreemptLowerPriority"})
    known = {toleration.get("key") for toleration in spec["tolerations"]}
    spec["tolerations"] += [dict(each) for each in _UNREACHABLE if each["key"] not in known]
    _fill(item, {"status": {}})
    _fill(item["status"], {"phase": "Pending", "qosClass": _quality(spec)})


def _quality(spec: Json) -> str:
    resources = [container.get("resources") or {} for container in spec.get("containers") or []]
    if not any(each.get("limits") or each.get("requests") for each in resources):
        return "BestEffort"
    guaranteed = all(
        set(each.get("limits") or {}) == {"cpu", "memory"}
        and each.get("requests", each["limits"]) == each["limits"]
        for each in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _pod_spec(spec: Json) -> None:
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        _container(container)
    _fill(spec, _POD)


def _container(container: Json) -> None:
    _fill(container, _CONTAINER)
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    pinned = "@" in image or tag not in {"", "latest"}
    _fill(container, {"imagePullPolicy": "IfNotPresent" if pinned else "Always"})
    for port in container.get("ports") or []:
        _fill(port, {"protocol": "TCP"})
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(probe), dict):
            _fill(container[probe], _PROBE)


def _workload(item: Json) -> None:
    spec = item.setdefault("spec", {})
    _fill(spec, {"replicas": 1, "template": {}, "revisionHistoryLimit": 10})
    _fill(spec["template"], {"metadata": {}, "spec": {}})
    spec["template"]["metadata"].setdefault("creationTimestamp", None)
    _pod_spec(spec["template"]["spec"])


def _deployment(item: Json) -> None:
    _workload(item)
    _fill(item["spec"], {"strategy": {}, "progressDeadlineSeconds": 600})
    _fill(item["spec"]["strategy"], {"type": "RollingUpdate"})
    if item["spec"]["strategy"]["type"] == "RollingUpdate":
        _fill(item["spec"]["strategy"], {"rollingUpdate": {}})
        _fill(item["spec"]["strategy"]["rollingUpdate"], {"maxUnavailable": "25%", "maxSurge": "25%"})
    _fill(item, {"status": {}})


def _statefulset(item: Json) -> None:
    _workload(item)
    _fill(item["spec"], {"podManagementPolicy": "OrderedReady", "updateStrategy": {}})
    _fill(item["spec"]["updateStrategy"], {"type": "RollingUpdate"})
    if item["spec"]["updateStrategy"]["type"] == "RollingUpdate":
        _fill(item["spec"]["updateStrategy"], {"rollingUpdate": {"partition": 0}})
    _fill(item, {"status": {}})
    _fill(item["status"], {"replicas": 0})


def _autoscaler(item: Json) -> None:
    spec = item.setdefault("spec", {})
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    _fill(spec, {"minReplicas": 1, "metrics": [{"type": "Resource", "resource": cpu}]})
    _fill(item, {"status": {}})
    _fill(item["status"], {"currentReplicas": 0, "desiredReplicas": 0})


def _budget(item: Json) -> None:
    counts = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    _fill(item, {"status": {}})
    _fill(item["status"], dict.fromkeys(counts, 0))


def _event(item: Json) -> None:
    _fill(item, {"source": {}, "reportingComponent": "", "reportingInstance": ""})
    for moment in ("firstTimestamp", "lastTimestamp", "eventTime"):
        item.setdefault(moment, None)


def _secret(item: Json) -> None:
    _fill(item, {"type": "Opaque"})
    if plain := item.pop("stringData", None):
        data = {name: b64encode(value.encode()).decode() for name, value in plain.items()}
        item["data"] = (item.get("data") or {}) | data


def _webhooks(item: Json) -> None:
    for hook in item.get("webhooks") or []:
        _fill(hook, _WEBHOOK)
        if isinstance(service := (hook.get("clientConfig") or {}).get("service"), dict):
            _fill(service, {"port": 443})
        for rule in hook.get("rules") or []:
            _fill(rule, {"scope": "*"})


def _mutating_webhooks(item: Json) -> None:
    _webhooks(item)
    for hook in item.get("webhooks") or []:
        _fill(hook, {"reinvocationPolicy": "Never"})


def _role_binding(item: Json) -> None:
    _fill(item.setdefault("roleRef", {}), {"apiGroup": "rbac.authorization.k8s.io"})
    for subject in item.get("subjects") or []:
        if subject.get("kind") in {"User", "Group"}:
            _fill(subject, {"apiGroup": "rbac.authorization.k8s.io"})


def _definition(item: Json) -> None:
    spec = item.get("spec") or {}
    names = spec.get("names") or {}
    if names.get("kind"):
        _fill(names, {"singular": names["kind"].lower(), "listKind": f"{names['kind']}List"})
    _fill(spec, {"conversion": {"strategy": "None"}})
    stored = [each["name"] for each in spec.get("versions") or [] if each.get("storage")]
    _fill(item, {"status": {}})
    item["status"].setdefault("conditions", None)
    _fill(item["status"], {"acceptedNames": {"plural": "", "kind": ""}, "storedVersions": stored})


_RULES: dict[Key, Callable[[Json], None]] = {
    ("", "namespaces"): _namespace,
    ("", "nodes"): _node,
    ("", "pods"): _pod,
    ("", "events"): _event,
    ("", "secrets"): _secret,
    ("apps", "deployments"): _deployment,
    ("apps", "statefulsets"): _statefulset,
    ("autoscaling", "horizontalpodautoscalers"): _autoscaler,
    ("policy", "poddisruptionbudgets"): _budget,
    ("rbac.authorization.k8s.io", "rolebindings"): _role_binding,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): _role_binding,
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): _mutating_webhooks,
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): _webhooks,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
}
