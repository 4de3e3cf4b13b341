"""Which pods a drain evicts: kubectl's rules (kubernetes/kubectl, pkg/drain/filters.go), in its order. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bellhop.jobs.cluster import Pod
from bellhop.jobs.request import Drain


class Fate(StrEnum):
    """STAYS: its DaemonSet or the node itself would make it again at once. LEAVING: it ends already."""

    EVICT = "evict"
    LEAVING = "leaving"
    STAYS = "stays"
    REFUSED = "refused"


def fate(pod: Pod, drain: Drain) -> Fate:
    """What a drain does with a pod.

    Unlike kubectl, a pod that is being deleted anyway is waited for and never a reason to refuse; and a pod whose
    DaemonSet is gone is left to the garbage collector.
    """
    if (pod.controller == "DaemonSet" and not pod.finished) or pod.mirror:
        return Fate.STAYS
    if pod.leaving:
        return Fate.LEAVING
    if pod.finished:
        return Fate.EVICT
    return Fate.REFUSED if hindrance(pod, drain) else Fate.EVICT


def hindrance(pod: Pod, drain: Drain) -> str:
    """Why the drain may not evict a pod that runs; "" when it may."""
    if pod.empty_dir and not drain.delete_empty_dir:
        return "has an emptyDir volume, whose data would be lost"
    if not pod.controller and not drain.force:
        return "has no controller, so nothing would make it again"
    return ""


@dataclass(frozen=True, slots=True)
class Sorted:
    """A node's pods by their fate, without those that stay."""

    evict: tuple[Pod, ...]
    leaving: tuple[Pod, ...]
    refused: tuple[Pod, ...]

    @property
    def remaining(self) -> tuple[Pod, ...]:
        return (*self.evict, *self.leaving, *self.refused)


def sort(pods: Iterable[Pod], drain: Drain) -> Sorted:
    fates: dict[Fate, list[Pod]] = {each: [] for each in Fate}
    for pod in sorted(pods, key=str):
        fates[fate(pod, drain)].append(pod)
    return Sorted(*(tuple(fates[each]) for each in (Fate.EVICT, Fate.LEAVING, Fate.REFUSED)))
