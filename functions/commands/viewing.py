"""The reading commands' ports, wired to what they read."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import requests

from alarm_views import CloudWatchAlarms
from bellhop import aws
from bellhop.chat.posting import hosts
from bellhop.kubernetes.views import LightkubeViews
from feed_fetching import FeedFetcher
from feeds import KeptFeeds
from ledger_reading import LedgerReading
from queue_depths import SqsQueues
from views import Views

if TYPE_CHECKING:
    from bellhop.kubernetes.connection import Connection
    from bellhop.parameters import Parameters


def views_of(
    connection: Connection,
    parameters: Parameters,
    dynamodb: Any,  # noqa: ANN401  boto3 clients
    sqs: Any,  # noqa: ANN401
    *,
    ledger_table: str,
    state_table: str,
    queues: str,
    feeds_document: str,
    private_hosts: str,
) -> Views:
    """queues: URLs; private_hosts: names; both separated by commas. feeds_document: the parameter's name."""
    cluster = LightkubeViews(connection)
    return Views(
        cluster=cluster,
        alarms=CloudWatchAlarms(lambda: aws.client("cloudwatch")),
        logs=cluster,
        queues=SqsQueues(sqs, queues),
        feeds=KeptFeeds(
            document=lambda: parameters.get(feeds_document),
            fetch=FeedFetcher(requests.Session(), hosts(private_hosts)).fetch,
            clock=time.monotonic,
            dynamodb=dynamodb,
            table=state_table,
        ),
        activity=LedgerReading(dynamodb, ledger_table),
    )
