"""Bellhop's own messages to scaling, in ScalingQueue: what a person asked for by hand."""

from __future__ import annotations

import msgspec

from bellhop.errors import InvalidInputError

#: More replicas than any cluster runs: a typing slip, not a wish.
MAX_REPLICAS = 100_000


class ScaleRequest(msgspec.Struct, frozen=True, kw_only=True, tag="scale"):
    """Set a workload's replicas. id: of the command that asked. person: name in the access document."""

    id: str
    namespace: str
    kind: str
    name: str
    replicas: int
    person: str
    correlation: str
    dry_run: bool = False
    asked_in: str | None = None

    @property
    def target(self) -> str:
        return f"{self.namespace}/{self.name}"


def encode(request: ScaleRequest) -> str:
    return msgspec.json.encode(request).decode()


def decode(body: str) -> ScaleRequest:
    """Raises InvalidInputError when the message is none of Bellhop's."""
    try:
        return msgspec.json.decode(body, type=ScaleRequest)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise InvalidInputError(f"not a request to scaling: {error}") from error
