"""The import budget: what people wait for loads no SDK, and the domain knows none."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.aws_double import Answer, Received, running_aws
from tests.unit.chat_world import SECRET, form, http_event, slash_event

ROOT = Path(__file__).parents[2]
SDKS = {"boto3", "botocore", "lightkube", "requests", "httpx2", "kubernetes"}
#: What the door and the page may not load: botocore's signer alone is within the budget.
HEAVY = {"boto3", "requests", "aws_lambda_powertools", "msgspec", "lightkube", "httpx2", "pydantic"}
#: The page reads ledger entries, which are msgspec's; that costs 5 ms.
HEAVY_FOR_THE_PAGE = HEAVY - {"msgspec"}

_TELL = """
import json, sys
print(json.dumps({"loaded": sorted({name.partition(".")[0] for name in sys.modules}), "answer": answer}))
"""


def run(code: str, *folders: str, **environment: str) -> tuple[set[str], Any]:
    """The top-level modules that `code` loads in a fresh interpreter with only the layer and `folders` on its
    path, and what it leaves in `answer`."""
    path = os.pathsep.join(str(ROOT / folder) for folder in ("layers/shared", *folders))
    done = subprocess.run(
        [sys.executable, "-c", "answer = None\n" + code + _TELL],
        env={"PYTHONPATH": path, "PATH": os.environ["PATH"], **environment},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return set(told["loaded"]), told["answer"]


def aws(received: Received, _: int) -> Answer:
    match received.operation:
        case "GetParameter":
            return 200, {"Parameter": {"Value": SECRET}}
        case "SendMessage" | "SendMessageBatch":
            return 200, {"MessageId": "m"}
        case "" if received.path == "/2015-03-31/functions/bellhop-commands/invocations":
            return 200, {"text": "*all* is well"}
        case "Query":
            return 200, {"Items": []}
        case _:
            return 400, {"__type": "UnknownOperationException"}


DOOR = {
    "COMMANDS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/bellhop-commands.fifo",
    "COMMANDS_FUNCTION": "bellhop-commands",
    "ALARMS_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/1/bellhop-alarms",
    "SLACK_SIGNING_SECRET": "/bellhop/slack/signing-secret",
    "MESSENGER_APP_SECRET": "/bellhop/messenger/app-secret",
    "MESSENGER_VERIFY_TOKEN": "/bellhop/messenger/verify-token",
    "DIALOGFLOW_TOKEN": "/bellhop/dialogflow/token",
    "ALERTS_TOKEN": "/bellhop/alerts/token",
}
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1"}


def answered(
    module: str, folder: str, event: dict[str, Any], **environment: str
) -> tuple[set[str], Any, list[Received]]:
    """What `module`'s handler loads and says to `event`, with the double as all of AWS."""
    code = (
        f"import json, {module}\nanswer = {module}.handler(json.loads({json.dumps(json.dumps(event))}), None)"
    )
    with running_aws(aws) as double:
        loaded, answer = run(code, folder, **CREDENTIALS, AWS_ENDPOINT_URL=double.url, **environment)
        return loaded, answer, double.received


def test_the_door_answers_a_signed_command_without_an_sdk() -> None:
    loaded, answer, received = answered(
        "webhooks",
        "functions/webhooks",
        slash_event(form("scale web 5"), timestamp=str(int(time.time()))),
        **DOOR,
    )
    assert answer == {"statusCode": 200, "body": ""}
    assert [each.operation for each in received] == ["GetParameter", "SendMessage"]
    assert received[0].document["Name"] == "/bellhop/slack/signing-secret"
    sent = received[1].document
    assert sent["QueueUrl"].endswith("/bellhop-commands.fifo")
    assert json.loads(sent["MessageBody"])["text"] == "scale web 5"
    assert sent["MessageDeduplicationId"] == json.loads(sent["MessageBody"])["id"]
    assert loaded & HEAVY == set()
    assert "botocore" in loaded  # the signer: if this fails, the test above looks at nothing


def test_the_door_refuses_without_an_sdk_and_without_asking_aws() -> None:
    loaded, answer, received = answered(
        "webhooks",
        "functions/webhooks",
        http_event(b"x", {}),
        **DOOR,
    )
    assert (answer["statusCode"], received, loaded & HEAVY) == (401, [], set())


