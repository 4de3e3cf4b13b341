"""The slash command that both sides answer, and the environment that both have."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any

from benchmarks import ROOT

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"  # noqa: S105  Slack's published sample
_RECORDED = ROOT / "events/slack/slash-command-scale.json"


def environment() -> dict[str, str]:
    """What template.yaml sets for the door, credentials that are good for nothing, and the secret."""
    queues = "https://sqs.eu-west-1.amazonaws.com/123456789012"
    return {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "COMMANDS_QUEUE_URL": f"{queues}/bellhop-commands.fifo",
        "COMMANDS_FUNCTION": "bellhop-commands",
        "ALARMS_QUEUE_URL": f"{queues}/bellhop-alarms",
        "SLACK_SIGNING_SECRET": "/bellhop/slack/signing-secret",
        "MESSENGER_APP_SECRET": "/bellhop/messenger/app-secret",
        "MESSENGER_VERIFY_TOKEN": "/bellhop/messenger/verify-token",
        "DIALOGFLOW_TOKEN": "/bellhop/dialogflow/token",
        "ALERTS_TOKEN": "/bellhop/alerts/token",
        "BENCH_SECRET": SECRET,
    }


def signed_event(secret: str = SECRET) -> dict[str, Any]:
    """The recorded HTTP API event, base64 body and all, signed now: Slack's window is 5 minutes."""
    event: dict[str, Any] = json.loads(_RECORDED.read_text(encoding="utf-8"))
    timestamp = str(int(time.time()))
    signed = b"v0:" + timestamp.encode() + b":" + base64.b64decode(event["body"])
    signature = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    event["headers"] |= {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}
    return event


def status(answer: dict[str, Any]) -> int:
    """Its status. Raises RuntimeError for a body where Slack is to see none: that would be another answer."""
    if answer["statusCode"] == 200 and answer["body"] != "":
        raise RuntimeError(f"not only acknowledged: {answer}")
    return int(answer["statusCode"])
