"""Slack's signature: the published sample, the vendor's own verifier, and everything that must be refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from slack_sdk.signature import Clock, SignatureVerifier

from bellhop.http_api import Refusal, Request
from local.chat.slack_client import sign
from slack_signature import verify
from tests.unit.chat_world import SECRET, SIGNED_AT, recorded, slack_signature

NOW = float(SIGNED_AT)


def knows(*secrets: str) -> Callable[[Callable[[str], bool]], bool]:
    return lambda test: any(test(secret) for secret in secrets)


def request(body: bytes, timestamp: str | None, signature: str | None) -> Request:
    given = {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}
    headers = {name: value for name, value in given.items() if value is not None}
    return Request("POST", "/slack/commands", headers, {}, body, "r")


def refusal(body: bytes, timestamp: str | None, signature: str | None, *, now: float = NOW) -> str:
    with pytest.raises(Refusal) as refused:
        verify(request(body, timestamp, signature), knows(SECRET), now=now)
    assert refused.value.status == 401
    return refused.value.reason


def accepted(body: bytes, timestamp: str, signature: str, *, now: float = NOW) -> bool:
    try:
        verify(request(body, timestamp, signature), knows(SECRET), now=now)
    except Refusal:
        return False
    return True


def test_slacks_published_sample_is_accepted() -> None:
    event = recorded("slash-command-published-sample")
    signature = event["headers"]["x-slack-signature"]
    assert signature == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert accepted(event["body"].encode(), "1531420618", signature)


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_up_to_300_seconds_off_is_accepted(off: int) -> None:
    assert accepted(b"x", str(SIGNED_AT + off), slack_signature(b"x", str(SIGNED_AT + off)))


@pytest.mark.parametrize("off", [-301, 301, -(10**6), 10**9])
def test_more_than_300_seconds_off_is_refused_though_well_signed(off: int) -> None:
    timestamp = str(SIGNED_AT + off)
    assert "5 minutes" in refusal(b"x", timestamp, slack_signature(b"x", timestamp))


def test_part_of_a_second_over_300_is_too_much() -> None:
    timestamp = str(SIGNED_AT)
    assert "5 minutes" in refusal(b"x", timestamp, slack_signature(b"x", timestamp), now=NOW + 300.001)


@pytest.mark.parametrize(
    "timestamp",
    [
        *("yesterday", "-1531420618", "+1531420618", "1531420618.0", "1_531_420_618", " 1531420618"),
        *("1531420618\n", "1e9", "0x5b4799ca", "NaN", "inf", "9" * 5000, "1" * 13),
        *("١٥٣١٤٢٠٦١٨", "\uff11" * 10, "153142061²", "\ud800"),
    ],
)
def test_a_timestamp_that_is_no_time_is_refused(timestamp: str) -> None:
    assert "not a time" in refusal(b"x", timestamp, "v0=00")


@pytest.mark.parametrize(
    "signature",
    ["v0=é", "v0=\ud800", "sägnatur"],
)
def test_a_signature_outside_ascii_is_refused(signature: str) -> None:
    assert "not a signature" in refusal(b"x", str(SIGNED_AT), signature)


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [(None, None), (str(SIGNED_AT), None), (None, "v0=00"), ("", "v0=00"), (str(SIGNED_AT), "")],
)
def test_without_both_headers_it_is_refused(timestamp: str | None, signature: str | None) -> None:
    assert "both needed" in refusal(b"x", timestamp, signature)


def test_a_signature_counts_for_its_own_body_time_secret_and_version_only() -> None:
    timestamp = str(SIGNED_AT)
    good = slack_signature(b"scale web 5", timestamp)
    assert accepted(b"scale web 5", timestamp, good)
    for body, when, signature in (
        (b"scale web 6", timestamp, good),
        (b"scale web 5", str(SIGNED_AT + 1), good),
        (b"scale web 5", timestamp, slack_signature(b"scale web 5", timestamp, "another")),
        (b"scale web 5", timestamp, good.replace("v0=", "v1=")),
        (b"scale web 5", timestamp, good.upper()),
        (b"scale web 5", timestamp, good.removeprefix("v0=")),
        (b"scale web 5", timestamp, good[:-1]),
        (b"scale web 5", timestamp, good + "0"),
        (b"scale web 5", timestamp, good + " "),
    ):
        assert "does not match" in refusal(body, when, signature)


def test_nothing_is_looked_up_for_a_request_that_cannot_be_good() -> None:
    def accepts(_: Callable[[str], bool]) -> bool:
        raise AssertionError("a secret was fetched")

    for timestamp, signature in ((None, None), ("soon", "v0=00"), ("1", "v0=00"), (str(SIGNED_AT), "é")):
        with pytest.raises(Refusal):
            verify(request(b"x", timestamp, signature), accepts, now=NOW)


def test_bodies_that_are_not_utf_8_are_signed_as_the_bytes_they_are() -> None:
    timestamp = str(SIGNED_AT)
    assert accepted(b"\xff\x00", timestamp, slack_signature(b"\xff\x00", timestamp))
    refusal(b"\xfe\x00", timestamp, slack_signature(b"\xff\x00", timestamp))


class Stopped(Clock):
    def now(self) -> float:
        return NOW


#: As signed, or with one thing about it changed.
CHANGES = st.sampled_from(["none", "body", "timestamp", "signature", "secret"])


@given(
    st.text(st.characters(codec="utf-8")),
    st.integers(SIGNED_AT - 330, SIGNED_AT + 330),
    CHANGES,
    st.text(st.characters(codec="ascii"), min_size=1),
)
@example("", SIGNED_AT - 300, "none", "x")
@example("", SIGNED_AT - 301, "none", "x")
def test_what_the_vendors_verifier_says_is_said_here(text: str, at: int, change: str, other: str) -> None:
    body, timestamp = text.encode(), str(at)
    signature = sign(body, secret=other if change == "secret" else SECRET, timestamp=timestamp)
    if change == "body":
        body += other.encode()
    elif change == "timestamp":
        timestamp = str(at + 1)
    elif change == "signature":
        signature = other
    vendor = SignatureVerifier(SECRET, Stopped()).is_valid(body, timestamp, signature)
    assert accepted(body, timestamp, signature) == vendor


@given(st.binary(), st.text(), st.text())
def test_no_header_and_no_body_makes_it_raise_anything_else(
    body: bytes, timestamp: str, signature: str
) -> None:
    assert not accepted(body, timestamp, signature)
