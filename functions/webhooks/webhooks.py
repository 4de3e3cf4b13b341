"""The door: verify, normalise, hand on, answer. It imports neither boto3, Powertools nor requests (a test
holds it to that): a person is waiting, and Slack for 3 seconds only.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import alert_intake
import dialogflow_intake
import messenger_intake
import slack_intake
from alert_intake import AlertIntake
from bellhop import http_api, logs, settings, signed
from bellhop.errors import BellhopError, UnavailableError
from bellhop.http_api import Refusal, Request, Response
from bellhop.parameters import Parameters
from commands_queue import CommandsQueue
from dialogflow_intake import DialogflowIntake
from messenger_intake import MessengerIntake
from slack_intake import SlackIntake

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

log = logging.getLogger("bellhop.webhooks")
logs.configure()


class Serve(Protocol):
    """Serves a request of one path and method. now: seconds since the epoch."""

    def __call__(self, request: Request, *, now: float) -> Response: ...


@dataclass(frozen=True, slots=True)
class Place:
    """What is served at a path, by method. largest_body: bytes."""

    largest_body: int
    methods: dict[str, Serve]


_NOWHERE = Place(slack_intake.LARGEST_BODY, {})


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of this function; template.yaml sets it. Of secrets, the parameters' names."""

    commands_queue_url: str
    commands_function: str
    alarms_queue_url: str
    slack_signing_secret: str
    messenger_app_secret: str
    messenger_verify_token: str
    dialogflow_token: str
    alerts_token: str


@dataclass(frozen=True, slots=True)
class Door:
    """What is behind the door, by sender. clock: seconds since the epoch."""

    slack: SlackIntake
    messenger: MessengerIntake
    dialogflow: DialogflowIntake
    alerts: AlertIntake
    clock: Callable[[], float] = time.time

    def answer(self, event: dict[str, Any]) -> Response:
        """Serve one request. Bad input is a 4xx with its reason; only Bellhop's own trouble is a 503."""
        try:
            place = self.places().get(str(event.get("rawPath")), _NOWHERE)
            request = http_api.read(event, largest_body=place.largest_body)
            return _serving(place, request.method)(request, now=self.clock())
        except Refusal as refusal:
            facts = {"status": refusal.status, "reason": refusal.reason, "path": event.get("rawPath")}
            log.warning("request.refused", extra=facts)
            return http_api.refused(refusal)
        except BellhopError as error:
            log.error("request.failed", extra={"code": error.code, "because": str(error)})  # noqa: TRY400
            return http_api.refused(Refusal(503, "try again in a moment"))

    def places(self) -> dict[str, Place]:
        """By path."""
        return {
            "/slack/commands": Place(slack_intake.LARGEST_BODY, {"POST": self.slack.command}),
            "/slack/interactions": Place(slack_intake.LARGEST_BODY, {"POST": self.slack.interaction}),
            "/slack/events": Place(slack_intake.LARGEST_BODY, {"POST": self.slack.event}),
            "/messenger": Place(
                messenger_intake.LARGEST_BODY,
                {"GET": self.messenger.verification, "POST": self.messenger.batch},
            ),
            "/dialogflow/es": Place(dialogflow_intake.LARGEST_BODY, {"POST": self.dialogflow.es}),
            "/dialogflow/cx": Place(dialogflow_intake.LARGEST_BODY, {"POST": self.dialogflow.cx}),
            "/alerts/alertmanager": Place(alert_intake.LARGEST_BODY, {"POST": self.alerts.from_alertmanager}),
            "/alerts/grafana": Place(alert_intake.LARGEST_BODY, {"POST": self.alerts.from_grafana}),
        }


def _serving(place: Place, method: str) -> Serve:
    if serve := place.methods.get(method):
        return serve
    if place.methods:
        raise Refusal(405, f"only {' and '.join(place.methods)}")
    raise Refusal(404, "no such path")


@functools.cache
def door() -> Door:
    chosen = settings.read(Settings, os.environ)
    sqs = signed.SignedClient("sqs", target_prefix="AmazonSQS", version="1.0")
    ssm = signed.SignedClient("ssm", target_prefix="AmazonSSM", version="1.1")
    functions = signed.SignedConnection("lambda")
    parameters = Parameters(lambda name: signed.fetch_parameter(ssm, name), time.monotonic)

    def call_sqs(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            return sqs.call(operation, request)
        except signed.AwsError as error:
            raise UnavailableError(f"{request['QueueUrl'].rpartition('/')[2]}: {error}") from error

    def send_alerts(body: str) -> None:
        call_sqs("SendMessage", {"QueueUrl": chosen.alarms_queue_url, "MessageBody": body})

    def ask(envelope: dict[str, Any], seconds: float) -> dict[str, Any]:
        question = {"dialogflow": envelope}
        return signed.invoke(functions, chosen.commands_function, question, seconds=seconds)

    def secret(name: str) -> Callable[[Callable[[str], bool]], bool]:
        return lambda test: parameters.accepts(name, test)

    commands = CommandsQueue(chosen.commands_queue_url, call_sqs)
    return Door(
        slack=SlackIntake(secret(chosen.slack_signing_secret), commands.send),
        messenger=MessengerIntake(
            secret_accepts=secret(chosen.messenger_app_secret),
            token_accepts=secret(chosen.messenger_verify_token),
            send=commands.send,
        ),
        dialogflow=DialogflowIntake(secret(chosen.dialogflow_token), ask),
        alerts=AlertIntake(secret(chosen.alerts_token), send_alerts),
    )


def handler(event: dict[str, Any], context: LambdaContext) -> Response:  # noqa: ARG001  Lambda's signature
    """HTTP API event -> response."""
    return door().answer(event)
