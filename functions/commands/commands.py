"""The function that answers people. It reads, answers, and hands every change to its owner."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import requests

from answering import Answering
from approvals import DynamoApprovals
from bellhop import aws, ledger, logs, messages, settings
from bellhop.chat import envelope
from bellhop.chat.access import parse_access
from bellhop.chat.envelope import Envelope
from bellhop.chat.messenger_outbound import MessengerPoster
from bellhop.chat.outbound import SlackPoster, origins
from bellhop.chat.replies import DynamoReplies
from bellhop.kubernetes.cluster import LightkubeCluster
from bellhop.kubernetes.connection import ClusterSettings, Connection
from bellhop.once import Once
from bellhop.parameters import Parameters
from conversation import Conversation
from desk import AwsDesk
from rate_limits import DynamoRates
from registry import registered
from viewing import views_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

#: How long a change of the access document may take to count.
ACCESS_KEPT_SECONDS = 30.0

logs.configure()


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of this function; template.yaml sets it."""

    access_document: str  # the parameter's name
    cluster_name: str
    default_namespace: str
    ledger_table: str
    state_table: str
    ledger_kept_days: str
    scaling_queue_url: str
    jobs_queue_url: str
    dead_letter_url: str
    slack_api_url: str
    slack_hooks_url: str
    graph_api_url: str
    slack_bot_token: str  # the parameter's name
    messenger_page_token: str  # likewise
    feeds_document: str  # likewise
    queues: str
    private_hosts: str = ""
    cluster_endpoint: str = ""
    cluster_ca: str = ""


@dataclass(frozen=True, slots=True)
class Services:
    """What the handler works with, wired once."""

    conversation: Conversation
    once: Once
    queue: messages.SqsQueue


@cache
def services() -> Services:
    chosen = settings.read(Settings, os.environ)
    connection = Connection(
        ClusterSettings(chosen.cluster_name, chosen.cluster_endpoint, chosen.cluster_ca),
        sts=aws.client("sts"),
        eks=lambda: aws.client("eks"),
    )
    dynamodb, sqs = aws.client("dynamodb"), aws.client("sqs")
    parameters = Parameters(aws.fetch_parameter, time.monotonic, kept_seconds=ACCESS_KEPT_SECONDS)
    session, commands = requests.Session(), registered()
    names = {command.name for command in commands.values()}
    conversation = Conversation(
        commands=commands,
        access=lambda: parse_access(parameters.get(chosen.access_document), commands=names),
        desk=AwsDesk(
            cluster=LightkubeCluster(connection),
            dynamodb=dynamodb,
            ledger_table=chosen.ledger_table,
            state_table=chosen.state_table,
            sqs=sqs,
            scaling_queue_url=chosen.scaling_queue_url,
            jobs_queue_url=chosen.jobs_queue_url,
            default_namespace=chosen.default_namespace,
            views=views_of(
                connection,
                parameters,
                dynamodb,
                sqs,
                ledger_table=chosen.ledger_table,
                state_table=chosen.state_table,
                queues=chosen.queues,
                feeds_document=chosen.feeds_document,
                private_hosts=chosen.private_hosts,
            ),
        ),
        ledger=ledger.DynamoLedger(dynamodb, chosen.ledger_table, kept_days=int(chosen.ledger_kept_days)),
        replies=DynamoReplies(dynamodb, chosen.state_table),
        approvals=DynamoApprovals(dynamodb, chosen.state_table),
        rates=DynamoRates(dynamodb, chosen.state_table),
        answering=Answering(
            SlackPoster(origins(chosen.slack_api_url, chosen.slack_hooks_url, chosen.private_hosts), session),
            MessengerPoster(chosen.graph_api_url, session, private_hosts=chosen.private_hosts),
            slack_token=lambda: parameters.require(chosen.slack_bot_token),
            page_token=lambda: parameters.require(chosen.messenger_page_token),
        ),
        clock=ledger.now,
    )
    return Services(
        conversation, Once(dynamodb, chosen.state_table), messages.SqsQueue(sqs, chosen.dead_letter_url)
    )


def handler(event: dict[str, Any], context: LambdaContext) -> messages.BatchResponse | dict[str, Any]:
    """SQS FIFO batch of envelopes -> partial batch response. `{"dialogflow": envelope}` -> the answer (a
    `bellhop.chat.message.Message` as JSON), in the same call."""
    wired = services()

    def said(asked: Envelope) -> dict[str, Any]:
        return wired.once.run("execute", asked.id, lambda: wired.conversation.execute(asked), context)

    if "dialogflow" in event:
        return said(envelope.from_document(event["dialogflow"]))

    def answer(record: messages.Record) -> None:
        asked = envelope.decode(record["body"])
        answered = said(asked)
        wired.once.run("reply", asked.id, lambda: wired.conversation.reply(asked, answered), context)

    return messages.process_batch(event, each=answer, queue=wired.queue)
