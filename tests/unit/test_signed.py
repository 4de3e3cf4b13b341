"""The small AWS client: its requests are botocore's, its signature AWS's, its errors the house's."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.config import Config

from bellhop import signed
from bellhop.errors import BusyError, UnavailableError
from bellhop.signed import AwsError, SignedClient, SignedConnection, fetch_parameter
from tests.unit.aws_double import Answer, Aws, Received, running_aws, signature_is_right

#: One session for all: it reads AWS's definitions of the services, which takes a while.
BOTOCORE = botocore.session.Session()
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CALLS: list[tuple[str, str, str, str, dict[str, Any]]] = [
    (
        *("sqs", "AmazonSQS", "1.0", "SendMessage"),
        {
            "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/bellhop-commands.fifo",
            "MessageBody": '{"text": "scale \\u00e9 \\u0000"}',
            "MessageGroupId": "g",
            "MessageDeduplicationId": "d",
        },
    ),
    (*("ssm", "AmazonSSM", "1.1", "GetParameter"), {"Name": "/b/s:previous", "WithDecryption": True}),
    (
        *("dynamodb", "DynamoDB_20120810", "1.0", "Query"),
        {
            "TableName": "t",
            "IndexName": "by-subject",
            "KeyConditionExpression": "#key = :key",
            "ExpressionAttributeNames": {"#key": "subject"},
            "ExpressionAttributeValues": {":key": {"S": "shop/wéb"}},
            "ScanIndexForward": False,
            "Limit": 20,
        },
    ),
]


class Clients:
    """Makes clients and closes their connections."""

    def __init__(self) -> None:
        self._made: list[SignedClient] = []

    def __call__(self, service: str, target_prefix: str, version: str) -> SignedClient:
        self._made.append(SignedClient(service, target_prefix=target_prefix, version=version))
        return self._made[-1]

    def close(self) -> None:
        for each in self._made:
            each._close()


@pytest.fixture
def client() -> Iterator[Clients]:
    made = Clients()
    yield made
    made.close()


def answering(*answers: Answer) -> Any:
    return lambda _, before: answers[min(before, len(answers) - 1)]


def by_botocore(url: str, service: str, operation: str, request: dict[str, Any]) -> None:
    client = BOTOCORE.create_client(
        service,
        region_name="eu-west-1",
        endpoint_url=url,
        config=Config(retries={"total_max_attempts": 1}),
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=SECRET_KEY,
        aws_session_token=os.environ.get("AWS_SESSION_TOKEN"),
    )
    client.meta.events.register(f"before-call.{service}.{operation}", without_checksums)
    getattr(client, xform_name(operation))(**request)
    client.close()


def without_checksums(context: dict[str, Any], **_: object) -> None:
    """The double's answer has no MD5 of the message."""
    context["skip_response_checksum"] = True


