"""The chat stand-in as Slack's own client libraries see it, and its own calls."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
import trustme
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.webhook import WebhookClient

from local.chat.client import ChatClient
from local.chat.server import RunningChat, running_chat

TOKEN = "xoxb-1-test"


class Watch:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True)
class Files:
    certificate: Path
    key: Path
    ca: str

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("tls")
    made = Files(folder / "certificate.pem", folder / "key.pem", str(folder / "ca.pem"))
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    issued.cert_chain_pems[0].write_to_path(made.certificate)
    issued.private_key_pem.write_to_path(made.key)
    authority.cert_pem.write_to_path(made.ca)
    return made


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def chat(files: Files, watch: Watch) -> Iterator[RunningChat]:
    with running_chat(files.certificate, files.key, TOKEN, now=watch) as running:
        yield running


@pytest.fixture
def client(chat: RunningChat, files: Files) -> Iterator[ChatClient]:
    with ChatClient(chat.url, files.ca) as made:
        yield made


def slack(chat: RunningChat, files: Files, token: str | None = TOKEN) -> WebClient:
    return WebClient(token, base_url=f"{chat.url}/api/", ssl=files.trusting(), timeout=10)


def webhook(url: str, files: Files) -> WebhookClient:
    return WebhookClient(url, ssl=files.trusting(), timeout=10)


@pytest.fixture
def web(chat: RunningChat, files: Files) -> WebClient:
    return slack(chat, files)


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


# Slack's side: the Web API


def test_the_bot_learns_who_it_is(web: WebClient) -> None:
    answer = web.auth_test()
    assert (answer["team_id"], answer["user_id"]) == ("T0LOCAL", "U0BELLHOP")


@pytest.mark.parametrize(("token", "error"), [(None, "not_authed"), ("xoxb-other", "invalid_auth")])
def test_a_missing_and_a_wrong_token_are_told_apart(
    chat: RunningChat, files: Files, token: str | None, error: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        slack(chat, files, token).auth_test()
    assert (refused.value.response.status_code, refused.value.response["error"]) == (200, error)


def test_a_posted_message_comes_back_and_is_kept(web: WebClient, client: ChatClient) -> None:
    blocks = [section("*web* is at 3")]
    parent = web.chat_postMessage(channel="C0OPS", text="web is at 3", blocks=blocks)
    reply = web.chat_postMessage(channel="C0OPS", text="and 4", thread_ts=parent["ts"])
    assert parent["ts"] == "1767323045.000000"
    assert parent["message"]["blocks"] == blocks
    assert reply["message"]["thread_ts"] == parent["ts"]
    first, second = client.messages()
    assert first == {
        "sequence": 1,
        "received_at": "2026-01-02T03:04:05+00:00",
        "via": "chat.postMessage",
        "channel": "C0OPS",
        "user": None,
        "text": "web is at 3",
        "blocks": blocks,
        "response_type": "in_channel",
        "ts": parent["ts"],
        "thread_ts": None,
        "for": None,
        "reply_to": None,
        "replaces": None,
        "deleted": False,
    }
    assert (second["ts"], second["thread_ts"]) == (reply["ts"], parent["ts"])
    assert float(second["ts"]) > float(first["ts"])


def test_a_form_is_as_good_as_json(chat: RunningChat, files: Files, client: ChatClient) -> None:
    form = {"token": TOKEN, "channel": "C0OPS", "text": "é & ü", "blocks": json.dumps([section("x")])}
    answer = requests.post(f"{chat.url}/api/chat.postMessage", data=form, verify=files.ca, timeout=10).json()
    assert answer["ok"]
    assert [(each["text"], each["blocks"]) for each in client.messages()] == [("é & ü", [section("x")])]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": "x"}, "channel_not_found"),
        ({"channel": "C 0", "text": "x"}, "channel_not_found"),
        ({"channel": "C0OPS"}, "no_text"),
        ({"channel": "C0OPS", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C0OPS", "text": "x", "blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"channel": "C0OPS", "text": "x", "blocks": [section("x")] * 51}, "invalid_blocks"),
        ({"channel": "C0OPS", "text": "x", "blocks": "[{"}, "invalid_blocks_format"),
    ],
)
def test_the_vendors_client_raises_what_slack_would_refuse(
    web: WebClient, client: ChatClient, arguments: dict[str, Any], error: str
) -> None:
    with pytest.raises(SlackApiError) as refused:
        web.api_call("chat.postMessage", json=arguments)
    assert (refused.value.response.status_code, refused.value.response["error"]) == (200, error)
    assert client.messages() == []


def test_refused_blocks_are_told_with_their_place(web: WebClient) -> None:
    with pytest.raises(SlackApiError) as refused:
        web.chat_postMessage(channel="C0OPS", text="x", blocks=[section("x"), {"type": "sektion"}])
    [detail] = refused.value.response["response_metadata"]["messages"]
    assert detail.startswith("[ERROR] ")
    assert detail.endswith("[json-pointer:/blocks/1]")


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("application/json", b"[1]", "invalid_json"),
        ("application/json", b"\xff", "invalid_json"),
        ("application/x-www-form-urlencoded", b"\xff", "invalid_form_data"),
        ("text/plain", b"x", "invalid_post_type"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_by_name(
    chat: RunningChat, files: Files, kind: str, body: bytes, error: str
) -> None:
    headers = {"Content-Type": kind, "Authorization": f"Bearer {TOKEN}"}
    url = f"{chat.url}/api/chat.postMessage"
    answer = requests.post(url, data=body, headers=headers, verify=files.ca, timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"ok": False, "error": error})


def test_an_unknown_method_is_refused(web: WebClient) -> None:
    with pytest.raises(SlackApiError, match="unknown_method"):
        web.api_call("chat.shout")


def test_an_update_edits_in_place(web: WebClient, client: ChatClient) -> None:
    posted = web.chat_postMessage(channel="C0OPS", text="Approve?", blocks=[section("Approve?")])
    edited = web.chat_update(channel="C0OPS", ts=posted["ts"], text="Approved")
    assert (edited["ts"], edited["text"]) == (posted["ts"], "Approved")
    [kept] = client.messages(after=1)
    assert (kept["via"], kept["replaces"], kept["blocks"]) == ("chat.update", 1, [])


def test_an_unknown_and_a_private_message_cannot_be_updated(web: WebClient) -> None:
    private = web.chat_postEphemeral(channel="C0OPS", user="U0ANN", text="psst")["message_ts"]
    public = web.chat_postMessage(channel="C0OPS", text="x")["ts"]
    for channel, ts, error in (
        ("C0OPS", "1.2", "message_not_found"),
        ("C0ELSE", public, "message_not_found"),
        ("C0OPS", private, "cant_update_message"),
    ):
        with pytest.raises(SlackApiError) as refused:
            web.chat_update(channel=channel, ts=ts, text="new")
        assert refused.value.response["error"] == error


def test_a_private_message_is_for_one_person(web: WebClient, client: ChatClient) -> None:
    web.chat_postEphemeral(channel="C0OPS", user="U0ANN", text="psst")
    [kept] = client.messages()
    assert (kept["response_type"], kept["user"]) == ("ephemeral", "U0ANN")


# Slack's side: response_urls


def test_a_reply_is_kept_with_what_it_is_for(client: ChatClient, files: Files) -> None:
    minted = client.mint("C0OPS", "U0ANN", "/bellhop status")
    answer = webhook(minted.response_url, files).send(text="all well", response_type="in_channel")
    assert (answer.status_code, answer.body) == (200, "ok")
    [kept] = client.messages()
    assert (kept["for"], kept["reply_to"], kept["user"]) == ("/bellhop status", minted.id, "U0ANN")
    assert (kept["via"], kept["channel"], kept["response_type"]) == ("response_url", "C0OPS", "in_channel")


def test_five_replies_are_taken_and_the_sixth_refused(client: ChatClient, files: Files) -> None:
    hook = webhook(client.mint("C0OPS", "U0ANN", "/bellhop status").response_url, files)
    assert [hook.send(text=str(n)).status_code for n in range(5)] == [200] * 5
    sixth = hook.send(text="6")
    assert (sixth.status_code, json.loads(sixth.body)) == (404, {"ok": False, "error": "used_url"})


def test_half_an_hour_later_replies_are_refused(client: ChatClient, files: Files, watch: Watch) -> None:
    minted = client.mint("C0OPS", "U0ANN", "/bellhop status")
    short = client.mint("C0OPS", "U0ANN", "/bellhop status", lifetime_seconds=60)
    watch.now += timedelta(minutes=1)
    assert webhook(minted.response_url, files).send(text="in time").status_code == 200
    assert webhook(short.response_url, files).send(text="late").status_code == 404
    watch.now += timedelta(minutes=29)
    late = webhook(minted.response_url, files).send(text="late")
    assert (late.status_code, json.loads(late.body)) == (404, {"ok": False, "error": "expired_url"})


def test_a_reply_that_slack_cannot_read_is_refused(client: ChatClient, files: Files) -> None:
    url = client.mint("C0OPS", "U0ANN", "/bellhop status").response_url
    malformed = requests.post(url, data=b"{", verify=files.ca, timeout=10)
    assert (malformed.status_code, malformed.text) == (400, "invalid_payload")
    empty = webhook(url, files).send()
    assert (empty.status_code, empty.body) == (400, "no_text")


# Faults


def test_ordered_faults_come_once_each_and_only_where_they_belong(
    web: WebClient, client: ChatClient, files: Files
) -> None:
    hook = webhook(client.mint("C0OPS", "U0ANN", "/bellhop status").response_url, files)
    client.faults("^/commands/", 500, times=2)
    assert web.auth_test()["ok"]
    assert [hook.send(text="x").status_code for _ in range(3)] == [500, 500, 200]
    assert client.pending_faults() == []


def test_the_vendors_client_waits_and_tries_again_when_it_is_too_fast(
    web: WebClient, client: ChatClient
) -> None:
    web.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    client.faults(r"chat\.postMessage$", 429, retry_after=0)
    assert web.chat_postMessage(channel="C0OPS", text="x")["ok"]
    client.faults(r"chat\.postMessage$", 429, times=2, retry_after=0)
    with pytest.raises(SlackApiError) as refused:
        web.chat_postMessage(channel="C0OPS", text="x")
    assert refused.value.response.headers["Retry-After"] == "0"
    assert refused.value.response["error"] == "ratelimited"


@pytest.mark.parametrize(("path", "status", "times"), [("[", 500, 1), ("x", 404, 1), ("x", 500, 0)])
def test_a_fault_that_makes_no_sense_is_refused(
    client: ChatClient, path: str, status: int, times: int
) -> None:
    with pytest.raises(requests.HTTPError, match="400"):
        client.faults(path, status, times)
    assert client.pending_faults() == []


# The stand-in's own calls


def test_a_reader_is_woken_by_the_next_message(web: WebClient, client: ChatClient) -> None:
    got: list[dict[str, Any]] = []
    reader = Thread(target=lambda: got.extend(client.messages(wait=30)))
    reader.start()
    web.chat_postMessage(channel="C0OPS", text="news")
    reader.join(timeout=10)
    assert [each["text"] for each in got] == ["news"]


def test_clearing_forgets_messages_and_faults_but_not_the_count(web: WebClient, client: ChatClient) -> None:
    web.chat_postMessage(channel="C0OPS", text="old")
    client.faults("x", 500)
    client.clear()
    assert (client.messages(), client.pending_faults()) == ([], [])
    web.chat_postMessage(channel="C0OPS", text="new")
    assert [(each["sequence"], each["text"]) for each in client.messages()] == [(2, "new")]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/control/messages"),
        ("POST", "/control/response-urls"),
        ("DELETE", "/control/faults"),
    ],
)
def test_strangers_get_neither_the_page_nor_the_calls(
    chat: RunningChat, files: Files, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = requests.request(method, chat.url + path, headers=headers, verify=files.ca, timeout=10)
    assert answer.status_code == 403


def test_the_pages_own_origin_may_call(chat: RunningChat, files: Files) -> None:
    for name in ("127.0.0.1", "localhost"):
        own = f"https://{name}:{chat.port}"
        answer = requests.delete(
            f"{own}/control/faults", headers={"Origin": own}, verify=files.ca, timeout=10
        )
        assert answer.status_code == 200


@pytest.mark.parametrize("query", ["after=x", "wait=x", "wait=61", "wait=nan", "wait=-1"])
def test_a_query_that_makes_no_sense_is_refused(chat: RunningChat, files: Files, query: str) -> None:
    answer = requests.get(f"{chat.url}/control/messages?{query}", verify=files.ca, timeout=10)
    assert answer.status_code == 400


def test_an_unknown_path_and_a_wrong_method_are_refused(chat: RunningChat, files: Files) -> None:
    assert requests.get(f"{chat.url}/favicon.ico", verify=files.ca, timeout=10).status_code == 404
    assert requests.get(f"{chat.url}/api/auth.test", verify=files.ca, timeout=10).status_code == 405
    assert requests.post(f"{chat.url}/commands/T0/1", verify=files.ca, timeout=10).status_code == 404


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Transfer-Encoding", "chunked", 411),
        ("Content-Length", "-1", 411),
        ("Content-Length", "1048577", 413),
    ],
)
def test_a_body_without_an_end_in_sight_is_not_read(
    chat: RunningChat, files: Files, header: str, value: str, status: int
) -> None:
    connection = HTTPSConnection("127.0.0.1", chat.port, context=files.trusting(), timeout=10)
    with closing(connection):
        connection.putrequest("POST", "/api/auth.test")
        connection.putheader(header, value)
        connection.endheaders()
        assert connection.getresponse().status == status


def test_a_client_that_never_speaks_holds_nobody_up(chat: RunningChat, web: WebClient) -> None:
    with socket.create_connection(("127.0.0.1", chat.port)):
        assert web.auth_test()["ok"]


# The process


def start(files: Files, *more: str, token: str | None = TOKEN) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "CHAT_BOT_TOKEN"}
    if token:
        environment["CHAT_BOT_TOKEN"] = token
    command = [sys.executable, "-m", "local.chat", "--certificate", str(files.certificate)]
    return subprocess.Popen(
        [*command, "--key", str(files.key), *more],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def read_until_it_ends(client: ChatClient) -> None:
    with suppress(requests.ConnectionError):
        client.messages(after=1, wait=30)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_when_it_is_ready_shows_messages_and_ends_when_told(
    files: Files, how: signal.Signals
) -> None:
    with start(files) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert ready == {"ready": True, "port": ready["port"]}
            url = f"https://127.0.0.1:{ready['port']}"
            with ChatClient(url, files.ca) as client:
                minted = client.mint("C0OPS", "U0ANN", "/bellhop status")
                webhook(minted.response_url, files).send(text="*all* well")
                reader = Thread(target=read_until_it_ends, args=(client,))
                reader.start()  # an open long-poll must not keep it
                process.send_signal(how)
                out, errors = process.communicate(timeout=5)
                reader.join(timeout=5)
        finally:
            process.kill()
    assert (process.returncode, out) == (0, "")
    assert "C0OPS  only U0ANN sees it  for '/bellhop status'\n    all well\n" in errors
    assert minted.response_url.rsplit("/", 1)[1] not in errors
    assert TOKEN not in errors


def test_a_taken_port_and_a_missing_token_are_told(files: Files, chat: RunningChat) -> None:
    with start(files, "--port", str(chat.port)) as taken:
        out, errors = taken.communicate(timeout=10)
    assert (taken.returncode, out) == (1, "")
    assert f"cannot start on port {chat.port}" in errors
    with start(files, token=None) as tokenless:
        _, errors = tokenless.communicate(timeout=10)
    assert tokenless.returncode == 2
    assert "CHAT_BOT_TOKEN" in errors
