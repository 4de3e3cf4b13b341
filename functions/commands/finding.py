"""Which policy somebody means: by its name, or by the workload that it sizes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from bellhop.errors import RefusedError
from bellhop.scaling.policy import Policy
from registry import Call


def meant_policy(call: Call) -> tuple[Policy, str]:
    """The one policy that the arguments `policy` and `--namespace` name, read now; and what to say of where it is.

    Without a namespace it is looked for in the stack's own, and, when there is none, in the whole cluster. Raises
    RefusedError when there is none, when it cannot be read, and when there are several.
    """
    policies, problems = call.desk.policies(fresh=True)
    kind, name = call.given["policy"]
    said = call.given.get("namespace")
    here = said or call.desk.default_namespace
    if found := _of(kind, name, [p for p in policies if p.namespace == here]):
        return _only(name, found), ""
    if unreadable := [p for p in problems if p.startswith(f"policy {here}/{name}:")]:
        raise RefusedError("PolicyInvalid", unreadable[0])
    if said is None and (found := _of(kind, name, policies)):
        return _only(name, found), f"There is none in `{here}`; this is the only one."
    raise RefusedError(
        "PolicyMissing",
        f"there is no policy `{name}` in `{here}`: {_hint(name, policies, here, call.desk.default_namespace)}",
    )


def _of(kind: str, name: str, policies: Iterable[Policy]) -> list[Policy]:
    """Those of that name, or else those that size the workload of that name."""
    policies = list(policies)
    named = [p for p in policies if not kind and p.name == name]
    return named or [p for p in policies if kind in {"", p.target_kind} and p.target_name == name]


def _only(name: str, found: list[Policy]) -> Policy:
    if len(found) > 1:
        each = ", ".join(f"`{p.name} -n {p.namespace}`" for p in found)
        raise RefusedError("PolicyAmbiguous", f"`{name}` may be any of {each}: say which")
    return found[0]


def _hint(name: str, policies: Iterable[Policy], here: str, default: str) -> str:
    """What was perhaps meant; of several of one name, what is in the namespace, or else in the stack's own."""
    near_first = sorted(policies, key=lambda p: (p.namespace != here, p.namespace != default, p.namespace))
    known = {p.name: p for p in reversed(near_first)}
    close = difflib.get_close_matches(name, known, n=1)
    if not close:
        return "`policies` lists them"
    policy = known[close[0]]
    elsewhere = "" if policy.namespace == here else f" -n {policy.namespace}"
    return f"did you mean `{policy.name}{elsewhere}`?"
