"""The function that sizes workloads: from AlarmsQueue, from ScalingQueue, and as an alarm's direct action."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bellhop import aws, ledger, logs, messages, settings
from bellhop.alarms import cloudwatch
from bellhop.kubernetes.cluster import LightkubeCluster
from bellhop.kubernetes.connection import ClusterSettings, Connection
from bellhop.scaling import request
from bellhop.scaling.namespaces import allowing
from by_alarm import LEASE, AlarmScaler
from by_hand import HandScaler
from intents import DynamoIntents
from metrics import CloudWatchMetrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logs.configure()


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of this function; template.yaml sets it."""

    aws_region: str
    cluster_name: str
    ledger_table: str
    state_table: str
    ledger_kept_days: str
    alarms_queue_arn: str
    alarms_dead_letter_url: str
    scaling_dead_letter_url: str
    allowed_namespaces: str
    own_alarms: str
    cluster_endpoint: str = ""
    cluster_ca: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """What the handler hands events to, wired once."""

    by_alarm: AlarmScaler
    by_hand: HandScaler
    settings: Settings


@cache
def services() -> Services:
    chosen = settings.read(Settings, os.environ)
    connection = Connection(
        ClusterSettings(chosen.cluster_name, chosen.cluster_endpoint, chosen.cluster_ca),
        sts=aws.client("sts"),
        eks=lambda: aws.client("eks"),
    )
    cluster = LightkubeCluster(connection)
    entries = ledger.DynamoLedger(
        aws.client("dynamodb"), chosen.ledger_table, kept_days=int(chosen.ledger_kept_days)
    )
    allowed = allowing(chosen.allowed_namespaces)
    return Services(
        by_alarm=AlarmScaler(
            cluster=cluster,
            metrics=CloudWatchMetrics(aws.client("cloudwatch")),
            ledger=entries,
            allowed=allowed,
            own_alarms=chosen.own_alarms,
            clock=ledger.now,
        ),
        by_hand=HandScaler(
            cluster=cluster,
            intents=DynamoIntents(aws.client("dynamodb"), chosen.state_table),
            ledger=entries,
            allowed=allowed,
            lease=LEASE,
            clock=ledger.now,
        ),
        settings=chosen,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> messages.BatchResponse | None:
    """An SQS batch of alarms or requests -> partial batch response. One alarm by direct action -> None."""
    owner = context.aws_request_id
    wired = services()
    if "Records" not in event:
        wired.by_alarm.take(cloudwatch.parse(event, region=wired.settings.aws_region), owner=owner)
        return None

    def alarm(record: messages.Record) -> None:
        found = cloudwatch.parse_message(record["body"], region=wired.settings.aws_region)
        wired.by_alarm.take(found, owner=owner)

    def by_hand(record: messages.Record) -> None:
        wired.by_hand.take(request.decode(record["body"]), owner=owner)

    is_alarms = event["Records"][0]["eventSourceARN"] == wired.settings.alarms_queue_arn
    dead_letters = (
        wired.settings.alarms_dead_letter_url if is_alarms else wired.settings.scaling_dead_letter_url
    )
    queue = messages.SqsQueue(aws.client("sqs"), dead_letters)
    return messages.process_batch(event, each=alarm if is_alarms else by_hand, queue=queue)
