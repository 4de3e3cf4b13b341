"""The function that changes the cluster otherwise than in size: restart, cordon, drain. From JobsQueue."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from bellhop import aws, ledger, logs, messages, settings
from bellhop.jobs import request
from bellhop.kubernetes.connection import ClusterSettings, Connection
from bellhop.kubernetes.operations import LightkubeOperations
from bellhop.scaling.namespaces import allowing
from cancelling import Cancelling
from cordoning import Cordoning
from draining import Draining
from job import DynamoJobs
from job_entries import JobTelling
from next_steps import SqsSteps
from nodes import Nodes
from restarting import Restarting
from stepping import LoggedProgress, Stepping

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logs.configure()


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of this function; template.yaml sets it."""

    cluster_name: str
    ledger_table: str
    state_table: str
    ledger_kept_days: str
    jobs_queue_url: str
    jobs_dead_letter_url: str
    allowed_namespaces: str
    node_operations: str = "false"
    cluster_endpoint: str = ""
    cluster_ca: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """What the handler hands messages to, wired once."""

    stepping: Stepping
    cancelling: Cancelling
    settings: Settings

    def take(self, wanted: request.Request) -> None:
        match wanted:
            case request.Step():
                self.stepping.step(wanted)
            case request.Cancel():
                self.cancelling.take(wanted)
            case _:
                self.stepping.take(wanted)


@cache
def services() -> Services:
    chosen = settings.read(Settings, os.environ)
    connection = Connection(
        ClusterSettings(chosen.cluster_name, chosen.cluster_endpoint, chosen.cluster_ca),
        sts=aws.client("sts"),
        eks=lambda: aws.client("eks"),
    )
    cluster = LightkubeOperations(connection)
    dynamodb = aws.client("dynamodb")
    entries = ledger.DynamoLedger(dynamodb, chosen.ledger_table, kept_days=int(chosen.ledger_kept_days))
    telling = JobTelling(entries, ledger.now)
    jobs = DynamoJobs(dynamodb, chosen.state_table)
    steps = SqsSteps(aws.client("sqs"), chosen.jobs_queue_url)
    nodes = Nodes(cluster, allowed=chosen.node_operations == "true")
    return Services(
        stepping=Stepping(
            jobs=jobs,
            steps=steps,
            workers={
                request.Restart: Restarting(cluster, allowing(chosen.allowed_namespaces)),
                request.Cordon: Cordoning(cluster, nodes),
                request.Drain: Draining(cluster, nodes, ledger.now),
            },
            telling=telling,
            progress=LoggedProgress(),
            clock=ledger.now,
        ),
        cancelling=Cancelling(jobs, steps, telling),
        settings=chosen,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> messages.BatchResponse:  # noqa: ARG001
    """SQS batch of requests and steps -> partial batch response."""
    wired = services()

    def take(record: messages.Record) -> None:
        wired.take(request.decode(record["body"]))

    queue = messages.SqsQueue(aws.client("sqs"), wired.settings.jobs_dead_letter_url)
    return messages.process_batch(event, each=take, queue=queue)
