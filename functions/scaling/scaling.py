"""The function that sizes workloads: from AlarmsQueue, from ScalingQueue, by schedule, and as an alarm's direct
action."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bellhop import aws, ledger, logs, messages, settings
from bellhop.alarms import cloudwatch, senders
from bellhop.kubernetes.cluster import LightkubeCluster
from bellhop.kubernetes.connection import ClusterSettings, Connection
from bellhop.scaling import request
from bellhop.scaling.namespaces import allowing
from by_alarm import AlarmScaler
from by_hand import HandScaler
from cloudwatch_reading import CloudWatch
from controls import Controls
from follow_ups import SqsFollowUps
from intents import DynamoIntents
from looking import Looking
from node_groups import EksNodeGroups
from pauses import DynamoPauses
from reconcile import LEASE, Reconciler
from resync import Resync
from targets import Targets
from telling import Telling

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
    scaling_queue_url: str
    scaling_dead_letter_url: str
    allowed_namespaces: str
    own_alarms: str
    cluster_endpoint: str = ""
    cluster_ca: str = ""
    node_group_namespace: str = ""
    node_groups: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """What the handler hands events to, wired once."""

    by_alarm: AlarmScaler
    by_hand: HandScaler
    controls: Controls
    resync: Resync
    settings: Settings

    def take(self, wanted: request.Request, *, owner: str) -> None:
        """One of Bellhop's own messages, to who does it."""
        match wanted:
            case request.ScaleRequest():
                self.by_hand.take(wanted, owner=owner)
            case request.Control():
                self.controls.take(wanted)
            case request.Evaluate():
                self.by_alarm.look_again(wanted, owner=owner)


@cache
def services() -> Services:
    chosen = settings.read(Settings, os.environ)
    connection = Connection(
        ClusterSettings(chosen.cluster_name, chosen.cluster_endpoint, chosen.cluster_ca),
        sts=aws.client("sts"),
        eks=lambda: aws.client("eks"),
    )
    cluster = LightkubeCluster(connection)
    dynamodb = aws.client("dynamodb")
    entries = ledger.DynamoLedger(dynamodb, chosen.ledger_table, kept_days=int(chosen.ledger_kept_days))
    allowed = allowing(chosen.allowed_namespaces)
    groups = EksNodeGroups(
        eks=lambda: aws.client("eks"), cluster=chosen.cluster_name, allowed=allowing(chosen.node_groups)
    )
    targets = Targets(cluster, groups, allowed, chosen.node_group_namespace)
    watched = CloudWatch(aws.client("cloudwatch"))
    pauses = DynamoPauses(dynamodb, chosen.state_table)
    follow_ups = SqsFollowUps(aws.client("sqs"), chosen.scaling_queue_url)
    resync = Resync(cluster=cluster, alarms=watched, follow_ups=follow_ups, clock=ledger.now)
    telling = Telling(entries, cluster, ledger.now)
    reconciler = Reconciler(
        cluster=cluster,
        targets=targets,
        looking=Looking(watched, watched),
        pauses=pauses,
        follow_ups=follow_ups,
        telling=telling,
        clock=ledger.now,
    )
    return Services(
        by_alarm=AlarmScaler(
            cluster=cluster,
            reconciler=reconciler,
            telling=telling,
            own_alarms=chosen.own_alarms,
            clock=ledger.now,
        ),
        by_hand=HandScaler(
            cluster=cluster,
            intents=DynamoIntents(dynamodb, chosen.state_table),
            ledger=entries,
            targets=targets,
            lease=LEASE,
            clock=ledger.now,
        ),
        controls=Controls(
            cluster=cluster,
            pauses=pauses,
            follow_ups=follow_ups,
            resync=resync,
            ledger=entries,
            allowed=allowed,
            clock=ledger.now,
        ),
        resync=resync,
        settings=chosen,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> messages.BatchResponse | None:
    """An SQS batch of alarms or requests -> partial batch response. The schedule, or one alarm by direct action
    -> None."""
    owner, wired = context.aws_request_id, services()
    if event.get("bellhop") == "resync":
        wired.resync.run()
        return None
    region = wired.settings.aws_region
    if "Records" not in event:
        wired.by_alarm.take(cloudwatch.parse(event, region=region), owner=owner)
        return None

    def alarms(record: messages.Record) -> None:
        wired.by_alarm.take_all(senders.parse_message(record["body"], region=region), owner=owner)

    def requests(record: messages.Record) -> None:
        wired.take(request.decode(record["body"]), owner=owner)

    is_alarms = event["Records"][0]["eventSourceARN"] == wired.settings.alarms_queue_arn
    dead_letters = (
        wired.settings.alarms_dead_letter_url if is_alarms else wired.settings.scaling_dead_letter_url
    )
    queue = messages.SqsQueue(aws.client("sqs"), dead_letters)
    return messages.process_batch(event, each=alarms if is_alarms else requests, queue=queue)
