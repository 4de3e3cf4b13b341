"""What a CustomResourceDefinition's status says once its resources are served, which here is at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cluster.kinds import CRD_KEY

if TYPE_CHECKING:
    from local.cluster.answers import Json
    from local.cluster.store import Store

_CONDITIONS = (
    ("NamesAccepted", "NoConflicts", "no conflicts found"),
    ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
)


def establish(store: Store, name: str) -> None:
    """Write the status of a definition that has just been made or changed; a no-op when it is as it should."""
    with store.lock:
        item = store.get(CRD_KEY, "", name)
        if item is None:
            return
        status = established(item)
        if status != item["status"]:
            store.replace(CRD_KEY, {**item, "status": status})


def established(item: Json) -> Json:
    """The status: conditions, accepted names, and every version ever stored."""
    made, names = item["metadata"]["creationTimestamp"], item["spec"]["names"]
    conditions = [
        {"type": type_, "status": "True", "lastTransitionTime": made, "reason": reason, "message": message}
        for type_, reason, message in _CONDITIONS
    ]
    stored = [version["name"] for version in item["spec"]["versions"] if version.get("storage")]
    before = item["status"].get("storedVersions") or []
    versions = [*before, *(name for name in stored if name not in before)]
    return {"conditions": conditions, "acceptedNames": names, "storedVersions": versions}
