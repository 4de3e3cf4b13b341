"""AWS's JSON protocol, and Lambda's Invoke, over http.client, signed by botocore's own signer.

For the functions that people wait for: boto3 costs a cold start 190 ms, `botocore.auth` alone a third of it
(benchmarks/). It knows POST, two attempts, and AWS_ENDPOINT_URL; everything else uses boto3.
"""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from bellhop.errors import BellhopError, BusyError, UnavailableError
from bellhop.parameters import without_line_end

#: Of each attempt: two services asked twice each still end within the door's own timeout of 8 s.
TIMEOUT_SECONDS = 1.0
ATTEMPTS = 2
#: With less than this left, an invocation is not begun.
_LEAST_SECONDS = 0.05
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "RequestThrottled", "TooManyRequestsException"})


class AwsError(BellhopError):
    """AWS refused the call. `code` is AWS's own, such as ParameterNotFound or AccessDenied."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class SignedConnection:
    """One AWS service over one kept-alive connection, every request signed. service: its signing name and host
    prefix ("sqs")."""

    def __init__(self, service: str) -> None:
        self.service = service
        self._region = os.environ["AWS_REGION"]
        self._endpoint = endpoint(service, self._region)
        self._connection: HTTPConnection | None = None

    def post(
        self, path: str, body: bytes, headers: dict[str, str], *, seconds: float
    ) -> tuple[HTTPResponse, bytes]:
        """One request, one attempt. path: below the endpoint, without a slash. seconds: for connecting and for the
        answer, together. Raises OSError (TimeoutError among them) and HTTPException."""
        until = time.monotonic() + seconds
        request = AWSRequest(method="POST", url=f"{self._endpoint}{path}", data=body, headers=headers)
        SigV4Auth(_credentials(), self.service, self._region).add_auth(request)
        try:
            connection = self._connected(seconds)
            connection.sock.settimeout(max(until - time.monotonic(), 0.001))
            connection.request("POST", f"/{path}", body=body, headers=dict(request.headers.items()))
            response = connection.getresponse()
            return response, response.read()
        except (OSError, HTTPException):
            # An answer that comes later must not be taken for the next request's.
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self, seconds: float) -> HTTPConnection:
        url = urlsplit(self._endpoint)
        if self._connection is None and url.scheme == "https":
            self._connection = HTTPSConnection(url.netloc, context=ssl.create_default_context())
        elif self._connection is None:
            self._connection = HTTPConnection(url.netloc)
        if self._connection.sock is None:
            self._connection.timeout = seconds
            self._connection.connect()
        return self._connection


class SignedClient:
    """One AWS service that speaks the JSON protocol.

    service: as SignedConnection's. target_prefix: "AmazonSQS". version: "1.0" or "1.1".
    """

    def __init__(self, service: str, *, target_prefix: str, version: str) -> None:
        self._connection = SignedConnection(service)
        self._target_prefix = target_prefix
        self._content_type = f"application/x-amz-json-{version}"

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """One call, tried twice. Raises AwsError when refused, UnavailableError when not answered or throttled.

        request: the operation's input; the answer is its output, both as in AWS's API reference.
        """
        body = json.dumps(request, separators=(",", ":")).encode()
        headers = {"Content-Type": self._content_type, "X-Amz-Target": f"{self._target_prefix}.{operation}"}

        def attempt() -> tuple[HTTPResponse, bytes]:
            return self._connection.post("", body, headers, seconds=TIMEOUT_SECONDS)

        _, answer = _tried(attempt, f"{self._connection.service} {operation}")
        return _output(answer)

    def _close(self) -> None:
        self._connection.close()


def invoke(
    functions: SignedConnection, name: str, payload: dict[str, Any], *, seconds: float
) -> dict[str, Any]:
    """What a Lambda function answers to `payload`, both JSON objects. functions: a connection to "lambda".

    seconds: for all attempts together. An attempt whose connection broke is repeated, so what the function does
    must be harmless when it is done twice. Raises TimeoutError when the time is over (the function may go on),
    BusyError when the function raised one, AwsError when the call was refused, UnavailableError for all else.
    """
    until = time.monotonic() + seconds
    body = json.dumps(payload, separators=(",", ":")).encode()
    headers = {"Content-Type": "application/json", "X-Amz-Invocation-Type": "RequestResponse"}

    def left() -> float:
        return until - time.monotonic()

    def attempt() -> tuple[HTTPResponse, bytes]:
        if left() < _LEAST_SECONDS:
            raise TimeoutError
        path = f"2015-03-31/functions/{name}/invocations"
        return functions.post(path, body, headers, seconds=left())

    try:
        response, answer = _tried(attempt, f"lambda Invoke of {name}")
    except UnavailableError:
        if left() < _LEAST_SECONDS:
            raise TimeoutError(f"{name} did not answer within {seconds:.1f} s") from None
        raise
    output = _output(answer)
    if response.headers.get("x-amz-function-error") is None:
        return output
    if output.get("errorType") == "BusyError":
        raise BusyError(f"{name} is at it already", retry_after=0)
    raise UnavailableError(f"{name} failed: {output.get('errorType', 'Unknown')}")


def _tried(attempt: Callable[[], tuple[HTTPResponse, bytes]], what: str) -> tuple[HTTPResponse, bytes]:
    """The first attempt's successful answer, or the second's. Raises AwsError, UnavailableError."""
    problem = ""
    for _ in range(ATTEMPTS):
        try:
            response, answer = attempt()
        except (OSError, HTTPException) as error:
            problem = type(error).__name__
            continue
        if response.status < 300:
            return response, answer
        code, message = fault(answer, response.headers.get("x-amzn-errortype"))
        if response.status < 500 and response.status != 429 and code not in _THROTTLED:
            raise AwsError(code, message)
        problem = f"{response.status} {code}"
    raise UnavailableError(f"{what}: {problem} after {ATTEMPTS} attempts")


def endpoint(service: str, region: str) -> str:
    """Where the service answers: AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, or the region's own host."""
    for name in (f"AWS_ENDPOINT_URL_{service.upper()}", "AWS_ENDPOINT_URL"):
        if url := os.environ.get(name):
            return f"{url.rstrip('/')}/"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{suffix}/"


def fault(answer: bytes, header: str | None = None) -> tuple[str, str]:
    """(code, message) of an error answer; the code without its namespace. header: x-amzn-errortype, where Lambda
    says the code."""
    named = (header or "").partition(":")[0] or "Unknown"
    try:
        document = json.loads(answer)
    except ValueError:
        return named, ""
    if not isinstance(document, dict):
        return named, ""
    code = str(document.get("__type", named)).rpartition("#")[2]
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
