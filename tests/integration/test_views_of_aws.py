"""boto3's side of `alarms`, `queues`, `activity` and the feeds' contexts, against moto."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from alarm_views import CloudWatchAlarms
from bellhop.errors import ConfigError, UnavailableError
from bellhop.ledger import DynamoLedger
from feeds import KeptFeeds
from ledger_reading import LedgerReading
from queue_depths import SqsQueues
from tests.integration.tables import LEDGER, STATE, dynamodb
from tests.unit.chat_world import WHEN, entry
from views import Context


@pytest.fixture
def cloudwatch() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("cloudwatch", region_name="eu-west-1")


def put_alarm(cloudwatch: Any, name: str, **more: Any) -> None:
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="Shop",
        MetricName="CPUUtilization",
        Dimensions=[{"Name": "Service", "Value": "web"}],
        Period=60,
        Statistic="Average",
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=60.0,
        **more,
    )


def test_alarms_are_read_in_words_by_state_and_by_name(cloudwatch: Any) -> None:
    put_alarm(cloudwatch, "quiet", AlarmDescription="all is well")
    put_alarm(cloudwatch, "rings", AlarmActions=["arn:aws:sns:eu-west-1:1:t"])
    cloudwatch.set_alarm_state(AlarmName="rings", StateValue="ALARM", StateReason="busy")
    alarms = CloudWatchAlarms(lambda: cloudwatch)
    everything, unread = alarms.alarms()
    assert ({alarm.name for alarm in everything}, unread) == ({"quiet", "rings"}, False)
    [rings], _ = alarms.alarms(state="ALARM")
    assert rings.watches == "Shop CPUUtilization {Service=web} Average > 60, 2 of 3 periods of 60 s"
    assert (rings.state, rings.reason, rings.acts) == ("ALARM", "busy", 1)
    assert abs(datetime.now(UTC) - rings.since) < timedelta(minutes=1)
    [quiet], _ = alarms.alarms(name="quiet")
    assert (quiet.description, quiet.acts) == ("all is well", 0)
    assert alarms.alarms(name="nope") == ([], False)


def test_composite_alarms_are_read_too_and_pages_end(cloudwatch: Any) -> None:
    composite = {"AlarmName": "both", "StateValue": "OK", "AlarmRule": "ALARM(a) AND ALARM(b)"}
    band = {"AlarmName": "band", "StateValue": "OK", "ComparisonOperator": "LessThanLowerThreshold"}
    math = {
        "AlarmName": "math",
        "StateValue": "OK",
        "Threshold": 1.5,
        "ComparisonOperator": "LessThanThreshold",
        "ActionsEnabled": False,
        "AlarmActions": ["arn:aws:sns:eu-west-1:1:t"],
        "Metrics": [{"Id": "m", "ReturnData": False}, {"Id": "e", "Expression": "m / 2"}],
    }
    with Stubber(cloudwatch) as stub:
        page = {"CompositeAlarms": [composite], "MetricAlarms": [band, math], "NextToken": "more"}
        for _ in range(5):
            stub.add_response("describe_alarms", page)
        found, unread = CloudWatchAlarms(lambda: cloudwatch).alarms()
    assert (len(found), unread) == (15, True)
    assert [alarm.watches for alarm in found[:3]] == [
        "a metric outside its band",
        "m / 2 < 1.5",
        "ALARM(a) AND ALARM(b)",
    ]
    assert found[1].acts == 0


@pytest.mark.parametrize(
    ("code", "raised"), [("AccessDenied", ConfigError), ("Throttling", UnavailableError)]
)
def test_what_cloudwatch_refuses_is_an_error_of_ours(
    cloudwatch: Any, code: str, raised: type[Exception]
) -> None:
    with Stubber(cloudwatch) as stub:
        stub.add_client_error("describe_alarms", code)
        with pytest.raises(raised):
            CloudWatchAlarms(lambda: cloudwatch).alarms()


def test_queues_are_counted_and_one_that_cannot_be_read_says_why() -> None:
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-west-1")
        url = sqs.create_queue(QueueName="bellhop-alarms")["QueueUrl"]
        for _ in range(3):
            sqs.send_message(QueueUrl=url, MessageBody="x")
        sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=60)
        sqs.receive_message(QueueUrl=url)
        gone = url.replace("alarms", "gone")
        found, missing = SqsQueues(sqs, f"{url}, {gone},").depths()
    assert (found.name, found.waiting, found.in_flight, found.delayed) == ("bellhop-alarms", 2, 1, 1)
    assert (missing.name, missing.problem) == ("bellhop-gone", "AWS.SimpleQueueService.NonExistentQueue")


def test_the_ledger_is_read_newest_first_by_subject_or_all() -> None:
    with dynamodb() as client:
        ledger = DynamoLedger(client, LEDGER, kept_days=400)
        for number in range(3):
            subject = "shop/web" if number < 2 else "shop/db"
            ledger.record(entry(f"{number:016}", at=WHEN + timedelta(seconds=number), subject=subject))
        reading = LedgerReading(client, LEDGER)
        assert [e.id[-1] for e in reading.newest(10)] == ["2", "1", "0"]
        assert [e.id[-1] for e in reading.newest(1, subject="shop/web")] == ["1"]


def test_a_context_is_kept_in_the_state_table() -> None:
    with dynamodb() as client:
        feeds = KeptFeeds(
            document=lambda: None, fetch=lambda _: b"", clock=lambda: 0.0, dynamodb=client, table=STATE
        )
        assert feeds.context("slack/T/C/U", now=WHEN) is None
        feeds.keep("slack/T/C/U", Context("joke", ("a", "b")), now=WHEN)
        assert feeds.context("slack/T/C/U", now=WHEN) == Context("joke", ("a", "b"))
        assert feeds.context("slack/T/C/U", now=WHEN + timedelta(minutes=21)) is None
