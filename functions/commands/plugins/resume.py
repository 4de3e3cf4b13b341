"""`resume`: end the pause of a policy, or of all, and a hold."""

from __future__ import annotations

from arguments import namespace, policy_or_workload
from bellhop.chat.access import Risk
from bellhop.scaling.request import Verb
from handing import hand_on
from registry import Answer, Argument, Call, Command


def run(call: Call) -> Answer:
    return hand_on(call, Verb.RESUME, "Resuming")


COMMAND = Command(
    name="resume",
    summary="End a policy's pause or hold.",
    risk=Risk.CHANGE,
    run=run,
    arguments=(
        Argument(
            "policy",
            "a policy, or the workload that it sizes, or all of the cluster",
            policy_or_workload,
            shown="{POLICY,all}",
        ),
        Argument("--namespace", "the policy's namespace", namespace, short="-n"),
    ),
    examples=("resume web -n shop", "resume all"),
)
