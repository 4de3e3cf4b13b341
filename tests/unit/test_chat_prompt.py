"""What the prompt shows, and what it says when there is no stack."""

import json
from pathlib import Path

import pytest

from local.chat.prompt import main, render_answer, render_reply
from local.chat.stack import NoStackError, read_stack

STACK = {
    "door_url": "http://127.0.0.1:4566/",
    "door_host": "abc.execute-api.localhost:4566",
    "chat_url": "https://127.0.0.1:9",
    "ca_file": ".bellhop/ca.pem",
    "signing_secret_file": "/elsewhere/secret",
    "team": "T0LOCAL",
    "channel": "C0OPS",
    "user": "U0ANN",
}


def written(folder: Path, content: object) -> Path:
    file = folder / ".bellhop" / "local.json"
    file.parent.mkdir()
    file.write_text(json.dumps(content))
    return file


def test_paths_are_relative_to_the_folder_of_the_stack(tmp_path: Path) -> None:
    stack = read_stack(written(tmp_path, STACK))
    assert stack.ca_file == tmp_path / ".bellhop" / "ca.pem"
    assert stack.signing_secret_file == Path("/elsewhere/secret")
    assert (stack.door_url, stack.user) == ("http://127.0.0.1:4566", "U0ANN")


def test_what_the_file_lacks_is_told_all_together(tmp_path: Path) -> None:
    file = written(tmp_path, {key: value for key, value in STACK.items() if key not in {"team", "ca_file"}})
    with pytest.raises(NoStackError, match="lacks team, ca_file"):
        read_stack(file)
    file.write_text("{")
    with pytest.raises(NoStackError, match="cannot read"):
        read_stack(file)


def test_without_a_stack_it_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--once", "status", "--stack", str(tmp_path / "local.json")]) == 1
    assert "make run" in capsys.readouterr().err


def test_a_missing_secret_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--once", "status", "--stack", str(written(tmp_path, STACK))]) == 1
    assert "cannot read the signing secret" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "content", "shown"),
    [
        (200, b"", ""),
        (200, b"*on* it", "on it"),
        (200, b'{"response_type": "ephemeral", "text": "_which_ workload?"}', "which workload?"),
        (401, b"bad signature", "/bellhop failed: the door answered 401 bad signature"),
        (502, b"\xff", "/bellhop failed: the door answered 502 \N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_doors_own_answer_is_shown_as_slack_would(status: int, content: bytes, shown: str) -> None:
    assert render_answer(status, content) == shown


def test_a_reply_is_shown_as_its_blocks_or_its_text() -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*three* pods"}}
    assert render_reply({"text": "fallback", "blocks": [section]}) == "three pods"
    assert render_reply({"text": "*plain*", "blocks": []}) == "plain"
    assert render_reply({"text": "", "blocks": [], "deleted": True}) == "(deleted)"
