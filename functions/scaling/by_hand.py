"""A person's `scale`: set a workload's replicas once, whatever is delivered how often.

Claim an intent that says from what to what, write under the workload's resourceVersion, tell the ledger,
finish. A later delivery finds the intent and the workload and knows which of these were done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from bellhop.errors import BellhopError, BusyError, RefusedError
from bellhop.kubernetes.errors import ConflictError, NotFoundError
from bellhop.ledger import Entry, Ledger, Outcome, entry_id
from bellhop.scaling.request import ScaleRequest
from bellhop.scaling.workload import Cluster, Workload
from intents import Intent, Intents, State

log = logging.getLogger("bellhop.scaling")

ATTEMPTS = 5
_STORM_PAUSE = 15.0


class HandScaler:
    """Takes ScaleRequests. Roles were checked by `commands`; the namespace is checked again here, where the
    power is."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        intents: Intents,
        ledger: Ledger,
        allowed: Callable[[str], bool],
        lease: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._intents = intents
        self._ledger = ledger
        self._allowed = allowed
        self._lease = lease
        self._clock = clock

    def take(self, request: ScaleRequest, *, owner: str) -> None:
        """Carry the request out, or say why not. Raises a retryable BellhopError when it must come again."""
        try:
            self._take(request, owner)
        except BusyError:
            raise
        except ConflictError as storm:
            self._tell_failure(request, storm)
            raise BusyError(str(storm), retry_after=_STORM_PAUSE) from storm
        except BellhopError as error:
            self._tell_failure(request, error)
            if error.retryable:
                raise

    def _take(self, request: ScaleRequest, owner: str) -> None:
        for _ in range(ATTEMPTS):
            try:
                self._take_once(request, owner)
            except ConflictError as error:
                log.info("scale.conflict", extra={"target": request.target, "because": str(error)})
            else:
                return
        raise ConflictError(f"{request.target} was changed by others {ATTEMPTS} times in a row")

    def _take_once(self, request: ScaleRequest, owner: str) -> None:
        if not self._allowed(request.namespace):
            raise RefusedError(
                "NamespaceNotAllowed",
                f"the stack's parameter AllowedNamespaces does not name {request.namespace}",
            )
        before = self._intents.find(request.id)
        if before is not None and before.state is State.DONE:
            return
        now = self._clock()
        if before is not None and before.owner != owner and before.lease_until > now:
            left = (before.lease_until - now).total_seconds() + 1
            raise BusyError(f"{request.target} is being scaled by another delivery", retry_after=left)
        workload = self._cluster.workload(request.namespace, request.kind, request.name)
        if before is not None and _applied(before, workload):
            self._finish(request, before, note=_interrupted(before, owner, written=True))
            return
        intent = Intent(
            id=request.id,
            owner=owner,
            lease_until=now + self._lease,
            uid=workload.uid,
            current=workload.size.replicas,
            desired=request.replicas,
        )
        if not request.dry_run and not self._intents.claim(intent, instead_of=before):
            raise ConflictError(f"another delivery of request {request.id} was faster")
        if workload.size.replicas != request.replicas:
            self._cluster.scale(workload, request.replicas, dry_run=request.dry_run)
        self._finish(request, intent, note=_interrupted(before, owner, written=False))

    def _finish(self, request: ScaleRequest, intent: Intent, *, note: str) -> None:
        self._tell(_outcome_entry(request, intent, note=note, now=self._clock()))
        if not request.dry_run:
            self._intents.finish(intent)

    def _tell_failure(self, request: ScaleRequest, error: BellhopError) -> None:
        code = "TargetMissing" if isinstance(error, NotFoundError) else error.code
        said = f"{error}; it is tried again" if error.retryable else str(error)
        self._tell(
            _entry(
                request,
                id=entry_id(request.id, code),
                outcome=Outcome.FAILED if error.retryable else Outcome.REFUSED,
                summary=f"{request.target}: not scaled to {request.replicas}",
                reason=code,
                because=said,
                now=self._clock(),
            )
        )

    def _tell(self, entry: Entry) -> None:
        new = self._ledger.record(entry)
        facts = {"subject": entry.subject, "reason": entry.reason, "because": entry.because, "new": new}
        log.info("scale.told", extra=facts | {"outcome": entry.outcome})


def _applied(before: Intent, workload: Workload) -> bool:
    return workload.uid == before.uid and workload.size.replicas == before.desired != before.current


def _interrupted(before: Intent | None, owner: str, *, written: bool) -> str:
    if before is None or before.owner == owner:
        return ""
    if written:
        return "written by an attempt that ended before it could tell"
    return "an earlier attempt ended before its write"


def _outcome_entry(request: ScaleRequest, intent: Intent, *, note: str, now: datetime) -> Entry:
    changed = intent.current != intent.desired
    size = (
        f"{intent.current} -> {intent.desired} replicas" if changed else f"{intent.desired} replicas already"
    )
    because = f"{request.person} asked for {request.replicas}"
    return _entry(
        request,
        # With the sizes: a change made after a refusal was told is an entry of its own.
        id=entry_id(request.id, "scale", str(intent.current), str(intent.desired)),
        outcome=Outcome.DONE if changed and not request.dry_run else Outcome.HELD,
        summary=f"{request.target}: {size}{' (dry run, nothing changed)' if request.dry_run else ''}",
        reason="DryRun" if request.dry_run else "ByHand",
        because="; ".join(text for text in (because, note) if text),
        now=now,
    )


def _entry(
    request: ScaleRequest,
    *,
    id: str,
    outcome: Outcome,
    summary: str,
    reason: str,
    because: str,
    now: datetime,
) -> Entry:
    return Entry(
        id=id,
        at=now,
        flow="scaling",
        action="scale",
        outcome=outcome,
        subject=request.target,
        actor=f"person {request.person}",
        summary=summary,
        reason=reason,
        because=because,
        cause=request.id,
        correlation=request.correlation,
        asked_in=request.asked_in,
    )
