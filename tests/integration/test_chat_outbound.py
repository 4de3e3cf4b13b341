"""The posters against the chat stand-in over TLS: what Slack and Messenger take, refuse and postpone."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import requests
import trustme
from slack_sdk.models.blocks import Block

import routing
from bellhop.alarms.alarm import AlarmEvent, State
from bellhop.chat import messenger
from bellhop.chat.message import Button, Message
from bellhop.chat.messenger_outbound import MessengerPoster
from bellhop.chat.outbound import SlackPoster, origins
from bellhop.chat.posting import ChatError
from bellhop.chat.slack import escape, message, render
from bellhop.errors import BusyError, RefusedError, UnavailableError
from bellhop.ledger import Outcome
from local.chat.client import ChatClient
from local.chat.server import RunningChat, running_chat
from registry import Answer, Call
from tests.unit.chat_world import CHANNEL, TEAM, Chat, MemoryDesk, entry, envelope
from tests.unit.test_conversation import plugin

TOKEN = "xoxb-1-test"
PAGE_TOKEN = "EAA-1-test"
PAGE, PERSON = "1234", "9876"


class Watch:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Slack:
    """The running stand-in, its control, and a poster that trusts its certificate."""

    running: RunningChat
    control: ChatClient
    session: requests.Session
    watch: Watch

    def poster(self, *, private: str = "127.0.0.1") -> SlackPoster:
        return SlackPoster(origins(f"{self.running.url}/api", self.running.url, private), self.session)

    def messenger(self) -> MessengerPoster:
        return MessengerPoster(self.running.url, self.session, private_hosts="127.0.0.1")

    def mint(self, command: str = "/bellhop status") -> str:
        return self.control.mint(channel="C0OPS", user="U0ANA", command=command).response_url


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return {name: folder / f"{name}.pem" for name in ("certificate", "key", "ca")}


@pytest.fixture
def slack(tls: dict[str, Any]) -> Iterator[Slack]:
    watch = Watch()
    with (
        running_chat(tls["certificate"], tls["key"], TOKEN, now=watch, page_token=PAGE_TOKEN) as running,
        ChatClient(running.url, str(tls["ca"])) as control,
        requests.Session() as session,
    ):
        session.trust_env = False  # or this machine's REQUESTS_CA_BUNDLE comes first
        session.verify = str(tls["ca"])
        yield Slack(running, control, session, watch)


MESSAGE = message("shop/web: 4 -&gt; 6 replicas", context="alarm web-cpu-high")


def test_an_answer_arrives_where_the_command_was_asked(slack: Slack) -> None:
    slack.poster().respond(slack.mint(), MESSAGE | {"response_type": "in_channel"})
    [kept] = slack.control.messages()
    assert (kept["via"], kept["channel"], kept["response_type"]) == ("response_url", "C0OPS", "in_channel")
    assert kept["blocks"] == MESSAGE["blocks"]


def test_no_log_record_carries_the_url_not_even_the_http_clients_at_debug(
    slack: Slack, caplog: pytest.LogCaptureFixture
) -> None:
    url = slack.mint()
    caplog.set_level(logging.DEBUG)
    slack.poster().respond(url, MESSAGE)
    slack.watch.now += timedelta(minutes=30)
    with pytest.raises(RefusedError):
        slack.poster().respond(url, MESSAGE)
    assert url.rpartition("/")[2] not in repr([vars(record) for record in caplog.records])


def test_after_half_an_hour_the_url_is_expired(slack: Slack) -> None:
    url = slack.mint()
    slack.watch.now += timedelta(minutes=30)
    with pytest.raises(RefusedError) as refusal:
        slack.poster().respond(url, MESSAGE)
    assert refusal.value.code == "expired_url"


def test_after_five_answers_the_url_takes_no_more(slack: Slack) -> None:
    url, poster = slack.mint(), slack.poster()
    for _ in range(5):
        poster.respond(url, MESSAGE)
    with pytest.raises(RefusedError) as refusal:
        poster.respond(url, MESSAGE)
    assert refusal.value.code == "expired_url"
    assert len(slack.control.messages()) == 5


def test_another_host_port_or_scheme_is_foreign_and_hears_nothing(slack: Slack) -> None:
    url = slack.mint()
    for foreign in (
        url.replace("127.0.0.1", "localhost"),
        url.replace("https:", "http:"),
        url.replace(f":{slack.running.port}", f":{slack.running.port + 1}"),
        url.replace("https://", "https://x@"),
        "https://hooks.slack.com/commands/T/1/s",
    ):
        with pytest.raises(RefusedError) as refusal:
            slack.poster().respond(foreign, MESSAGE)
        assert refusal.value.code == "ForeignUrl"
    assert slack.control.messages() == []


def test_the_loopback_is_private_unless_it_is_named(slack: Slack) -> None:
    with pytest.raises(RefusedError) as refusal:
        slack.poster(private="").respond(slack.mint(), MESSAGE)
    assert (refusal.value.code, slack.control.messages()) == ("PrivateAddress", [])


def test_a_certificate_of_nobody_known_is_no_slack(slack: Slack) -> None:
    slack.session.verify = True
    with pytest.raises(UnavailableError, match="SSLError") as error:
        slack.poster().respond(slack.mint(), MESSAGE)
    assert slack.running.url not in str(error.value)
    assert slack.control.messages() == []


def test_too_many_requests_are_postponed_by_what_slack_says(slack: Slack) -> None:
    url = slack.mint()
    slack.control.faults("/commands/", 429, retry_after=17)
    with pytest.raises(BusyError) as busy:
        slack.poster().respond(url, MESSAGE)
    assert busy.value.retry_after == 17
    slack.poster().respond(url, MESSAGE)
    assert len(slack.control.messages()) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_slacks_trouble_comes_again(status: int, slack: Slack) -> None:
    slack.control.faults("/commands/", status)
    slack.control.faults("/api/", status)
    with pytest.raises(UnavailableError, match=str(status)):
        slack.poster().respond(slack.mint(), MESSAGE)
    with pytest.raises(UnavailableError, match=str(status)):
        slack.poster().post_message("C0OPS", MESSAGE, token=TOKEN)


def test_an_answer_slack_cannot_read_is_refused_and_not_repeated(slack: Slack) -> None:
    with pytest.raises(RefusedError) as refusal:
        slack.poster().respond(slack.mint(), {"text": "", "blocks": [{"type": "sektion"}]})
    assert refusal.value.code == "answer_refused"


def test_a_notice_arrives_in_its_channel(slack: Slack) -> None:
    slack.poster().post_message("C0OPS", MESSAGE, token=TOKEN)
    [kept] = slack.control.messages()
    assert (kept["via"], kept["channel"], kept["text"]) == ("chat.postMessage", "C0OPS", MESSAGE["text"])


@pytest.mark.parametrize(
    ("channel", "token", "code"),
    [
        ("C0OPS", "xoxb-other", "invalid_auth"),
        ("no channel", TOKEN, "channel_not_found"),
        ("C0OPS", "", "not_authed"),
    ],
)
def test_slacks_no_to_a_notice_has_slacks_word(channel: str, token: str, code: str, slack: Slack) -> None:
    with pytest.raises(ChatError, match=code) as error:
        slack.poster().post_message(channel, MESSAGE, token=token)
    assert (error.value.code, error.value.retryable) == (code, True)
    assert "xoxb" not in str(error.value)
    assert slack.control.messages() == []


def test_a_notice_slack_is_too_busy_for_is_postponed(slack: Slack) -> None:
    slack.control.faults("chat.postMessage", 429, retry_after=3)
    with pytest.raises(BusyError) as busy:
        slack.poster().post_message("C0OPS", MESSAGE, token=TOKEN)
    assert busy.value.retry_after == 3


def test_a_notice_can_be_answered_in_its_thread_and_replaced(slack: Slack) -> None:
    poster = slack.poster()
    ts = poster.post_message("C0OPS", MESSAGE, token=TOKEN)
    poster.post_message("C0OPS", message("more"), token=TOKEN, thread=ts)
    poster.update("C0OPS", ts, message("approved"), token=TOKEN)
    first, reply, edit = slack.control.messages()
    assert (first["ts"], reply["thread_ts"]) == (ts, ts)
    assert (edit["ts"], edit["text"], edit["replaces"]) == (ts, "approved", first["sequence"])
    with pytest.raises(RefusedError) as refusal:
        poster.update("C0OPS", "1.2", message("x"), token=TOKEN)
    assert refusal.value.code == "message_not_found"


def test_an_answer_replaces_the_message_whose_button_was_pressed(slack: Slack) -> None:
    poster = slack.poster()
    ts = poster.post_message(
        "C0OPS", render(Message("sure?", (Button("Yes", "approve 1a2b3c4d"),))), token=TOKEN
    )
    url = slack.control.mint("C0OPS", "U0ANA", "approve 1a2b3c4d", message_ts=ts).response_url
    poster.respond(url, message("approved"), replace=True)
    poster.respond(url, message("and more"))
    asked, replaced, more = slack.control.messages()
    assert asked["blocks"][1]["elements"][0]["value"] == "approve 1a2b3c4d"
    assert (replaced["ts"], replaced["replaces"]) == (ts, asked["sequence"])
    assert more["replaces"] is None


# Messenger


def test_an_answer_arrives_in_messenger_with_its_buttons(slack: Slack) -> None:
    said = Message("*shop/web*: 4 -&gt; 6", (Button("Explain", "explain web -n shop"),))
    for payload in messenger.payloads(said, PERSON):
        slack.messenger().send(PAGE, payload, token=PAGE_TOKEN)
    [kept] = slack.control.messages()
    assert (kept["via"], kept["channel"], kept["text"]) == ("messenger", PERSON, "shop/web: 4 -> 6")
    assert kept["blocks"][1]["elements"][0]["value"] == "explain web -n shop"


def test_who_wrote_last_a_day_ago_is_outside_the_window(slack: Slack) -> None:
    [payload] = messenger.payloads(Message("x"), "late-1")
    with pytest.raises(RefusedError) as refusal:
        slack.messenger().send(PAGE, payload, token=PAGE_TOKEN)
    assert (refusal.value.code, slack.control.messages()) == ("OutsideWindow", [])


@pytest.mark.parametrize("token", ["", "EAA-other"])
def test_a_wrong_page_token_has_graphs_number(token: str, slack: Slack) -> None:
    [payload] = messenger.payloads(Message("x"), PERSON)
    with pytest.raises(ChatError) as error:
        slack.messenger().send(PAGE, payload, token=token)
    assert (error.value.code, slack.control.messages()) == ("190", [])


def test_messengers_trouble_comes_again(slack: Slack) -> None:
    [payload] = messenger.payloads(Message("x"), PERSON)
    slack.control.faults("/v25.0/", 429, retry_after=17)
    slack.control.faults("/v25.0/", 503)
    with pytest.raises(BusyError) as busy:
        slack.messenger().send(PAGE, payload, token=PAGE_TOKEN)
    assert busy.value.retry_after == 17
    with pytest.raises(UnavailableError):
        slack.messenger().send(PAGE, payload, token=PAGE_TOKEN)
    slack.messenger().send(PAGE, payload, token=PAGE_TOKEN)


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": {"text": "x" * 2001}},
        {"message": {"text": ""}},
        {"message": {"text": "x", "quick_replies": [{"content_type": "text", "title": "x"}]}},
        {"messaging_type": "UPDATE"},
        {"tag": "ACCOUNT_UPDATE"},
    ],
)
def test_what_graph_would_refuse_the_stand_in_refuses(wrong: dict[str, Any], slack: Slack) -> None:
    [payload] = messenger.payloads(Message("x"), PERSON)
    with pytest.raises(ChatError) as error:
        slack.messenger().send(PAGE, payload | wrong, token=PAGE_TOKEN)
    assert (error.value.code, slack.control.messages()) == ("100", [])


@pytest.mark.parametrize("text", ["x" * 50_000, "\U0001f600" * 5000, "\n" * 5000, "a b " * 9000, ""])
def test_messenger_takes_every_message_there_is(text: str, slack: Slack) -> None:
    buttons = tuple(Button(text[:90], command) for command in (text, "help") for _ in range(9))
    for payload in messenger.payloads(Message(text, buttons, text), PERSON):
        slack.messenger().send(PAGE, payload, token=PAGE_TOKEN)
    assert slack.control.messages()


# Every message that Bellhop can say, however long and hostile its parts

HOSTILE = {
    "plain": "shop/web",
    "empty": "",
    "mention": "<!channel> <@U123> @here",
    "link": "<https://evil.example|click me>",
    "markup": "*b* _i_ ~s~ `c` ```p``` > q\n• l",
    "control": "a\x00b\x1b[31m\u202ec\u200b",
    "emoji": "😀" * 5000,
    "entities": "&" * 5000,
    "brackets": "<>" * 5000,
    "lines": "\n" * 5000,
    "long": "x" * 50_000,
}


def every_message(text: str) -> Iterator[dict[str, Any]]:
    for outcome in Outcome:
        fields = dict.fromkeys(("summary", "because", "actor", "reason"), text)
        yield render(routing.render(entry(outcome=outcome, **fields)))
    for state in State:
        arn = "arn:aws:cloudwatch:eu-west-1:1:alarm:x"
        event = AlarmEvent(arn, text, state, datetime(2026, 1, 1, tzinfo=UTC), text)
        yield render(routing.render_own_alarm(event))
    yield message(f"said: {escape(text)}", context=escape(text))
    desk = MemoryDesk(found=([], [text] * 60), entries=[entry(summary=text, actor=text)] * 5)
    for command in (
        "",
        "help",
        "help scale",
        "status",
        "policies",
        "scale web 5",
        "scale",
        text,
        f"help '{text}'",
    ):
        yield rendered(Chat(desk=desk).conversation.execute(envelope(command)))
    asked = envelope("status", user=text, workspace=TEAM, channel=CHANNEL)
    yield rendered(Chat().conversation.execute(asked))

    def run(_: Call) -> Answer:
        raise RefusedError("Hostile", text or "no")

    yield rendered(Chat(commands=plugin(run)).conversation.execute(envelope("try")))


def rendered(said: dict[str, Any]) -> dict[str, Any]:
    return render(msgspec.convert(said, Message))


@pytest.mark.parametrize("case", HOSTILE)
def test_slack_takes_every_message_there_is(case: str, slack: Slack) -> None:
    said = list(every_message(HOSTILE[case]))
    poster = slack.poster()
    for each in said:
        for block in Block.parse_all(each["blocks"]):
            assert block.to_dict()
        poster.respond(slack.mint(), each)
        poster.post_message("C0OPS", each, token=TOKEN)
        shown = json.dumps(each)
        assert "<!channel>" not in shown
        assert "<https:" not in shown
    assert len(slack.control.messages()) == 2 * len(said)
