"""Which namespace a reading command looks into."""

from __future__ import annotations

from bellhop.errors import RefusedError
from registry import Call


def chosen_namespace(call: Call) -> str | None:
    """The one that is named, or else the stack's own; None for all. Authorised with the command. Raises
    RefusedError."""
    if not call.given.get("all_namespaces"):
        return str(call.given.get("namespace", call.desk.default_namespace))
    if "namespace" in call.given:
        raise RefusedError("BadArguments", "it is either -n or --all-namespaces")
    return None