def ours_and_botocores(
    aws: Aws, client: Clients, call: tuple[str, str, str, str, dict[str, Any]]
) -> list[Received]:
    service, prefix, version, operation, request = call
    client(service, prefix, version).call(operation, request)
    by_botocore(aws.url, service, operation, request)
    assert len(aws.received) == 2
    return aws.received


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[3])
def test_a_request_is_the_one_that_botocore_makes(
    call: tuple[str, str, str, str, dict[str, Any]], client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering((200, {}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        ours, theirs = ours_and_botocores(aws, client, call)
    assert ours.path == theirs.path
    assert ours.document == theirs.document == call[4]
    for name in ("content-type", "x-amz-target", "host"):
        assert ours.headers[name] == theirs.headers[name]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[3])
@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzEXAMPLE/+="])
def test_the_signature_is_right_over_what_arrives(
    call: tuple[str, str, str, str, dict[str, Any]],
    token: str | None,
    client: Clients,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if token is not None:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    with running_aws(answering((200, {}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        received = ours_and_botocores(aws, client, call)
    for each in received:
        assert signature_is_right(each, secret=SECRET_KEY, region="eu-west-1", service=call[0])
        assert not signature_is_right(each, secret="another", region="eu-west-1", service=call[0])
        assert each.headers.get("x-amz-security-token") == token
    assert ("x-amz-security-token" in received[0].headers["authorization"]) == (token is not None)


def test_the_answer_is_the_operations_output(client: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_aws(answering((200, {"MessageId": "m"}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", aws.url + "/")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        assert client("sqs", "AmazonSQS", "1.0").call("SendMessage", {}) == {"MessageId": "m"}


@pytest.mark.parametrize(
    "first",
    [
        (500, b""),
        (503, b"<html>"),
        (429, {}),
        (400, {"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow"}),
        (400, {"__type": "ThrottlingException"}),
        None,
    ],
)
def test_what_may_pass_is_tried_a_second_time(
    first: Answer, client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering(first, (200, {"ok": 1}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        assert client("sqs", "AmazonSQS", "1.0").call("SendMessage", {"MessageBody": "x"}) == {"ok": 1}
    assert [each.body for each in aws.received] == [b'{"MessageBody":"x"}'] * 2


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((500, {"__type": "InternalError"}), "500 InternalError"),
        ((400, {"__type": "ThrottlingException"}), "400 ThrottlingException"),
        (None, "RemoteDisconnected"),
    ],
)
def test_what_does_not_pass_is_unavailable_after_two_attempts(
    answer: Answer, told: str, client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering(answer)) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        with pytest.raises(UnavailableError, match=f"^sqs SendMessage: {told} after 2 attempts$"):
            client("sqs", "AmazonSQS", "1.0").call("SendMessage", {"MessageBody": "secret"})
    assert len(aws.received) == 2


def test_nobody_there_is_unavailable(client: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_aws(answering(None)) as aws:
        pass
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    with pytest.raises(UnavailableError, match="ConnectionRefusedError"):
        client("sqs", "AmazonSQS", "1.0").call("SendMessage", {})


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[1]", b'"text"', b"\xff"])
def test_an_answer_that_is_none_is_unavailable(
    answer: bytes, client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering((200, answer))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        with pytest.raises(UnavailableError):
            client("sqs", "AmazonSQS", "1.0").call("SendMessage", {})


def test_a_refusal_has_awss_code_and_is_not_repeated(
    client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no such queue"}
    with running_aws(answering((400, refusal))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        with pytest.raises(AwsError, match=r"^QueueDoesNotExist: no such queue$") as error:
            client("sqs", "AmazonSQS", "1.0").call("SendMessage", {})
    assert (error.value.code, error.value.retryable, len(aws.received)) == ("QueueDoesNotExist", False, 1)


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (b'{"__type": "a.b#C", "Message": "m"}', "C", "m"),
        (b'{"__type": "C", "message": null, "Message": "m"}', "C", "m"),
        (b"{}", "Unknown", ""),
        (b"[]", "Unknown", ""),
        (b"<html>", "Unknown", ""),
        (b"\xff", "Unknown", ""),
        (b"", "Unknown", ""),
    ],
)
def test_a_fault_is_read_from_whatever_comes(answer: bytes, code: str, message: str) -> None:
    assert signed.fault(answer) == (code, message)


def test_one_connection_serves_all_calls_and_is_made_anew_when_aws_hung_up(
    client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = answering((200, {}), (200, {}), None, (200, {"again": 1}), (200, {}))
    with running_aws(answers, keep_alive=True) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        sqs = client("sqs", "AmazonSQS", "1.0")
        sqs.call("SendMessage", {})
        sqs.call("SendMessage", {})
        assert sqs.call("SendMessage", {}) == {"again": 1}
        sqs.call("SendMessage", {})
        client.close()
    first, same, hung_up, anew, kept = (each.connection for each in aws.received)
    assert first == same == hung_up
    assert first != anew == kept


@pytest.mark.parametrize("service", ["sqs", "ssm", "dynamodb", "lambda"])
@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"])
def test_the_endpoint_is_botocores(service: str, region: str) -> None:
    client = BOTOCORE.create_client(service, region_name=region)
    assert signed.endpoint(service, region) == f"{client.meta.endpoint_url}/"
    client.close()


def test_a_parameters_value_is_fetched_decrypted(client: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_aws(answering((200, {"Parameter": {"Value": "s3cret"}}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        assert fetch_parameter(client("ssm", "AmazonSSM", "1.1"), "/b/s:previous") == "s3cret"
    assert aws.received[0].document == {"Name": "/b/s:previous", "WithDecryption": True}


@pytest.mark.parametrize("code", ["ParameterNotFound", "ParameterVersionNotFound"])
def test_a_parameter_or_label_that_is_not_there_is_none(
    code: str, client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering((400, {"__type": code}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        assert fetch_parameter(client("ssm", "AmazonSSM", "1.1"), "s") is None


def test_a_parameter_that_may_not_be_read_is_not_none(
    client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering((400, {"__type": "AccessDeniedException"}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        with pytest.raises(AwsError, match="AccessDeniedException"):
            fetch_parameter(client("ssm", "AmazonSSM", "1.1"), "s")


def test_the_body_is_json_without_blanks(client: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_aws(answering((200, {}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        client("sqs", "AmazonSQS", "1.0").call("SendMessage", {"a": [1, 2], "b": "é"})
    assert aws.received[0].body == b'{"a":[1,2],"b":"\\u00e9"}'
    assert json.loads(aws.received[0].body) == {"a": [1, 2], "b": "é"}


# Lambda's Invoke


@pytest.fixture
def functions() -> Iterator[Callable[[], SignedConnection]]:
    made: list[SignedConnection] = []

    def connect() -> SignedConnection:
        made.append(SignedConnection("lambda"))
        return made[-1]

    yield connect
    for each in made:
        each.close()


type Connect = Callable[[], SignedConnection]
PAYLOAD: dict[str, Any] = {"dialogflow": {"text": "stätus", "id": "1"}}


def test_an_invocation_is_the_one_that_botocore_makes(
    functions: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering((200, {"text": "well"}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        assert signed.invoke(functions(), "bellhop-commands", PAYLOAD, seconds=5) == {"text": "well"}
        request = {
            "FunctionName": "bellhop-commands",
            "InvocationType": "RequestResponse",
            "Payload": json.dumps(PAYLOAD),
        }
        by_botocore(aws.url, "lambda", "Invoke", request)
    ours, theirs = aws.received
    assert ours.path == theirs.path == "/2015-03-31/functions/bellhop-commands/invocations"
    assert ours.document == theirs.document == PAYLOAD
    for name in ("host", "x-amz-invocation-type"):
        assert ours.headers[name] == theirs.headers[name]
    for each in aws.received:
        assert signature_is_right(each, secret=SECRET_KEY, region="eu-west-1", service="lambda")


def test_an_invocation_that_takes_too_long_ends_in_time_and_its_answer_is_nobodys(
    functions: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, asked = threading.Event(), list[int]()

    def answer(_: Received, before: int) -> Answer:
        asked.append(before)
        if len(asked) == 1:
            late.wait(10)
        return 200, {"text": f"answer {len(asked)}"}

    with running_aws(answer, keep_alive=True) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        connection = functions()
        begun = time.monotonic()
        with pytest.raises(TimeoutError, match="bellhop-commands"):
            signed.invoke(connection, "bellhop-commands", PAYLOAD, seconds=0.2)
        assert time.monotonic() - begun < 2
        assert signed.invoke(connection, "bellhop-commands", PAYLOAD, seconds=5) == {"text": "answer 2"}
        late.set()
        connection.close()


def test_without_time_nothing_is_begun(functions: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_aws(answering((200, {}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        with pytest.raises(TimeoutError):
            signed.invoke(functions(), "f", {}, seconds=0.01)
    assert aws.received == []


@pytest.mark.parametrize(
    "first", [None, (500, b""), (429, {"Reason": "ReservedFunctionConcurrentInvocation"})]
)
def test_an_invocation_is_tried_a_second_time(
    first: Answer, functions: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering(first, (200, {"text": "well"}))) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        assert signed.invoke(functions(), "f", PAYLOAD, seconds=5) == {"text": "well"}
    assert [each.document for each in aws.received] == [PAYLOAD] * 2


def test_an_invocation_that_is_refused_has_lambdas_code(
    functions: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering((404, {"Type": "User", "Message": "no such function"}))) as aws:
        aws.headers["x-amzn-errortype"] = "ResourceNotFoundException:http://internal.amazon.com/"
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        with pytest.raises(AwsError, match=r"^ResourceNotFoundException: no such function$"):
            signed.invoke(functions(), "f", {}, seconds=5)


@pytest.mark.parametrize(
    ("answer", "raises", "told"),
    [
        ({"errorType": "BusyError", "errorMessage": "x"}, BusyError, "f is at it already"),
        ({"errorType": "KeyError", "errorMessage": "'hunter2'"}, UnavailableError, "f failed: KeyError"),
        ({"errorMessage": "Task timed out after 20 seconds"}, UnavailableError, "f failed: Unknown"),
        (b"null", UnavailableError, "something else than a JSON object"),
    ],
)
def test_a_function_that_failed_has_not_answered(
    answer: Any, raises: type[Exception], told: str, functions: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_aws(answering((200, answer))) as aws:
        aws.headers["x-amz-function-error"] = "Unhandled"
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        with pytest.raises(raises, match=told) as error:
            signed.invoke(functions(), "f", {}, seconds=5)
    assert "hunter2" not in str(error.value)
    assert len(aws.received) == 1
