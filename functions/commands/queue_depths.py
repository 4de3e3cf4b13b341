"""`views.Queues` over SQS."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from views import QueueDepth

#: SQS tells no age of the oldest message here: that is a metric of CloudWatch's, a minute or more old.
_ATTRIBUTES = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


class SqsQueues:
    """sqs: a boto3 client. urls: of the queues, separated by commas."""

    def __init__(self, sqs: Any, urls: str) -> None:  # noqa: ANN401
        self._sqs = sqs
        self._urls = [url.strip() for url in urls.split(",") if url.strip()]

    def depths(self) -> list[QueueDepth]:
        return [self._depth(url) for url in self._urls]

    def _depth(self, url: str) -> QueueDepth:
        name = url.rpartition("/")[2]
        try:
            told = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_ATTRIBUTES))
        except ClientError as error:
            return QueueDepth(name, problem=str(error.response["Error"]["Code"]))
        except BotoCoreError as error:
            return QueueDepth(name, problem=type(error).__name__)
        found = told.get("Attributes", {})
        waiting, in_flight, delayed = (int(found.get(key, 0)) for key in _ATTRIBUTES)
        return QueueDepth(name, waiting, in_flight, delayed)
