"""The door with what a test gives it behind it; whatever else it would touch fails the test."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from alert_intake import AlertIntake
from bellhop.chat import envelope as envelopes
from dialogflow_intake import DialogflowIntake
from messenger_intake import MessengerIntake
from slack_intake import SlackIntake
from tests.unit.chat_world import SECRET, SIGNED_AT
from webhooks import Door

type Accepts = Callable[[Callable[[str], bool]], bool]


class Commands:
    """CommandsQueue: envelopes as the worker reads them."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def __call__(self, envelopes: list[dict[str, Any]]) -> None:
        self.sent += envelopes

    def read(self) -> list[envelopes.Envelope]:
        return [envelopes.decode(json.dumps(each)) for each in self.sent]


def knows(*secrets: str) -> Accepts:
    return lambda test: any(test(secret) for secret in secrets)


def never(what: str) -> Callable[..., Any]:
    def fail(*_: object) -> Any:
        pytest.fail(f"unexpected: {what}")

    return fail


def door(
    *,
    accepts: Accepts | None = None,
    commands: Callable[[list[dict[str, Any]]], None] | None = None,
    alarms: Callable[[str], None] | None = None,
    ask: Callable[[dict[str, Any], float], dict[str, Any]] | None = None,
    timer: Callable[[], float] = lambda: 0.0,
    now: float = SIGNED_AT,
) -> Door:
    """accepts: of every secret; by default only chat_world's is good."""
    good = accepts or knows(SECRET)
    send = commands or never("a command")
    return Door(
        slack=SlackIntake(good, send),
        messenger=MessengerIntake(good, good, send),
        dialogflow=DialogflowIntake(good, ask or never("a question"), timer),
        alerts=AlertIntake(good, alarms or never("an alert")),
        clock=lambda: now,
    )


def reason(response: dict[str, Any]) -> str:
    """Why a request was refused."""
    assert response["headers"]["content-type"] == "application/json"
    return str(json.loads(response["body"])["error"])
