"""A job: what was asked for, how far it has come, and how it ended. One item of the state table each."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from bellhop.jobs.request import Asked, Cancel, Cordon, Drain, Restart
from bellhop.ledger import Outcome

#: Longer than a message can live: 4 days in the queue and 14 in its dead-letter queue. A request that is
#: delivered once more even then finds its job.
KEPT = timedelta(days=30)


class Stage(StrEnum):
    """ASKED: nothing is changed. CHANGING: the change that begins it is being made, once decided it is made even if
    somebody stops the job. UNDER_WAY: it was made."""

    ASKED = "asked"
    CHANGING = "changing"
    UNDER_WAY = "under way"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended, as the ledger tells it. at: UTC."""

    outcome: Outcome
    reason: str
    summary: str
    because: str
    at: datetime


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """until: when it is given up, UTC. number: of the step that comes next. version: rises with every write.

    uid: of what is changed. called_off: who wants it stopped. progress: how far it is, in words.
    """

    asked: Restart | Cordon | Drain
    started: datetime
    until: datetime
    number: int = 1
    version: int = 1
    stage: Stage = Stage.ASKED
    uid: str = ""
    called_off: Cancel | None = None
    progress: str = ""
    ending: Ending | None = None

    @property
    def id(self) -> str:
        return self.asked.id


class Jobs(Protocol):
    """Where jobs are kept. A write is conditional, so of several who act on one job one gets it."""

    def find(self, id: str) -> Job | None:
        """The job with this id, read consistently."""

    def write(self, job: Job, *, instead_of: Job | None) -> bool:
        """Keep the job, if what is kept still is `instead_of`. False: somebody else was faster."""


class DynamoJobs:
    """`Jobs` in the state table, key `job#<id>`."""

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401  a boto3 client
        self._dynamodb = dynamodb
        self._table = table

    def find(self, id: str) -> Job | None:
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": f"job#{id}"}}, ConsistentRead=True
        )
        item = answer.get("Item")
        return msgspec.json.decode(item["job"]["S"], type=Job) if item else None

    def write(self, job: Job, *, instead_of: Job | None) -> bool:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(id)"}
        if instead_of is not None:
            condition = {
                "ConditionExpression": "version = :seen",
                "ExpressionAttributeValues": {":seen": {"N": str(instead_of.version)}},
            }
        item = {
            "id": {"S": f"job#{job.id}"},
            "version": {"N": str(job.version)},
            "job": {"S": msgspec.json.encode(job).decode()},
            "expiration": {"N": str(int((job.until + KEPT).timestamp()))},
        }
        try:
            self._dynamodb.put_item(TableName=self._table, Item=item, **condition)
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def begun(asked: Asked, *, now: datetime, lasting: timedelta) -> Job:
    """The job that a request begins."""
    return Job(asked=asked, started=now, until=now + lasting)


def changed(job: Job, **changes: object) -> Job:
    """The job as it is to be written next."""
    return msgspec.structs.replace(job, version=job.version + 1, **changes)
