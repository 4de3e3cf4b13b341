"""Looking again: delayed messages into ScalingQueue. Duplicates are harmless, a slot has one decision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from bellhop.errors import UnavailableError
from bellhop.scaling.request import Evaluate, encode

#: SQS's own limit on a message's delay, and so evaluateEverySeconds' too.
_LONGEST_DELAY = 900


class FollowUps(Protocol):
    """Where follow-ups are sent to."""

    def send(self, order: Evaluate, *, now: datetime) -> None:
        """Have the policy looked at when the order is due. Raises UnavailableError."""


@dataclass(frozen=True, slots=True)
class SqsFollowUps:
    """`FollowUps` over boto3."""

    sqs: Any
    queue_url: str

    def send(self, order: Evaluate, *, now: datetime) -> None:
        delay = math.ceil((order.due - now).total_seconds())
        try:
            self.sqs.send_message(
                QueueUrl=self.queue_url,
                MessageBody=encode(order),
                DelaySeconds=min(max(delay, 0), _LONGEST_DELAY),
            )
        except ClientError as error:
            raise UnavailableError(f"ScalingQueue: {error.response['Error']['Code']}") from error
        except BotoCoreError as error:
            raise UnavailableError(f"ScalingQueue: {type(error).__name__}") from error
