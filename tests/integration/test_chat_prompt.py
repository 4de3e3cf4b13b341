"""The prompt against the stand-in and a door that checks signatures with the vendor's verifier."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import trustme
from slack_sdk.signature import SignatureVerifier
from slack_sdk.webhook import WebhookClient

from local.chat.prompt import main
from local.chat.server import running_chat

SECRET = "local-signing-secret"
HOST = "abc.execute-api.localhost:4566"


@dataclass
class Door:
    """What came to the door, and what it answers: `answer` takes the form and gives status and body."""

    answer: Callable[[dict[str, str]], tuple[int, bytes]] = lambda _: (200, b"")
    forms: list[dict[str, str]] = field(default_factory=list)

    def take(self, host: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if (host, path) != (HOST, "/slack/commands"):
            return 404, b"no such route"
        if not SignatureVerifier(SECRET).is_valid_request(body, headers):
            return 401, b"bad signature"
        self.forms.append({key: values[0] for key, values in parse_qs(body.decode()).items()})
        return self.answer(self.forms[-1])


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def door_url(door: Door) -> Iterator[str]:
    class Exchange(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, content = door.take(self.headers["Host"], self.path, dict(self.headers), body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Exchange) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class Local:
    file: str
    trusting: ssl.SSLContext

    def run(self, text: str, *more: str) -> int:
        return main(["--once", text, "--stack", self.file, *more])


@pytest.fixture
def local(tmp_path: Path, door_url: str) -> Iterator[Local]:
    folder = tmp_path / ".bellhop"
    folder.mkdir()
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "both.pem")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    (folder / "secret").write_text(SECRET + "\n")
    with running_chat(folder / "both.pem", folder / "both.pem", "xoxb-1-test") as chat:
        stack = {
            "door_url": door_url,
            "door_host": HOST,
            "chat_url": chat.url,
            "ca_file": ".bellhop/ca.pem",
            "signing_secret_file": ".bellhop/secret",
            "team": "T0LOCAL",
            "channel": "C0OPS",
            "user": "U0ANN",
        }
        (folder / "local.json").write_text(json.dumps(stack))
        yield Local(str(folder / "local.json"), ssl.create_default_context(cafile=folder / "ca.pem"))


def replying(local: Local, hooks: list[WebhookClient]) -> Callable[[dict[str, str]], tuple[int, bytes]]:
    """An app that answers each command through its response_url, and leaves the url in `hooks`."""

    def answer(form: dict[str, str]) -> tuple[int, bytes]:
        hooks.append(WebhookClient(form["response_url"], ssl=local.trusting))
        hooks[-1].send(text=f"*{form['text']}*: working")
        return 200, b""

    return answer


def test_one_command_gets_its_reply(local: Local, door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.answer = replying(local, [])
    assert local.run("/bellhop status shop/web", "--user", "U0BOB") == 0
    assert capsys.readouterr().out == "status shop/web: working\n"
    [form] = door.forms
    assert (form["command"], form["user_id"], form["channel_id"]) == ("/bellhop", "U0BOB", "C0OPS")


def test_a_reply_to_somebody_else_is_not_taken_for_ones_own(
    local: Local, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.answer = replying(local, [])
    assert local.run("status") == 0
    door.answer = lambda _: (200, b"")
    capsys.readouterr()
    assert local.run("status", "--wait", "0.05") == 1
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "no reply within 0.05 s\n")


def test_what_the_door_says_at_once_is_an_answer(
    local: Local, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.answer = lambda _: (200, b'{"text": "which workload?"}')
    assert local.run("status", "--wait", "0") == 0
    assert capsys.readouterr().out == "which workload?\n"


def test_a_door_that_refuses_is_told_without_waiting(
    local: Local, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.answer = lambda _: (401, b"bad signature")
    assert local.run("status", "--wait", "30") == 1
    assert "the door answered 401 bad signature" in capsys.readouterr().err


def test_a_stack_that_went_away_is_told(local: Local, door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    stack = json.loads(Path(local.file).read_text())
    Path(local.file).write_text(json.dumps({**stack, "chat_url": "https://127.0.0.1:9"}))
    assert local.run("status") == 1
    assert "is `make run` still running?" in capsys.readouterr().err


def test_a_conversation_shows_late_replies_and_ends_with_ctrl_d(
    local: Local, door: Door, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks: list[WebhookClient] = []
    door.answer = replying(local, hooks)
    typed = iter(["drain node-1", "", "status"])

    def line(_: str) -> str:
        text = next(typed, None)
        if text is None:
            raise EOFError
        if text == "":  # while the person presses return, the drain ends
            hooks[0].send(text="drain node-1: done")
        return text

    monkeypatch.setattr("builtins.input", line)
    assert main(["--stack", local.file]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1:] == ["drain node-1: working", "drain node-1: done", "status: working", ""]