@pytest.mark.parametrize("sender", ["alertmanager", "grafana"])
def test_the_door_hands_alerts_on_without_an_sdk(sender: str) -> None:
    body = (ROOT / f"events/{sender}/firing.json").read_bytes()
    loaded, answer, received = answered(
        "webhooks",
        "functions/webhooks",
        http_event(body, {"authorization": f"Bearer {SECRET}"}, path=f"/alerts/{sender}"),
        **DOOR,
    )
    assert answer == {"statusCode": 200, "body": ""}
    assert [each.operation for each in received] == ["GetParameter", "SendMessage"]
    assert received[0].document["Name"] == "/bellhop/alerts/token"
    sent = received[1].document
    assert sent.keys() == {"QueueUrl", "MessageBody"}
    assert sent["QueueUrl"].endswith("/bellhop-alarms")
    assert json.loads(sent["MessageBody"])["sender"] == sender
    assert loaded & HEAVY == set()


def test_the_door_asks_for_dialogflow_without_an_sdk() -> None:
    body = (ROOT / "events/dialogflow/es-query.json").read_bytes()
    loaded, answer, received = answered(
        "webhooks",
        "functions/webhooks",
        http_event(body, {"x-bellhop-token": SECRET}, path="/dialogflow/es"),
        **DOOR,
    )
    assert json.loads(answer["body"])["fulfillmentText"] == "all is well"
    parameter, invocation = received
    assert parameter.document["Name"] == "/bellhop/dialogflow/token"
    assert invocation.headers["x-amz-invocation-type"] == "RequestResponse"
    assert invocation.document["dialogflow"]["platform"] == "dialogflow"
    assert loaded & HEAVY == set()


def test_the_door_hands_a_batch_on_without_an_sdk() -> None:
    body = (ROOT / "events/messenger/batch.json").read_bytes()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    event = http_event(body, {"x-hub-signature-256": signature}, path="/messenger")
    loaded, answer, received = answered("webhooks", "functions/webhooks", event, **DOOR)
    assert answer == {"statusCode": 200, "body": ""}
    assert [each.operation for each in received] == ["GetParameter", "SendMessageBatch"]
    assert received[0].document["Name"] == "/bellhop/messenger/app-secret"
    assert loaded & HEAVY == set()


def test_the_page_answers_without_an_sdk() -> None:
    event = http_event(b"", {"authorization": f"Bearer {SECRET}"}, method="GET", path="/activity")
    loaded, answer, received = answered(
        "api", "functions/api", event, LEDGER_TABLE="l", API_TOKEN="/b/api/token"
    )
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"entries": [], "next": None})
    assert [each.operation for each in received] == ["GetParameter", "Query"]
    assert loaded & HEAVY_FOR_THE_PAGE == set()


DOMAIN = {
    "": [
        *(f"bellhop.scaling.{file.stem}" for file in (ROOT / "layers/shared/bellhop/scaling").glob("*.py")),
        *(f"bellhop.jobs.{file.stem}" for file in (ROOT / "layers/shared/bellhop/jobs").glob("*.py")),
        *(f"bellhop.alarms.{file.stem}" for file in (ROOT / "layers/shared/bellhop/alarms").glob("*.py")),
        *("bellhop.activity", "bellhop.ledger", "bellhop.parameters", "bellhop.messages", "bellhop.http_api"),
        *("bellhop.chat.access", "bellhop.chat.envelope", "bellhop.chat.slack", "bellhop.chat.replies"),
        *("bellhop.chat.cutting", "bellhop.chat.message", "bellhop.chat.messenger", "bellhop.chat.plain"),
        "bellhop.chat.dialogflow",
    ],
    "functions/commands": [
        "parsing",
        "registry",
        "arguments",
        "conversation",
        "plugins.scale",
        "plugins.help",
    ],
    "functions/jobs": [
        *("evictable", "job", "job_entries", "nodes", "turns"),
        *("restarting", "cordoning", "draining"),
    ],
    "functions/notifications": ["routing", "inbox"],
    "functions/scaling": ["entries"],
    "functions/webhooks": [
        *("slack_intake", "slack_signature", "slack_commands", "slack_interactions", "slack_events"),
        *("messenger_intake", "messenger_signature", "messenger_events"),
        *("dialogflow_intake", "dialogflow_credentials", "dialogflow_requests"),
        *("commands_queue", "payloads"),
        *(
            "alert_intake",
            "alert_credentials",
            "grafana_signature",
            "alertmanager",
            "grafana",
            "alert_messages",
        ),
    ],
}


@pytest.mark.parametrize("folder", DOMAIN)
def test_the_domain_knows_no_sdk(folder: str) -> None:
    modules = [name.removesuffix(".__init__") for name in DOMAIN[folder]]
    # Finding the plugins imports every one of them.
    found = "\nimport registry; registry.registered()" if folder == "functions/commands" else ""
    loaded, _ = run(f"import {', '.join(modules)}{found}", folder)
    assert "bellhop" in loaded
    assert loaded & SDKS == set()
