"""Bellhop's own messages to scaling, in ScalingQueue: what people asked for, and its own follow-ups."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from bellhop.errors import InvalidInputError

#: More replicas than any cluster runs: a typing slip, not a wish.
MAX_REPLICAS = 100_000


class ScaleRequest(msgspec.Struct, frozen=True, kw_only=True, tag="scale"):
    """Set a workload's replicas. id: of the command that asked. person: name in the access document.

    at: when it was asked, UTC. hold_seconds: how long a policy leaves the size alone; None: as long as usual.
    """

    id: str
    namespace: str
    kind: str
    name: str
    replicas: int
    person: str
    correlation: str
    at: datetime
    hold_seconds: int | None = None
    dry_run: bool = False
    asked_in: str | None = None

    @property
    def target(self) -> str:
        return f"{self.namespace}/{self.name}"


class Verb(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    APPROVE = "approve"


class Control(msgspec.Struct, frozen=True, kw_only=True, tag="control"):
    """A person's word on a policy, or on all of them (no namespace and name).

    question: id of what is approved. at: when it was asked, UTC.
    """

    id: str
    verb: Verb
    person: str
    correlation: str
    at: datetime
    namespace: str = ""
    name: str = ""
    question: str = ""
    asked_in: str | None = None

    @property
    def of_all(self) -> bool:
        return not self.name


class Evaluate(msgspec.Struct, frozen=True, kw_only=True, tag="evaluate"):
    """Look at a policy again. due: when its slot begins, UTC. alarms: names that it has not heard of yet."""

    namespace: str
    name: str
    uid: str
    due: datetime
    alarms: tuple[str, ...] = ()


type Request = ScaleRequest | Control | Evaluate


def encode(request: Request) -> str:
    return msgspec.json.encode(request).decode()


def decode(body: str) -> Request:
    """Raises InvalidInputError when the message is none of Bellhop's."""
    try:
        return msgspec.json.decode(body, type=ScaleRequest | Control | Evaluate)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise InvalidInputError(f"not a request to scaling: {error}") from error
