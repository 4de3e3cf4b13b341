"""Redaction: what is planted never survives, in any surroundings; what programs write otherwise does."""

from __future__ import annotations

import base64
import json
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_keys import MASK
from redaction import redacted

UPPER_DIGITS = string.ascii_uppercase + string.digits
WORD = string.ascii_letters + string.digits
#: What secrets are made of where nothing ends them; with a capital or a digit, so that no log text around is one.
SECRET = st.text(WORD + "!$%+,.?^_~#*/", min_size=8, max_size=40).filter(
    lambda text: any(each in UPPER_DIGITS for each in text)
)
BODY = st.binary(min_size=200, max_size=600).map(lambda raw: base64.b64encode(raw).decode())
#: Log text around a secret, without what would be one or join with it.
AROUND = st.text(string.ascii_lowercase + " .:[]-\n", max_size=60)
NAMES = (
    "password",
    "DB_PASSWORD",
    "clientSecret",
    "api_key",
    "X-Api-Key",
    "access_token",
    "aws_secret_access_key",
)


def wrapped(body: str) -> str:
    return "\n".join(body[start : start + 64] for start in range(0, len(body), 64))


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, str]:
    """(the secret, a text that gives it away)."""
    name, secret = draw(st.sampled_from(NAMES)), draw(SECRET)
    token = draw(st.text(WORD, min_size=24, max_size=40))
    both: tuple[tuple[str, str], ...] = (
        (secret, f"{name}={secret}"),
        (secret, f"{name}: {secret}"),
        (secret, f'{name} = "{secret}"'),
        (secret, f"'{name}' => '{secret}'"),
        (secret, json.dumps({"user": "ana", name: secret, "n": 1})),
        (secret, json.dumps({"inner": json.dumps({name: secret})})),
        (secret, f"--{name.lower().replace('_', '-')} {secret} --verbose"),
        (secret, f"<{name}>{secret}</{name}>"),
        (secret, f"Server=tcp:db,1433;User ID=sa;Password={secret};Encrypt=true"),
        (secret, f"Authorization: Bearer {secret}"),
        (secret, f'{{"Authorization": "Basic {secret}"}}'),
        (secret, f"curl -u ana:{secret} https://example.com/"),
        (token, f"postgres://ana:{token}@db.shop.svc:5432/web?sslmode=require"),
        (token, f"redis://:{token}@cache:6379/0"),
        (token, f"amqp://ana:a/{token}#x@mq/"),
        (token, f"https://{token}@github.com/team/web.git"),
        (token, f"GET /login?user=ana&token={token}&next=%2F HTTP/1.1"),
        (token, f"xoxb-1234567890-{token}"),
        (token, f"https://hooks.slack.com/services/T0/B0/{token}"),
        (token, f"ghp_{token}"),
        (token, f"eyJhbGciOiJIUzI1NiJ9.eyJ{token}.{token}"),
        (f"{token}1A", f"Cookie: theme=dark; session={token}1A"),
        (f"{token}=", f"bearer {token}="),
    )
    return draw(st.sampled_from(both))


@given(planted(), AROUND, AROUND)
def test_a_planted_secret_never_survives(secret_text: tuple[str, str], before: str, after: str) -> None:
    secret, text = secret_text
    shown = redacted(f"{before} {text} {after}")
    assert secret not in shown
    assert MASK in shown


@given(st.text(UPPER_DIGITS, min_size=16, max_size=16), st.sampled_from(("AKIA", "ASIA")), AROUND, AROUND)
def test_an_aws_key_id_never_survives(rest: str, kind: str, before: str, after: str) -> None:
    shown = redacted(f"{before}({kind}{rest}){after}")
    assert kind + rest not in shown


@given(st.text(WORD + "/+", min_size=37, max_size=37), AROUND, AROUND)
def test_an_aws_secret_key_never_survives_even_without_a_name(rest: str, before: str, after: str) -> None:
    key = f"{rest}aB3"
    assert key not in redacted(f"{before} {key} {after}")


@given(
    BODY,
    st.sampled_from(("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")),
    st.sampled_from(("whole", "json", "without its beginning", "without its end", "its middle")),
    AROUND,
)
def test_no_line_of_a_private_key_survives(body: str, kind: str, how: str, around: str) -> None:
    begin, end = f"-----BEGIN {kind}PRIVATE KEY-----", f"-----END {kind}PRIVATE KEY-----"
    lines = wrapped(body)
    text = {
        "whole": f"{begin}\n{lines}\n{end}",
        "json": json.dumps({"key": f"{begin}\n{lines}\n{end}\n"}),
        "without its beginning": f"{lines}\n{end}",
        "without its end": f"{begin}\n{lines}",
        "its middle": "\n".join(lines.split("\n")[:-1]),
    }[how]
    shown = redacted(f"{around}\n{text}\n{around}")
    assert not [line for line in text.split("\n")[1:-1] if len(line) == 64 and line in shown]
    assert MASK in shown


NORMAL = (
    "2026-11-20T09:00:00Z INFO GET /api/v1/items?page=2&sort=name 200 12ms",
    '{"level":"info","msg":"scaling.applied","target":"shop/web","replicas":6}',
    "commit 3f786850e387550fdab836ed7e6dc881de23001b by Bob",
    "pulled web@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "request 6fa459ea-ee8a-3ca4-537e-099553cb701b took 12 ms",
    "max_tokens: 4096, author: Bob, bypass=true, compass: north, primary_key=3",
    "listening on http://web.shop.svc:8080/users/a@b.example",
    "ana@example.com logged in from 10.0.1.23",
    '  File "/usr/lib/python3.13/site-packages/shop/web.py", line 3, in handler',
    "token expired for ana; basic auth is off; the bearer of bad news",
    "arn:aws:iam::123456789012:role/bellhop-commands",
    "user=ana&page=2 authenticated: yes",
    "-----BEGIN CERTIFICATE-----",
    "",
)


@pytest.mark.parametrize("line", NORMAL)
def test_what_programs_write_otherwise_survives(line: str) -> None:
    assert redacted(line) == line


@given(st.lists(st.sampled_from(NORMAL), max_size=20))
def test_normal_lines_survive_together(lines: list[str]) -> None:
    assert redacted("\n".join(lines)) == "\n".join(lines)


@given(st.text(max_size=300))
def test_any_text_is_taken_and_a_second_time_changes_no_more(text: str) -> None:
    once = redacted(text)
    assert redacted(once).count(MASK) >= once.count(MASK) - text.count(MASK)


def test_what_stands_around_a_secret_stays() -> None:
    assert redacted("GET /x?token=abc&page=2 200") == f"GET /x?token={MASK}&page=2 200"
    assert redacted("postgres://ana:pw@db:5432/x up") == f"postgres://{MASK}@db:5432/x up"
    assert redacted('{"password":"a\\"b","n":1}') == f'{{"password":{MASK},"n":1}}'


@pytest.mark.parametrize(
    "line",
    ["a:", "://", "=;", '\\"', "&a", "-", "a-", "<a ", "eyJ", "http://a:", "A", "password=x ", "password '"],
)
def test_a_hostile_line_takes_no_longer_than_it_may(line: str) -> None:
    begun = time.perf_counter()
    redacted(("token=" + line * (16_384 // len(line)) + "\n") * 4)
    assert time.perf_counter() - begun < 5
