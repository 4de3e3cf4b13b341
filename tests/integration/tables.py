"""DynamoDB in memory (moto), with the tables as template.yaml declares them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from moto import mock_aws
from samcli.yamlhelper import yaml_parse

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
LEDGER, STATE = "bellhop-ledger", "bellhop-state"


@contextmanager
def dynamodb() -> Iterator[Any]:
    """A boto3 client, with both tables made."""
    resources = yaml_parse(TEMPLATE.read_text(encoding="utf-8"))["Resources"]
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        for name, resource in ((LEDGER, "LedgerTable"), (STATE, "StateTable")):
            declared = resources[resource]["Properties"]
            wanted = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
            client.create_table(TableName=name, **{key: declared[key] for key in wanted if key in declared})
        yield client
        client.close()
