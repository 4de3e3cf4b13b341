"""boto3 clients, made once. Only workers import this: the door and the page use `bellhop.signed`."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bellhop.errors import UnavailableError
from bellhop.parameters import without_line_end

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})


@cache
def client(service: str) -> Any:  # noqa: ANN401  boto3's clients are made at run time; callers annotate theirs
    """The process's client for a service; region and endpoint come from the environment."""
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]


def fetch_parameter(name: str) -> str | None:
    """`bellhop.parameters.Fetch` over boto3."""
    ssm = client("ssm")
    try:
        answer = ssm.get_parameter(Name=name, WithDecryption=True)
    except (ssm.exceptions.ParameterNotFound, ssm.exceptions.ParameterVersionNotFound):
        return None
    except ClientError as error:
        if error.response["Error"]["Code"] in {"ThrottlingException", "InternalServerError"}:
            raise UnavailableError(f"Parameter Store: {error.response['Error']['Code']}") from error
        raise
    except BotoCoreError as error:
        raise UnavailableError(f"Parameter Store: {type(error).__name__}") from error
    return without_line_end(str(answer["Parameter"]["Value"]))
