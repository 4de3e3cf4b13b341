"""What people and dashboards read over HTTP: /health, and /activity with a bearer token."""

from __future__ import annotations

import functools
import hmac
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bellhop import activity, http_api, logs, settings, signed
from bellhop.errors import BellhopError, InvalidInputError
from bellhop.http_api import Refusal, Request, Response

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

log = logging.getLogger("bellhop.api")
logs.configure()

_DEFAULT_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of this function; template.yaml sets it."""

    ledger_table: str
    api_token: str  # the parameter's name, not the token


@dataclass(frozen=True, slots=True)
class Api:
    """token: the one that is good now, read for each request, so that revoking it works at once.
    query: a DynamoDB Query request -> its answer."""

    token: Callable[[], str | None]
    query: Callable[[dict[str, Any]], dict[str, Any]]
    table: str

    def answer(self, event: dict[str, Any]) -> Response:
        """Serve one request. Bad input is a 4xx with its reason; only Bellhop's own trouble is a 503."""
        try:
            request = http_api.read(event, largest_body=0)
            return self._route(request)
        except Refusal as refusal:
            return http_api.refused(refusal)
        except InvalidInputError as error:
            return http_api.refused(Refusal(400, str(error)))
        except BellhopError as error:
            log.error("request.failed", extra={"code": error.code, "because": str(error)})  # noqa: TRY400
            return http_api.refused(Refusal(503, "try again in a moment"))

    def _route(self, request: Request) -> Response:
        match request.path, request.method:
            case "/health", "GET":
                return http_api.json_answer({"status": "ok"})
            case "/activity", "GET":
                self._authorise(request)
                return self._activity(request.query)
            case (("/health" | "/activity"), _):
                raise Refusal(405, "only GET")
            case _:
                raise Refusal(404, "no such path")

    def _authorise(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given or not given.isascii():
            raise Refusal(401, "a bearer token is needed: Authorization: Bearer TOKEN")
        token = self.token()
        if token is None or not hmac.compare_digest(given.encode(), token.encode()):
            raise Refusal(401, "that token is not good")

    def _activity(self, asked: dict[str, str]) -> Response:
        if unknown := asked.keys() - {"limit", "subject", "cursor"}:
            raise Refusal(400, f"unknown: {', '.join(sorted(unknown))}; known: cursor, limit, subject")
        limit = asked.get("limit", str(_DEFAULT_LIMIT))
        if not (limit.isascii() and limit.isdecimal() and len(limit) <= 3):
            raise Refusal(400, f"limit is a whole number from 1 to {activity.MOST}")
        request = activity.query(
            self.table, limit=int(limit), subject=asked.get("subject"), cursor=asked.get("cursor")
        )
        entries, cursor = activity.page(self.query(request))
        return http_api.json_answer({"entries": [activity.as_json(e) for e in entries], "next": cursor})


@functools.cache
def api() -> Api:
    chosen = settings.read(Settings, os.environ)
    ssm = signed.SignedClient("ssm", target_prefix="AmazonSSM", version="1.1")
    dynamodb = signed.SignedClient("dynamodb", target_prefix="DynamoDB_20120810", version="1.0")

    def query(request: dict[str, Any]) -> dict[str, Any]:
        try:
            return dynamodb.call("Query", request)
        except signed.AwsError as error:
            if error.code == "ValidationException":
                raise InvalidInputError("that cursor or subject is not one this API gave") from error
            raise

    return Api(lambda: signed.fetch_parameter(ssm, chosen.api_token), query, chosen.ledger_table)


def handler(event: dict[str, Any], context: LambdaContext) -> Response:  # noqa: ARG001  Lambda's signature
    """HTTP API event -> response."""
    return api().answer(event)
