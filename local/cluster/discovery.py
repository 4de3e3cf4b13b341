"""What a client asks first: /version, /api, /apis and the resource lists below them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local.cluster.answers import Json
    from local.cluster.kinds import Kind

VERSION = {
    "major": "1",
    "minor": "21",
    "gitVersion": "v1.21.2-k3s1",
    "gitCommit": "faffd6ecd237a32315a462a25c1cce1f24a9a506",
    "gitTreeState": "clean",
    "buildDate": "2021-06-18T03:51:40Z",
    "goVersion": "go1.19.8",
    "compiler": "gc",
    "platform": "linux/amd64",
}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_SCALE = {"kind": "Scale", "group": "autoscaling", "version": "v1"}
_REVIEWS = "authorization.k8s.io"


def page(path: str, kinds: list[Kind]) -> Json | str | None:
    """The discovery document at a path, or None."""
    parts = path.strip("/").split("/")
    match parts:
        case ["version"]:
            return VERSION
        case ["healthz" | "livez" | "readyz"]:
            return "ok"
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": _groups(kinds)}
        case ["apis", name]:
            found = next((group for group in _groups(kinds) if group["name"] == name), None)
            return found and {"kind": "APIGroup", "apiVersion": "v1", **found}
        case ["api", "v1"]:
            return _resources("v1", [kind for kind in kinds if kind.api_version == "v1"])
        case ["apis", group, version]:
            served = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
            if served or group == _REVIEWS:
                return _resources(f"{group}/{version}", served)
    return None


def _groups(kinds: Iterable[Kind]) -> list[Json]:
    pairs = dict.fromkeys((kind.group, kind.version) for kind in kinds if kind.group)
    pairs[_REVIEWS, "v1"] = None
    groups = []
    for name, several in groupby(sorted(pairs), key=lambda pair: pair[0]):
        versions = [{"groupVersion": f"{name}/{version}", "version": version} for _, version in several]
        preferred = next(each for each in versions if each["version"] == min(e["version"] for e in versions))
        groups.append({"name": name, "versions": versions, "preferredVersion": preferred})
    return groups


def _resources(group_version: str, kinds: list[Kind]) -> Json:
    resources = [resource for kind in kinds for resource in _resource_entries(kind)]
    if group_version == f"{_REVIEWS}/v1":
        name = "selfsubjectaccessreviews"
        resources = [_entry(name, "", "SelfSubjectAccessReview", namespaced=False, verbs=["create"])]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }


def _entry(name: str, singular: str, kind: str, *, namespaced: bool, verbs: list[str]) -> Json:
    return {"name": name, "singularName": singular, "namespaced": namespaced, "kind": kind, "verbs": verbs}


def _resource_entries(kind: Kind) -> list[Json]:
    singular = kind.singular if kind.custom else ""
    main = _entry(kind.plural, singular, kind.name, namespaced=kind.namespaced, verbs=_VERBS)
    if kind.short_names:
        main["shortNames"] = list(kind.short_names)
    if kind.categories:
        main["categories"] = list(kind.categories)
    entries = [main]
    change = ["get", "patch", "update"]
    if kind.key == ("", "pods"):
        eviction = _entry("pods/eviction", "", "Eviction", namespaced=True, verbs=["create"])
        entries.append(eviction | {"group": "policy", "version": "v1beta1"})
    if kind.scale:
        scale = _entry(f"{kind.plural}/scale", "", "Scale", namespaced=kind.namespaced, verbs=change)
        entries.append(scale | _SCALE)
    if kind.status:
        entries.append(
            _entry(f"{kind.plural}/status", "", kind.name, namespaced=kind.namespaced, verbs=change)
        )
    return entries
