"""Slack's requests, people, and what the chat functions work with, in memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec

from answering import Answering
from approvals import Proposal
from bellhop.chat.access import Access, parse_access
from bellhop.chat.envelope import Envelope
from bellhop.chat.replies import Address
from bellhop.errors import BellhopError
from bellhop.jobs.request import Asked, Cancel
from bellhop.ledger import Entry, Outcome
from bellhop.scaling.policy import Policy
from bellhop.scaling.request import Request
from bellhop.scaling.status import Pause
from conversation import Conversation
from rate_limits import Count
from registry import Command, registered

EVENTS = Path(__file__).parents[2] / "events/slack"

#: Slack's published sample; every event in the folder is signed with it at that time.
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SIGNED_AT = 1531420618

TEAM, CHANNEL = "T024BE7LD", "C024BE91L"
ANA, VIC, ADA, STRANGER = "U2147483697", "U0VIC", "U0ADA", "U0NOBODY"
RESPONSE_URL = "https://hooks.slack.com/commands/T024BE7LD/9136587246804/lZ6xT0EmGEPq2FqAGgCCSGqC"
ACCESS = {
    "persons": {
        "ana": {"ids": [f"slack:{TEAM}/{ANA}"], "roles": ["operator"]},
        "vic": {"ids": [f"slack:{TEAM}/{VIC}"], "roles": ["viewer"]},
        "ada": {"ids": [f"slack:{TEAM}/{ADA}"], "roles": ["admin"]},
    }
}
WHEN = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def recorded(name: str) -> dict[str, Any]:
    """The event in events/slack/NAME.json."""
    return dict(json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8")))


def slack_signature(body: bytes, timestamp: str, secret: str = SECRET) -> str:
    signed = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def form(text: str = "status", **fields: str) -> bytes:
    """A slash command's body."""
    given = {
        "team_id": TEAM,
        "channel_id": CHANNEL,
        "user_id": ANA,
        "command": "/bellhop",
        "text": text,
        "response_url": RESPONSE_URL,
        "trigger_id": "1.2.3",
    }
    return urlencode(given | fields).encode()


