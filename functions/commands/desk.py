"""`registry.Desk` over the cluster, the tables and ScalingQueue; and what of it one command of one person gets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from bellhop import activity
from bellhop.chat.access import ANYWHERE, Ask, Person
from bellhop.errors import RefusedError
from bellhop.jobs import request as jobs
from bellhop.jobs.request import Asked, Cancel, Restart
from bellhop.ledger import Entry
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Request, encode
from bellhop.scaling.status import Pause
from bellhop.scaling.workload import Cluster
from registry import Desk
from views import Views

#: Where `scaling` keeps the pause of all policies; a test holds the two together.
_PAUSED = {"id": {"S": "scaling#paused"}}
#: How `Desk.policies` begins to say what is wrong with one.
_PROBLEM = re.compile(r"policy ([^/\s]+)/")


@dataclass(frozen=True, slots=True)
class AwsDesk:
    """dynamodb, sqs: boto3 clients."""

    cluster: Cluster
    dynamodb: Any
    ledger_table: str
    state_table: str
    sqs: Any
    scaling_queue_url: str
    jobs_queue_url: str
    default_namespace: str
    views: Views

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        return self.cluster.policies(fresh=fresh)

    def paused(self) -> Pause | None:
        answer = self.dynamodb.get_item(TableName=self.state_table, Key=_PAUSED, ConsistentRead=True)
        item = answer.get("Item")
        return msgspec.json.decode(item["pause"]["S"], type=Pause) if item else None

    def recent(self, limit: int) -> list[Entry]:
        entries, _ = activity.page(self.dynamodb.query(**activity.query(self.ledger_table, limit=limit)))
        return entries

    def hand_to_scaling(self, request: Request) -> None:
        self.sqs.send_message(QueueUrl=self.scaling_queue_url, MessageBody=encode(request))

    def hand_to_jobs(self, request: Asked | Cancel) -> None:
        self.sqs.send_message(QueueUrl=self.jobs_queue_url, MessageBody=jobs.encode(request))


@dataclass(frozen=True, slots=True)
class GuardedDesk:
    """A desk as far as this person may go with this command: arguments do not always say which namespace it is.

    check: raises RefusedError for what may not be handed on, or not yet.
    """

    desk: Desk
    person: Person
    ask: Ask
    check: Callable[[Ask], None]

    @property
    def default_namespace(self) -> str:
        return self.desk.default_namespace

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        policies, problems = self.desk.policies(fresh=fresh)
        seen = [p for p in policies if self._may(p.namespace)]
        of = [(problem, _PROBLEM.match(problem)) for problem in problems]
        return seen, [problem for problem, found in of if found is None or self._may(found[1])]

    def paused(self) -> Pause | None:
        return self.desk.paused()

    def recent(self, limit: int) -> list[Entry]:
        return self.desk.recent(limit)

    @property
    def views(self) -> Views:
        """They only read, and are told the namespace, which was authorised with the command."""
        return self.desk.views

    def hand_to_scaling(self, request: Request) -> None:
        whole = ANYWHERE if not request.namespace else frozenset({request.namespace})
        ask = replace(self.ask, namespaces=whole)
        authorise(self.person, ask)
        self.check(ask)
        self.desk.hand_to_scaling(request)

    def hand_to_jobs(self, request: Asked | Cancel) -> None:
        namespaces = frozenset({request.namespace}) if isinstance(request, Restart) else self.ask.namespaces
        ask = replace(self.ask, namespaces=namespaces)
        authorise(self.person, ask)
        self.check(ask)
        self.desk.hand_to_jobs(request)

    def _may(self, namespace: str) -> bool:
        return self.person.may(replace(self.ask, namespaces=frozenset({namespace})))


def authorise(person: Person, ask: Ask) -> None:
    """Who may not is told no more than that."""
    if not person.may(ask):
        raise refusal(person, ask.command)


def refusal(person: Person, command: str, to: str = "run") -> RefusedError:
    roles = ", ".join(person.roles) or "no role"
    return RefusedError("NotAllowed", f"`{command}` is not among what {person.name} ({roles}) may {to}")
