"""`logs`: the last lines that a pod, or a workload's newest pod, has written; with secrets masked."""

from __future__ import annotations

from itertools import accumulate

from arguments import duration, namespace
from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from bellhop.errors import RefusedError
from bellhop.kubernetes.errors import NotFoundError
from bellhop.kubernetes.inventory import Pod
from reading_arguments import container, count, pod_or_workload, some_text
from redaction import redacted
from registry import Answer, Argument, Call, Command
from tables import block

_SHOWN, _MOST = 50, 200
#: Lines that --grep looks through.
_SEARCHED = 1000
#: Characters that are looked at, however long the lines are: redacting a megabyte takes seconds.
_READ, _LONGEST = 256 * 1024, 16 * 1024
_PODS = 200


def run(call: Call) -> Answer:
    where = call.given.get("namespace", call.desk.default_namespace)
    pod, others = _meant(call, where)
    chosen = _container(call, pod)
    tail, since, text = call.given.get("tail", _SHOWN), call.given.get("since"), call.given.get("grep")
    written = call.desk.views.logs.log(
        pod,
        chosen,
        tail=tail if text is None else _SEARCHED,
        since_seconds=None if since is None else max(1, round(since.total_seconds())),
    )
    # Searched only after it is redacted: else a search could ask for a secret letter by letter.
    lines = redacted(_newest(written)).splitlines()
    if text is not None:
        lines = [line for line in lines if text.lower() in line.lower()][-tail:]
    head = f"*{escape(f'{pod.namespace}/{pod.name}')}* {escape(chosen)}, {escape(pod.state)}{others}"
    return Answer(
        f"{head}\n{block(lines) if lines else 'Nothing written.' if text is None else 'No such lines.'}",
        subject=f"{pod.namespace}/{pod.name}",
    )


def _newest(written: str) -> str:
    """The last lines of it; of each no more than its beginning."""
    lines = [line[:_LONGEST] for line in written.split("\n")]
    sizes = accumulate(len(line) + 1 for line in reversed(lines))
    fitting = sum(1 for size in sizes if size <= _READ)
    return "\n".join(lines[-fitting:])


def _meant(call: Call, where: str) -> tuple[Pod, str]:
    """The pod of that name, or else the workload's newest; and what to say of its others."""
    kind, name = call.given["target"]
    cluster = call.desk.views.cluster
    if kind in {"", "Pod"}:
        try:
            return cluster.pod(where, name), ""
        except NotFoundError:
            if kind:
                raise RefusedError("PodMissing", f"there is no pod `{name}` in `{where}`") from None
    found = cluster.workloads(where, kind=kind, name=name, most=3)
    if not found:
        raise RefusedError(
            "WorkloadMissing",
            f"there is no pod or workload `{name}` in `{where}`: `pods -n {where}` lists them",
        )
    if len(found) > 1:
        each = ", ".join(f"`{workload.name}`" for workload in found)
        raise RefusedError("WorkloadAmbiguous", f"`{name}` may be any of {each}: say which")
    selected = found[0].selector
    pods = cluster.pods(where, selector=selected, most=_PODS) if selected else []
    if not pods:
        raise RefusedError("PodMissing", f"`{found[0].name}` has no pods in `{where}`")
    newest = max(pods, key=lambda pod: (pod.state != "Pending", not pod.over, pod.created_at, pod.name))
    return newest, f", the newest of {len(pods)} pods" if len(pods) > 1 else ""


def _container(call: Call, pod: Pod) -> str:
    wanted: str = call.given.get("container", pod.main)
    names = [image.container for image in pod.images]
    if wanted not in names:
        each = ", ".join(f"`{name}`" for name in names)
        raise RefusedError("ContainerMissing", f"pod `{pod.name}` has no container `{wanted}`, but {each}")
    return wanted


COMMAND = Command(
    name="logs",
    summary="What a pod, or a workload's newest pod, wrote last; secrets are masked.",
    risk=Risk.READ,
    run=run,
    arguments=(
        Argument(
            "target", "a pod or a workload: web-5d4f-x2x, deploy/web, sts/db, ds/agent", pod_or_workload
        ),
        Argument("--namespace", "where it is", namespace, short="-n"),
        Argument("--container", "else the pod's main one", container, short="-c"),
        Argument("--tail", f"how many lines, 1 to {_MOST}; else {_SHOWN}", count(_MOST), shown="N"),
        Argument("--since", "only lines this young: 10m, 2h", duration, shown="DURATION"),
        Argument("--grep", f"only lines of the last {_SEARCHED} with this text", some_text, shown="TEXT"),
    ),
    examples=(
        "logs web -n shop",
        "logs deploy/web -n shop --tail 20 --since 10m",
        "logs web -n shop --grep error",
    ),
)
