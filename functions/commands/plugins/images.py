"""`images`: which image, in which version, runs where."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from arguments import namespace
from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from bellhop.kubernetes.inventory import Image, Pod, Workload
from namespaces import chosen_namespace
from registry import Answer, Argument, Call, Command
from tables import table

_MOST = 2000
_DIFFERING = "differs"
#: So many workloads with several versions are named under the table.
_NAMED = 5

type _Container = tuple[str, str, str]  # namespace, owner ("deployment/web"), container


def run(call: Call) -> Answer:
    where = chosen_namespace(call)
    cluster = call.desk.views.cluster
    pods = cluster.pods(where, most=_MOST)
    counted = count(pods, cluster.workloads(where, most=_MOST))
    if not counted:
        return Answer(
            "Nothing runs in the cluster." if where is None else f"Nothing runs in `{escape(where)}`."
        )
    rows = [
        (
            owner if where else f"{space}/{owner}",
            container,
            image.name,
            image.version,
            str(number),
            _mark(images),
        )
        for (space, owner, container), images in sorted(counted.items())
        for image, number in sorted(images.items(), key=lambda each: (-each[1], each[0].version))
    ]
    differing = [f"`{escape(key[1])}`" for key, images in sorted(counted.items()) if _mark(images)]
    lines = [
        table(("WORKLOAD", "CONTAINER", "IMAGE", "VERSION", "PODS", ""), rows, unread=len(pods) == _MOST)
    ]
    if differing:
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        lines.append(f":warning: not all of one version: {', '.join(differing[:_NAMED])}{more}")
    return Answer("\n".join(lines))


def count(pods: Iterable[Pod], workloads: Iterable[Workload]) -> dict[_Container, Counter[Image]]:
    """How many pods run each image, by container; 0 for what a workload asks for and no pod has."""
    counted: dict[_Container, Counter[Image]] = defaultdict(Counter)
    for pod in pods:
        for image in pod.images if not pod.over else ():
            counted[pod.namespace, pod.owner, image.container][image] += 1
    for workload in workloads:
        for image in workload.images:
            counted[workload.namespace, workload.name, image.container][image] += 0
    return dict(counted)


def _mark(images: Counter[Image]) -> str:
    """A rollout is under way or stuck, or somebody changed a pod."""
    return _DIFFERING if len(images) > 1 else ""


COMMAND = Command(
    name="images",
    summary="Which image and version runs where, and what is not all of one version.",
    risk=Risk.READ,
    run=run,
    arguments=(
        Argument("--namespace", "the workloads' namespace", namespace, short="-n"),
        Argument("--all-namespaces", "every namespace's; -A is short for it", flag=True, short="-A"),
    ),
    examples=("images -n shop", "images -A"),
)
