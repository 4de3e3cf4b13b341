"""Bellhop's own messages to jobs, in JobsQueue: what people asked for, and the delayed steps of what is under way."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bellhop.errors import InvalidInputError

#: Names become parts of URLs and of a field selector: nothing but what Kubernetes takes for a name gets there.
Name = Annotated[str, Meta(pattern=r"\A[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z", max_length=253)]
Kind = Literal["Deployment", "StatefulSet", "DaemonSet"]

USUAL_DRAIN_SECONDS = 900
LONGEST_DRAIN_SECONDS = 6 * 3600


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """id: of the command that asked, and the job's. person: name in the access document. at: when, UTC."""

    id: str
    person: str
    correlation: str
    at: datetime
    dry_run: bool = False
    asked_in: str | None = None


class Restart(_Asked, frozen=True, kw_only=True, tag="restart"):
    """Replace a workload's pods, as its own update strategy does it."""

    namespace: Name
    kind: Kind
    name: Name

    @property
    def action(self) -> str:
        return "restart"

    @property
    def subject(self) -> str:
        return f"{self.namespace}/{self.name}"


class Cordon(_Asked, frozen=True, kw_only=True, tag="cordon"):
    """Let no more pods onto a node; `on=False` lets them again."""

    node: Name
    on: bool = True

    @property
    def action(self) -> str:
        return "cordon" if self.on else "uncordon"

    @property
    def subject(self) -> str:
        return f"node/{self.node}"


class Drain(_Asked, frozen=True, kw_only=True, tag="drain"):
    """Cordon a node and evict its pods as their disruption budgets allow.

    timeout_seconds: given up after it. grace_seconds: for each pod to end in, instead of its own. delete_empty_dir:
    pods go although what is in their emptyDir volumes is lost. force: pods go that nothing makes again.
    """

    node: Name
    timeout_seconds: Annotated[int, Meta(ge=1, le=LONGEST_DRAIN_SECONDS)] = USUAL_DRAIN_SECONDS
    grace_seconds: Annotated[int, Meta(ge=0)] | None = None
    delete_empty_dir: bool = False
    force: bool = False

    @property
    def action(self) -> str:
        return "drain"

    @property
    def subject(self) -> str:
        return f"node/{self.node}"


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag="cancel"):
    """Stop a job. id: of the command that asked. job: id of the job. at: when it was asked, UTC."""

    id: str
    job: str
    person: str
    correlation: str
    at: datetime
    asked_in: str | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True, tag="step"):
    """Bellhop's own: go on with a job. number: which of its steps this is; the request itself is the first."""

    job: str
    number: int


type Asked = Restart | Cordon | Drain
type Request = Asked | Cancel | Step


def encode(request: Request) -> str:
    return msgspec.json.encode(request).decode()


def decode(body: str) -> Request:
    """Raises InvalidInputError when the message is none of Bellhop's."""
    try:
        return msgspec.json.decode(body, type=Restart | Cordon | Drain | Cancel | Step)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise InvalidInputError(f"not a request to jobs: {error}") from error
