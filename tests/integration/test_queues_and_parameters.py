"""boto3's side of queues and parameters, against moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from bellhop import aws
from bellhop.errors import BusyError, InvalidInputError
from bellhop.messages import SqsQueue, process_batch
from bellhop.parameters import Parameters


@pytest.fixture(autouse=True)
def _cloud() -> Iterator[None]:
    with mock_aws():
        aws.client.cache_clear()
        yield
        aws.client.cache_clear()


def make_queue(sqs: Any, name: str) -> tuple[str, str]:
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    url = sqs.create_queue(QueueName=name, Attributes=fifo)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def receive(sqs: Any, url: str, arn: str) -> list[dict[str, Any]]:
    """What Lambda would hand to the function."""
    answer = sqs.receive_message(
        QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )
    return [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": message.get("MessageAttributes", {}),
            "eventSourceARN": arn,
        }
        for message in answer.get("Messages", [])
    ]


def raising(error: Exception) -> Any:
    def each(_: dict[str, Any]) -> None:
        raise error

    return each


@pytest.mark.parametrize("name", ["commands.fifo", "alarms"])
def test_bad_input_is_in_the_dead_letter_queue_at_once_with_its_reason(name: str) -> None:
    sqs = aws.client("sqs")
    url, arn = make_queue(sqs, name)
    dead, dead_arn = make_queue(sqs, f"dead-{name}")
    fifo = {"MessageGroupId": "g", "MessageDeduplicationId": "d"} if name.endswith(".fifo") else {}
    sqs.send_message(QueueUrl=url, MessageBody="{", **fifo)
    records = receive(sqs, url, arn)
    reason = "not a command's envelope: \x1b"
    answer = process_batch(
        {"Records": records}, each=raising(InvalidInputError(reason)), queue=SqsQueue(sqs, dead)
    )
    assert answer == {"batchItemFailures": []}
    [buried] = receive(sqs, dead, dead_arn)
    assert buried["body"] == "{"
    told = {key: value["StringValue"] for key, value in buried["messageAttributes"].items()}
    assert told == {"code": "InvalidInput", "reason": "not a command's envelope: \ufffd"}


def test_a_busy_message_is_visible_again_when_it_said() -> None:
    sqs = aws.client("sqs")
    url, arn = make_queue(sqs, "alarms")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    records = receive(sqs, url, arn)
    queue = SqsQueue(sqs, "https://unused")
    again = process_batch(
        {"Records": records}, each=raising(BusyError("later", retry_after=600)), queue=queue
    )
    assert again == {"batchItemFailures": [{"itemIdentifier": records[0]["messageId"]}]}
    assert receive(sqs, url, arn) == []
    process_batch({"Records": records}, each=raising(BusyError("now", retry_after=0)), queue=queue)
    assert [record["body"] for record in receive(sqs, url, arn)] == ["x"]


def test_a_rotated_secret_is_read_by_its_label_until_then_there_is_none() -> None:
    ssm = boto3.client("ssm", region_name="eu-west-1")
    ssm.put_parameter(Name="/b/s", Type="SecureString", Value="old")
    assert (aws.fetch_parameter("/b/s"), aws.fetch_parameter("/b/s:previous")) == ("old", None)
    assert aws.fetch_parameter("/b/other") is None
    ssm.label_parameter_version(Name="/b/s", ParameterVersion=1, Labels=["previous"])
    ssm.put_parameter(Name="/b/s", Type="SecureString", Value="new", Overwrite=True)
    parameters = Parameters(aws.fetch_parameter, lambda: 0.0)
    accepted = [parameters.accepts("/b/s", lambda known, s=s: known == s) for s in ("new", "old", "older")]  # type: ignore[misc]
    assert accepted == [True, True, False]
    ssm.close()
