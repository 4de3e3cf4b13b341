"""`registry.Desk` over the cluster, the ledger's table and ScalingQueue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bellhop import activity
from bellhop.ledger import Entry
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import ScaleRequest, encode
from bellhop.scaling.workload import Cluster


@dataclass(frozen=True, slots=True)
class AwsDesk:
    """dynamodb, sqs: boto3 clients."""

    cluster: Cluster
    dynamodb: Any
    ledger_table: str
    sqs: Any
    scaling_queue_url: str
    default_namespace: str

    def policies(self) -> tuple[list[Policy], list[str]]:
        return self.cluster.policies()

    def recent(self, limit: int) -> list[Entry]:
        entries, _ = activity.page(self.dynamodb.query(**activity.query(self.ledger_table, limit=limit)))
        return entries

    def hand_to_scaling(self, request: ScaleRequest) -> None:
        self.sqs.send_message(QueueUrl=self.scaling_queue_url, MessageBody=encode(request))
