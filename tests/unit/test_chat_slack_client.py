"""A slash command as the prompt sends it, checked with the vendor's own verifier."""

from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier

from local.chat.slack_client import signed_request, typed_text, with_host

NOW = 1_763_000_000.25
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


class Stopped(Clock):
    def now(self) -> float:
        return NOW


def request(text: str) -> tuple[dict[str, str], bytes]:
    return signed_request(
        text,
        user="U0ANN",
        team="T0LOCAL",
        channel="C0OPS",
        response_url="https://127.0.0.1:1/commands/T0LOCAL/1/s",
        trigger_id="1.2.3",
        secret=SECRET,
        now=NOW,
    )


@given(st.text(st.characters(codec="utf-8")))
def test_the_vendors_verifier_accepts_the_signature_of_any_text(text: str) -> None:
    headers, body = request(text)
    assert SignatureVerifier(SECRET, Stopped()).is_valid_request(body, headers)


def test_the_vendors_verifier_rejects_a_changed_body_and_another_secret() -> None:
    headers, body = request("status")
    assert not SignatureVerifier(SECRET, Stopped()).is_valid_request(body + b"&x=1", headers)
    assert not SignatureVerifier("another", Stopped()).is_valid_request(body, headers)


def test_the_form_carries_the_command_and_who_where_and_how_to_answer() -> None:
    _, body = request("scale shop/web 5 & more")
    form = {key: values[0] for key, values in parse_qs(body.decode(), strict_parsing=True).items()}
    assert form["command"] == "/bellhop"
    assert form["text"] == "scale shop/web 5 & more"
    assert (form["user_id"], form["team_id"], form["channel_id"]) == ("U0ANN", "T0LOCAL", "C0OPS")
    assert form["response_url"] == "https://127.0.0.1:1/commands/T0LOCAL/1/s"
    assert (form["trigger_id"], form["api_app_id"]) == ("1.2.3", "A0BELLHOP")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("status", "status"),
        (" /bellhop  status ", "status"),
        ("/bellhop", ""),
        ("/bellhops x", "/bellhops x"),
    ],
)
def test_the_command_itself_may_be_typed_or_left_out(line: str, text: str) -> None:
    assert typed_text(line) == text


def test_a_request_can_be_addressed_to_a_door_by_its_host() -> None:
    headers, _ = request("status")
    addressed = with_host(headers, "abc.execute-api.localhost:4566")
    assert addressed == {**headers, "Host": "abc.execute-api.localhost:4566"}
