"""The next step of a job: a delayed message into JobsQueue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from bellhop.errors import UnavailableError
from bellhop.jobs.request import Step, encode


class Steps(Protocol):
    """Where steps are sent to."""

    def send(self, step: Step, *, seconds: int) -> None:
        """Have the step taken after so many seconds (0 to 900, SQS's own limit). Raises UnavailableError."""


@dataclass(frozen=True, slots=True)
class SqsSteps:
    """`Steps` over boto3."""

    sqs: Any
    queue_url: str

    def send(self, step: Step, *, seconds: int) -> None:
        try:
            self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=encode(step), DelaySeconds=seconds)
        except ClientError as error:
            raise UnavailableError(f"JobsQueue: {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise UnavailableError(f"JobsQueue: {type(error).__name__}") from error
