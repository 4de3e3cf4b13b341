"""AWS's JSON protocol over http.client, signed by botocore's own signer.

For the functions that people wait for: boto3 costs a cold start 190 ms, `botocore.auth` alone a third of it
(benchmarks/). It knows one request shape, two attempts, and AWS_ENDPOINT_URL; everything else uses boto3.
"""

from __future__ import annotations

import json
import os
import ssl
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from bellhop.errors import BellhopError, UnavailableError
from bellhop.parameters import without_line_end

#: Of each attempt: two services asked twice each still end within the door's own timeout of 5 s.
TIMEOUT_SECONDS = 1.0
ATTEMPTS = 2
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "RequestThrottled", "TooManyRequestsException"})


class AwsError(BellhopError):
    """AWS refused the call. `code` is AWS's own, such as ParameterNotFound or AccessDenied."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class SignedClient:
    """One AWS service that speaks the JSON protocol, over one kept-alive connection.

    service: the signing name and host prefix ("sqs"). target_prefix: "AmazonSQS". version: "1.0" or "1.1".
    """

    def __init__(self, service: str, *, target_prefix: str, version: str) -> None:
        self._service = service
        self._target_prefix = target_prefix
        self._content_type = f"application/x-amz-json-{version}"
        self._region = os.environ["AWS_REGION"]
        self._endpoint = endpoint(service, self._region)
        self._connection: HTTPConnection | None = None

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One call, tried twice. Raises AwsError when refused, UnavailableError when not answered or throttled.

        request: the operation's input; the answer is its output, both as in AWS's API reference.
        """
        body = json.dumps(request, separators=(",", ":")).encode()
        problem = ""
        for _ in range(ATTEMPTS):
            try:
                response, answer = self._send(operation, body)
            except (OSError, HTTPException) as error:
                self._close()
                problem = type(error).__name__
                continue
            if response.status < 300:
                return _output(answer)
            code, message = fault(answer)
            if response.status < 500 and response.status != 429 and code not in _THROTTLED:
                raise AwsError(code, message)
            problem = f"{response.status} {code}"
        raise UnavailableError(f"{self._service} {operation}: {problem} after {ATTEMPTS} attempts")

    def _send(self, operation: str, body: bytes) -> tuple[HTTPResponse, bytes]:
        headers = {"Content-Type": self._content_type, "X-Amz-Target": f"{self._target_prefix}.{operation}"}
        request = AWSRequest(method="POST", url=self._endpoint, data=body, headers=headers)
        SigV4Auth(_credentials(), self._service, self._region).add_auth(request)
        connection = self._connection or self._connect()
        connection.request("POST", "/", body=body, headers=dict(request.headers.items()))
        response = connection.getresponse()
        return response, response.read()

    def _connect(self) -> HTTPConnection:
        url = urlsplit(self._endpoint)
        if url.scheme == "https":
            self._connection = HTTPSConnection(
                url.netloc, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
        else:
            self._connection = HTTPConnection(url.netloc, timeout=TIMEOUT_SECONDS)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def endpoint(service: str, region: str) -> str:
    """Where the service answers: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, or the region's own host."""
    for name in (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL"):
        if url := os.environ.get(name):
            return f"{url.rstrip('/')}/"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{suffix}/"


def fault(answer: bytes) -> tuple[str, str]:
    """(code, message) of an error answer; the code without its namespace."""
    try:
        document = json.loads(answer)
    except ValueError:
        return "Unknown", ""
    if not isinstance(document, dict):
        return "Unknown", ""
    code = str(document.get("__type", "Unknown")).rpartition("#")[2]
    return code, str(document.get("message") or document.get("Message") or "")


def _output(answer: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(answer))
    except (ValueError, TypeError):
        # The call may have been done: repeating it is for the caller to decide.
        raise UnavailableError("AWS answered with something else than a JSON object") from None


def _credentials() -> ReadOnlyCredentials:
    # Lambda puts the role's credentials into the environment, for the life of the process.
    return ReadOnlyCredentials(
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ.get("AWS_SESSION_TOKEN"),
    )


def fetch_parameter(ssm: SignedClient, name: str) -> str | None:
    """`bellhop.parameters.Fetch` over a SignedClient for Systems Manager."""
    try:
        answer = ssm.call("GetParameter", {"Name": name, "WithDecryption": True})
    except AwsError as error:
        if error.code in {"ParameterNotFound", "ParameterVersionNotFound"}:
            return None
        raise
    return without_line_end(str(answer["Parameter"]["Value"]))