def http_event(
    body: bytes,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
    path: str = "/slack/commands",
    query: str = "",
) -> dict[str, Any]:
    """An HTTP API event, base64 as API Gateway makes it of forms."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": dict(headers),
        "requestContext": {"requestId": "req-1", "http": {"method": method, "path": path}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def slash_event(body: bytes, *, timestamp: str = str(SIGNED_AT), secret: str = SECRET) -> dict[str, Any]:
    """A signed slash command."""
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": slack_signature(body, timestamp, secret),
    }
    return http_event(body, headers)


def envelope(text: str, *, user: str = ANA, id: str = "e1", **fields: Any) -> Envelope:
    given: dict[str, Any] = {
        "id": id,
        "platform": "slack",
        "workspace": TEAM,
        "user": user,
        "channel": CHANNEL,
        "text": text,
        "received_at": WHEN.timestamp(),
        "correlation": "req-1",
        "response_url": RESPONSE_URL,
    }
    return Envelope(**(given | fields))


def asked_from(response_url: str | None = RESPONSE_URL, channel: str = CHANNEL, **fields: Any) -> Address:
    """Where Ana asks: in Slack, unless said otherwise."""
    given: dict[str, Any] = {"platform": "slack", "workspace": TEAM, "user": ANA}
    return Address(**(given | {"channel": channel, "response_url": response_url} | fields))


def entry(id: str = "0123456789abcdef", **fields: Any) -> Entry:
    given: dict[str, Any] = {
        "id": id,
        "at": WHEN,
        "flow": "scaling",
        "action": "scale",
        "outcome": Outcome.DONE,
        "subject": "shop/web",
        "actor": "alarm web-cpu-high",
        "summary": "shop/web: 4 -> 6 replicas",
        "reason": "DesiredWithinRange",
        "because": "CPUUtilization 86 of 60 over 4 pods asks for 6",
        "cause": "c1",
        "correlation": "c1",
    }
    return Entry(**(given | fields))


@dataclass
class MemoryLedger:
    entries: dict[str, Entry] = field(default_factory=dict)

    def record(self, entry: Entry) -> bool:
        return self.entries.setdefault(entry.id, entry) is entry

    def only(self) -> Entry:
        [found] = self.entries.values()
        return found


@dataclass
class MemoryReplies:
    kept: dict[str, Address] = field(default_factory=dict)

    def keep(self, id: str, address: Address, *, asked_at: datetime) -> None:
        self.kept[id] = address

    def find(self, id: str, *, now: datetime) -> Address | None:
        return self.kept.get(id)


@dataclass
class MemoryApprovals:
    """races: called before a write, to be faster than it."""

    kept: dict[str, str] = field(default_factory=dict)
    races: list[Callable[[], object]] = field(default_factory=list)

    def find(self, id: str) -> Proposal | None:
        found = self.kept.get(id)
        return None if found is None else msgspec.json.decode(found, type=Proposal)

    def put(self, proposal: Proposal, *, instead_of: Proposal | None) -> bool:
        if self.races:
            self.races.pop(0)()
        seen = None if instead_of is None else msgspec.json.encode(instead_of).decode()
        if self.kept.get(proposal.id) != seen:
            return False
        self.kept[proposal.id] = msgspec.json.encode(proposal).decode()
        return True

    def only(self) -> Proposal:
        [id] = self.kept
        found = self.find(id)
        assert found is not None
        return found


@dataclass
class MemoryRates:
    """failures: raised instead of counting, one each."""

    counts: dict[tuple[str, datetime], Count] = field(default_factory=dict)
    failures: list[BellhopError] = field(default_factory=list)
    latest: dict[tuple[str, datetime], str] = field(default_factory=dict)

    def add(self, person: str, minute: datetime, *, id: str, change: bool) -> Count:
        if self.failures:
            raise self.failures.pop(0)
        if self.latest.get((person, minute)) == id:
            return self.counts[person, minute]
        self.latest[person, minute] = id
        before = self.counts.get((person, minute), Count(0, 0))
        self.counts[person, minute] = Count(before.commands + 1, before.changes + change)
        return self.counts[person, minute]


@dataclass
class MemoryDesk:
    """fresh: for each list of policies whether it had to be read now."""

    default_namespace: str = "default"
    found: tuple[list[Policy], list[str]] = ((), ())  # type: ignore[assignment]
    entries: list[Entry] = field(default_factory=list)
    pause: Pause | None = None
    handed: list[Request] = field(default_factory=list)
    fresh: list[bool] = field(default_factory=list)
    jobs: list[Asked | Cancel] = field(default_factory=list)
    views: Any = None

    def policies(self, *, fresh: bool = False) -> tuple[list[Policy], list[str]]:
        self.fresh.append(fresh)
        return list(self.found[0]), list(self.found[1])

    def paused(self) -> Pause | None:
        return self.pause

    def recent(self, limit: int) -> list[Entry]:
        return self.entries[:limit]

    def hand_to_scaling(self, request: Request) -> None:
        self.handed.append(request)

    def hand_to_jobs(self, request: Asked | Cancel) -> None:
        self.jobs.append(request)


@dataclass
class MemoryResponder:
    """The platforms' ends: where was posted, and what."""

    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failures: list[BellhopError] = field(default_factory=list)

    def respond(self, response_url: str, message: dict[str, Any], *, replace: bool = False) -> None:
        self._post(response_url, message)

    def post_message(
        self, channel: str, message: dict[str, Any], *, token: str, thread: str | None = None
    ) -> str:
        self._post(f"{channel}/{thread}", message)
        return "1.0"

    def send(self, page: str, payload: dict[str, Any], *, token: str) -> None:
        self._post(f"{page}/{payload['recipient']['id']}", payload)

    def _post(self, where: str, message: dict[str, Any]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.posts.append((where, message))


@dataclass
class MemoryOnce:
    """`bellhop.once.Once`, results through JSON as there."""

    results: dict[tuple[str, str], str] = field(default_factory=dict)

    def run[T](self, purpose: str, id: str, work: Callable[[], T], context: object = None) -> T:
        if (purpose, id) not in self.results:
            self.results[purpose, id] = json.dumps(work())
        result: T = json.loads(self.results[purpose, id])
        return result


@dataclass
class Chat:
    """A conversation and all that it touches."""

    commands: Mapping[str, Command] = field(default_factory=registered)
    access: Callable[[], Access] = lambda: parse_access(json.dumps(ACCESS))
    desk: MemoryDesk = field(default_factory=MemoryDesk)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    replies: MemoryReplies = field(default_factory=MemoryReplies)
    approvals: MemoryApprovals = field(default_factory=MemoryApprovals)
    rates: MemoryRates = field(default_factory=MemoryRates)
    responder: MemoryResponder = field(default_factory=MemoryResponder)
    clock: Callable[[], datetime] = lambda: WHEN

    @property
    def conversation(self) -> Conversation:
        return Conversation(
            commands=self.commands,
            access=self.access,
            desk=self.desk,
            ledger=self.ledger,
            replies=self.replies,
            approvals=self.approvals,
            rates=self.rates,
            answering=Answering(self.responder, self.responder, lambda: "bot", lambda: "page"),
            clock=self.clock,
        )

    def ask(self, text: str, **fields: Any) -> str:
        """What is said to `text`."""
        return said(self.conversation.execute(envelope(text, **fields)))


def said(message: dict[str, Any]) -> str:
    return str(message["text"])


def texts(value: object) -> Iterator[str]:
    """Every string in a JSON document, names included."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value
