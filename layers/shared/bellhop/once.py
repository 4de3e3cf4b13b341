"""Doing a thing once per id, over Powertools idempotency in the state table.

A second delivery gets the first one's result. One that is still running makes the second wait; one that
crashed is run again after the function's timeout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext

from bellhop.errors import BusyError

#: Longer than every sender's retries: queues keep messages for 4 days, dead-letter queues for 14.
KEPT_SECONDS = 15 * 24 * 3600
_PAUSE = 5.0


class Once:
    """Runs work once per id and purpose. context: of the invocation, whose deadline bounds a crashed run."""

    def __init__(self, dynamodb: Any, table: str) -> None:  # noqa: ANN401  a boto3 client
        self._dynamodb = dynamodb
        self._table = table
        self._stores: dict[str, DynamoDBPersistenceLayer] = {}
        self._config = IdempotencyConfig(
            event_key_jmespath="id", expires_after_seconds=KEPT_SECONDS, raise_on_no_idempotency_key=True
        )

    def run[T](self, purpose: str, id: str, work: Callable[[], T], context: LambdaContext) -> T:
        """The result of `work`, run now or before. It must be JSON. Raises what `work` raises (and forgets
        that it ran), and BusyError while another invocation is running it."""
        self._config.register_lambda_context(context)

        def keyed(*, key: dict[str, str]) -> T:  # noqa: ARG001  Powertools reads it
            return work()

        once = idempotent_function(
            keyed,
            data_keyword_argument="key",
            persistence_store=self._store(purpose),
            config=self._config,
            key_prefix=purpose,
        )
        try:
            result: T = once(key={"id": id})
        except IdempotencyAlreadyInProgressError as error:
            raise BusyError(f"{purpose} {id} is running elsewhere", retry_after=_PAUSE) from error
        return result

    def _store(self, purpose: str) -> DynamoDBPersistenceLayer:
        # One each: a store takes the prefix of its keys from whoever used it last, and work may run other work once.
        if purpose not in self._stores:
            self._stores[purpose] = DynamoDBPersistenceLayer(self._table, boto3_client=self._dynamodb)
        return self._stores[purpose]
