"""`registry.Desk` over the cluster, the tables and ScalingQueue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from bellhop import activity
from bellhop.ledger import Entry
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Request, encode
from bellhop.scaling.status import Pause
from bellhop.scaling.workload import Cluster

#: Where `scaling` keeps the pause of all policies; a test holds the two together.
_PAUSED = {"id": {"S": "scaling#paused"}}


@dataclass(frozen=True, slots=True)
class AwsDesk:
    """dynamodb, sqs: boto3 clients."""

    cluster: Cluster
    dynamodb: Any
    ledger_table: str
    state_table: str
    sqs: Any
    scaling_queue_url: str
    default_namespace: str

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
