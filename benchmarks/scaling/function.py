"""The scaling function as on Lambda: its environment, and its services wired by its own module."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from unittest import mock

from bellhop import aws
from bellhop.logs import JsonFormatter
from benchmarks.scaling.api_server import ACCOUNT, CLUSTER, REGION, STS, ApiServer

ALARMS_QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:alarms"
QUEUES = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}"


def environment(server: ApiServer) -> dict[str, str]:
    """What template.yaml sets, and credentials that are good for nothing."""
    return {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL_STS": STS,
        "CLUSTER_NAME": CLUSTER,
        "CLUSTER_ENDPOINT": server.url,
        "CLUSTER_CA": server.ca,
        "ALLOWED_NAMESPACES": "*",
        "OWN_ALARMS": "bellhop-",
        "LEDGER_TABLE": "ledger",
        "LEDGER_KEPT_DAYS": "400",
        "STATE_TABLE": "state",
        "ALARMS_QUEUE_ARN": ALARMS_QUEUE_ARN,
        "ALARMS_DEAD_LETTER_URL": f"{QUEUES}/alarms-dead-letters",
        "SCALING_QUEUE_URL": f"{QUEUES}/scaling",
        "SCALING_DEAD_LETTER_URL": f"{QUEUES}/scaling-dead-letters",
    }


@contextmanager
def loaded_function(server: ApiServer) -> Iterator[ModuleType]:
    """The function's module, in an environment of only its settings, nothing wired yet. Its log goes nowhere."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with mock.patch.dict(os.environ, others | environment(server), clear=True), _logged_to_nowhere():
        # Here, since it configures logging unless somebody has.
        import scaling  # noqa: PLC0415

        _forget(scaling)
        try:
            yield scaling
        finally:
            _forget(scaling)


def _forget(function: ModuleType) -> None:
    function.services.cache_clear()
    aws.client.cache_clear()


@contextmanager
def _logged_to_nowhere() -> Iterator[None]:
    """Written as on Lambda, JSON a line; that is part of what an alarm costs."""
    with Path(os.devnull).open("w") as nowhere:
        handler = logging.StreamHandler(nowhere)
        handler.setFormatter(JsonFormatter())
        root, own = logging.getLogger(), logging.getLogger("bellhop")
        root.addHandler(handler)
        before = own.level
        own.setLevel(logging.INFO)
        try:
            yield
        finally:
            own.setLevel(before)
            root.removeHandler(handler)
