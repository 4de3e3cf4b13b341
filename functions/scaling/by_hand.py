"""A person's `scale`: set a workload's replicas once, whatever is delivered how often.

Claim an intent that says from what to what, have the policy that governs it hold still, write under the workload's
resourceVersion, tell the ledger, finish. A later delivery finds the intent and the workload and knows which of
these were done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from bellhop import durations
from bellhop.errors import BellhopError, BusyError, RefusedError
from bellhop.kubernetes.errors import ConflictError, NotFoundError
from bellhop.ledger import Entry, Ledger, Outcome, entry_id
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import ScaleRequest
from bellhop.scaling.status import Hold, PastChange
from bellhop.scaling.workload import Cluster, Workload
from intents import Intent, Intents, State
from targets import Targets

log = logging.getLogger("bellhop.scaling")

ATTEMPTS = 5
_STORM_PAUSE = 15.0
#: How long a policy leaves alone what somebody set by hand, when they did not say: long enough to look into it,
#: and over before it is forgotten.
USUAL_HOLD = timedelta(hours=1)


class HandScaler:
    """Takes ScaleRequests. Roles were checked by `commands`; the namespace is checked again here, where the
    power is."""

    def __init__(
        self,
        *,
        cluster: Cluster,
        intents: Intents,
        ledger: Ledger,
        targets: Targets,
        lease: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._cluster = cluster
        self._intents = intents
        self._ledger = ledger
        self._targets = targets
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
        self._targets.require_namespace(request.namespace)
        before = self._intents.find(request.id)
        if before is not None and before.state is State.DONE:
            return
        now = self._clock()
        if before is not None and before.owner != owner and before.lease_until > now:
            left = (before.lease_until - now).total_seconds() + 1
            raise BusyError(f"{request.target} is being scaled by another delivery", retry_after=left)
        self._targets.require_unowned(request.namespace, request.kind, request.name)
        workload = self._cluster.workload(request.namespace, request.kind, request.name)
        governing = self._governing(request)
        held = _held(request, governing)
        if before is not None and _applied(before, workload):
            self._finish(request, before, note=_interrupted(before, owner, written=True), held=held)
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
        if governing is not None and not request.dry_run:
            self._hold(governing, request, change=request.replicas - workload.size.replicas, now=now)
        if workload.size.replicas != request.replicas:
            self._cluster.scale(workload, request.replicas, dry_run=request.dry_run)
        self._finish(request, intent, note=_interrupted(before, owner, written=False), held=held)

    def _governing(self, request: ScaleRequest) -> Policy | None:
        """The policy that sizes the workload too. Raises RefusedError when there is none to hold still."""
        wanted = (request.namespace, request.kind, request.name)
        # Read now: a policy of a moment ago must not undo what a person sets.
        policies, _ = self._cluster.policies(fresh=True)
        found = next((p for p in policies if (p.namespace, p.target_kind, p.target_name) == wanted), None)
        if found is None and request.hold_seconds is not None:
            raise RefusedError(
                "NotGoverned", f"no policy sizes {request.target}, so its size stays anyway: leave --for out"
            )
        return found

    def _hold(self, policy: Policy, request: ScaleRequest, *, change: int, now: datetime) -> None:
        """Have the policy leave the size alone. Before the write: nothing undoes it in between."""
        policy = self._cluster.policy(policy.namespace, policy.name)
        hold = Hold(by=request.person, until=_until(request), replicas=request.replicas)
        if policy.status.hold == hold:
            return
        status = msgspec.structs.replace(
            policy.status, hold=hold, current_replicas=hold.replicas, desired_replicas=hold.replicas
        )
        if change:
            events = (*policy.status.scale_events, PastChange(at=now, change=change))
            status = msgspec.structs.replace(status, scale_events=events, last_scale_time=now)
        self._cluster.write_status(policy, status)

    def _finish(self, request: ScaleRequest, intent: Intent, *, note: str, held: str) -> None:
        self._tell(
            _outcome_entry(request, intent, note="; ".join(filter(None, (held, note))), now=self._clock())
        )
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


def _until(request: ScaleRequest) -> datetime:
    length = USUAL_HOLD if request.hold_seconds is None else timedelta(seconds=request.hold_seconds)
    return request.at + length


def _held(request: ScaleRequest, governing: Policy | None) -> str:
    if governing is None:
        return ""
    until, length = _until(request), durations.say(_until(request) - request.at)
    return (
        f"policy {governing.name} holds for {length}, until {until:%H:%M:%S} UTC; `resume` ends that sooner"
    )


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
