"""The function that tells people: ledger entries and Bellhop's own alarms become chat messages."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import requests

import inbox
import routing
from bellhop import aws, ledger, logs, messages, settings
from bellhop.alarms.alarm import AlarmEvent
from bellhop.chat import messenger, slack
from bellhop.chat.message import Message
from bellhop.chat.messenger_outbound import MessengerPoster
from bellhop.chat.outbound import SlackPoster, origins
from bellhop.chat.replies import DynamoReplies, Replies
from bellhop.errors import BellhopError, RefusedError
from bellhop.ledger import Entry
from bellhop.once import Once
from bellhop.parameters import Parameters
from routing import Answer, Channel, Destination, Private

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

log = logging.getLogger("bellhop.notifications")
logs.configure()

#: What is logged when Messenger takes no more for a person, by why.
_NOBODY_TOLD = {"OutsideWindow": "notice.outside_window", "PersonGone": "notice.refused"}


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of this function; template.yaml sets it."""

    aws_region: str
    notifications_document: str  # the parameters' names
    slack_bot_token: str
    messenger_page_token: str
    state_table: str
    dead_letter_url: str
    slack_api_url: str
    slack_hooks_url: str
    graph_api_url: str
    private_hosts: str = ""


@dataclass(frozen=True, slots=True)
class Notifier:
    """Tells each destination once. Posting again after a crash between the post and its record is possible:
    a notice twice is better than none."""

    parameters: Parameters
    replies: Replies
    slack: SlackPoster
    messenger: MessengerPoster
    once: Callable[[str, str, Callable[[], None]], None]
    settings: Settings
    clock: Callable[[], datetime] = ledger.now

    def tell(self, news: Entry | AlarmEvent) -> None:
        """Post everything the news calls for. Raises a retryable BellhopError when it must come again."""
        routes = routing.parse_routes(self.parameters.get(self.settings.notifications_document))
        if isinstance(news, AlarmEvent):
            if routes.slack:
                self._to_channel(Channel(routes.slack.channel), news.id, routing.render_own_alarm(news))
            return
        now = self.clock()
        asked = self.replies.find(news.asked_in, now=now) if news.asked_in else None
        if news.asked_in and asked is None:
            log.warning("notice.nowhere", extra={"entry": news.id})
        if because := routing.withheld(news, routes, now=now):
            log.info("notice.withheld", extra={"entry": news.id, "because": because})
        message = routing.render(news, link=routes.link(news))
        failures: list[BellhopError] = []
        for destination in routing.destinations(news, routes, asked, now=now):
            try:
                self._to(destination, news.id, message)
            except BellhopError as error:  # who can be told is told, whoever else cannot
                failures.append(error)
        if failures:
            raise failures[0]

    def _to(self, destination: Destination, id: str, message: Message) -> None:
        match destination:
            case Answer():
                self._answer(destination, id, message)
            case Channel():
                self._to_channel(destination, id, message)
            case Private():
                self._to_person(destination, id, message)

    def _answer(self, where: Answer, id: str, message: Message) -> None:
        """At the response_url, or in the channel when Slack takes no more answers there."""

        def post() -> None:
            try:
                told: dict[str, Any] = slack.render(message) | {"response_type": "in_channel"}
                if where.thread is not None:
                    told["thread_ts"] = where.thread
                self.slack.respond(where.response_url, told)
            except RefusedError as refusal:
                log.warning("notice.refused", extra={"entry": id, "code": refusal.code})
                self._to_channel(Channel(where.channel, where.thread), id, message)

        self.once("notice-answer", id, post)

    def _to_channel(self, where: Channel, id: str, message: Message) -> None:
        def post() -> None:
            token = self.parameters.require(self.settings.slack_bot_token)
            self.slack.post_message(where.id, slack.render(message), token=token, thread=where.thread)
            log.info("notice.posted", extra={"entry": id, "channel": where.id})

        self.once("notice-channel", f"{id}:{where.id}", post)

    def _to_person(self, where: Private, id: str, message: Message) -> None:
        """Each of its messages once. After the person's 24 hours nobody is told; the ledger has it."""
        for number, payload in enumerate(messenger.payloads(message, where.person)):

            def post(payload: dict[str, Any] = payload) -> None:
                token = self.parameters.require(self.settings.messenger_page_token)
                try:
                    self.messenger.send(where.page, payload, token=token)
                except RefusedError as refusal:
                    if refusal.code not in _NOBODY_TOLD:
                        raise
                    log.warning(_NOBODY_TOLD[refusal.code], extra={"entry": id, "code": refusal.code})

            self.once("notice-messenger", f"{id}:{number}", post)


@cache
def wired() -> tuple[Settings, Parameters, Replies, SlackPoster, MessengerPoster, Once]:
    chosen = settings.read(Settings, os.environ)
    dynamodb = aws.client("dynamodb")
    return (
        chosen,
        Parameters(aws.fetch_parameter, time.monotonic),
        DynamoReplies(dynamodb, chosen.state_table),
        SlackPoster(
            origins(chosen.slack_api_url, chosen.slack_hooks_url, chosen.private_hosts), requests.Session()
        ),
        MessengerPoster(chosen.graph_api_url, requests.Session(), private_hosts=chosen.private_hosts),
        Once(dynamodb, chosen.state_table),
    )


def handler(event: dict[str, Any], context: LambdaContext) -> messages.BatchResponse:
    """SQS batch of stream records and own alarms -> partial batch response."""
    chosen, parameters, replies, to_slack, to_messenger, once = wired()
    notifier = Notifier(
        parameters,
        replies,
        to_slack,
        to_messenger,
        lambda purpose, key, work: once.run(purpose, key, work, context),
        chosen,
    )

    def tell(record: messages.Record) -> None:
        news = inbox.read(record["body"], region=chosen.aws_region)
        if news is not None:
            notifier.tell(news)

    return messages.process_batch(
        event, each=tell, queue=messages.SqsQueue(aws.client("sqs"), chosen.dead_letter_url)
    )
