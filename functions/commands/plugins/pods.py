"""`pods`: the pods of a namespace, of a node, or of a label selector."""

from __future__ import annotations

from arguments import namespace
from bellhop.chat.access import Risk
from bellhop.chat.slack import escape
from bellhop.kubernetes.inventory import Pod
from namespaces import chosen_namespace
from reading_arguments import node, selector
from registry import Answer, Argument, Call, Command
from tables import age, table

_MOST = 2000
_WELL = frozenset({"Running", "Completed", "Succeeded"})


def run(call: Call) -> Answer:
    where = chosen_namespace(call)
    found = call.desk.views.cluster.pods(
        where, node=call.given.get("node", ""), selector=call.given.get("selector", ""), most=_MOST
    )
    if not found:
        return Answer(
            "No such pods in the cluster." if where is None else f"No such pods in `{escape(where)}`."
        )
    ordered = sorted(found, key=lambda pod: (_well(pod), pod.namespace, pod.name))
    rows = [_row(pod, where, call) for pod in ordered]
    heads = ("NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE")
    return Answer(table(heads, rows, unread=len(found) == _MOST))


def _row(pod: Pod, where: str | None, call: Call) -> tuple[str, ...]:
    name = f"{pod.namespace}/{pod.name}" if where is None else pod.name
    ready, old = f"{pod.ready}/{pod.containers}", age(pod.created_at, call.at)
    # EKS names nodes by their addresses: the first part tells them apart.
    return (name, ready, pod.state, str(pod.restarts), old, pod.node.partition(".")[0])


def _well(pod: Pod) -> bool:
    return pod.state in _WELL and (pod.over or pod.ready == pod.containers)


COMMAND = Command(
    name="pods",
    summary="Pods with their states, those that are not well first.",
    risk=Risk.READ,
    run=run,
    arguments=(
        Argument("--namespace", "the pods' namespace", namespace, short="-n"),
        Argument("--all-namespaces", "every namespace's; -A is short for it", flag=True, short="-A"),
        Argument("--node", "only those on this node", node),
        Argument("--selector", "only those with these labels: app=web,tier!=back", selector, short="-l"),
    ),
    examples=(
        "pods -n shop",
        "pods -A --node ip-10-0-1-23.eu-west-1.compute.internal",
        "pods -n shop -l app=web",
    ),
)
