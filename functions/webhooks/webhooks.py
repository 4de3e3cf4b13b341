"""The door: verify, normalise, hand on, answer. It imports neither boto3, Powertools nor requests (a test
holds it to that): a person is waiting, and Slack for 3 seconds only.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import alert_intake
import slack_commands
import slack_signature
from alert_intake import AlertIntake
from bellhop import http_api, logs, settings, signed
from bellhop.errors import BellhopError, UnavailableError
from bellhop.http_api import Refusal, Request, Response
from bellhop.parameters import Parameters

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

log = logging.getLogger("bellhop.webhooks")
logs.configure()

#: Slack's commands are a few kilobytes. A byte becomes 6 at most in the envelope's JSON, and SQS takes 1 MiB.
LARGEST_BODY = 128 * 1024
#: By path, each of which knows POST only.
_LARGEST = {
    "/slack/commands": LARGEST_BODY,
    "/alerts/alertmanager": alert_intake.LARGEST_BODY,
    "/alerts/grafana": alert_intake.LARGEST_BODY,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of this function; template.yaml sets it."""

    commands_queue_url: str
    slack_signing_secret: str  # the parameter's name, not the secret
    alarms_queue_url: str
    alerts_token: str  # likewise


@dataclass(frozen=True, slots=True)
class Door:
    """What the door needs. send: (body, group, deduplication id) to CommandsQueue. alerts: None has none taken."""

    slack_secret_accepts: Callable[[Callable[[str], bool]], bool]
    send: Callable[[str, str, str], None]
    clock: Callable[[], float] = time.time
    alerts: AlertIntake | None = None

    def answer(self, event: dict[str, Any]) -> Response:
        """Serve one request. Bad input is a 4xx with its reason; only Bellhop's own trouble is a 503."""
        try:
            largest = _LARGEST.get(str(event.get("rawPath")), LARGEST_BODY)
            return self._serve(http_api.read(event, largest_body=largest))
        except Refusal as refusal:
            facts = {"status": refusal.status, "reason": refusal.reason, "path": event.get("rawPath")}
            log.warning("request.refused", extra=facts)
            return http_api.refused(refusal)
        except BellhopError as error:
            log.error("request.failed", extra={"code": error.code, "because": str(error)})  # noqa: TRY400
            return http_api.refused(Refusal(503, "try again in a moment"))

    def _serve(self, request: Request) -> Response:
        if request.path in _LARGEST and request.method != "POST":
            raise Refusal(405, "only POST")
        match request.path:
            case "/slack/commands":
                return self._slack_command(request)
            case "/alerts/alertmanager" if self.alerts:
                return self.alerts.from_alertmanager(request, now=self.clock())
            case "/alerts/grafana" if self.alerts:
                return self.alerts.from_grafana(request, now=self.clock())
            case _:
                raise Refusal(404, "no such path")

    def _slack_command(self, request: Request) -> Response:
        now = self.clock()
        slack_signature.verify(request, self.slack_secret_accepts, now=now)
        envelope = slack_commands.envelope(request, received_at=now)
        if envelope is not None:
            self.send(json.dumps(envelope), slack_commands.group(envelope), envelope["id"])
            log.info("command.accepted", extra={"id": envelope["id"], "correlation": request.id})
        return http_api.empty()


@functools.cache
def door() -> Door:
    chosen = settings.read(Settings, os.environ)
    sqs = signed.SignedClient("sqs", target_prefix="AmazonSQS", version="1.0")
    ssm = signed.SignedClient("ssm", target_prefix="AmazonSSM", version="1.1")
    parameters = Parameters(lambda name: signed.fetch_parameter(ssm, name), time.monotonic)

    def send(url: str, message: dict[str, str]) -> None:
        try:
            sqs.call("SendMessage", {"QueueUrl": url, **message})
        except signed.AwsError as error:
            raise UnavailableError(f"{url.rpartition('/')[2]}: {error}") from error

    def send_command(body: str, group: str, deduplication_id: str) -> None:
        message = {"MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": deduplication_id}
        send(chosen.commands_queue_url, message)

    alerts = AlertIntake(
        token_accepts=lambda test: parameters.accepts(chosen.alerts_token, test),
        send=lambda body: send(chosen.alarms_queue_url, {"MessageBody": body}),
    )
    return Door(
        slack_secret_accepts=lambda test: parameters.accepts(chosen.slack_signing_secret, test),
        send=send_command,
        alerts=alerts,
    )


def handler(event: dict[str, Any], context: LambdaContext) -> Response:  # noqa: ARG001  Lambda's signature
    """HTTP API event -> response."""
    return door().answer(event)
