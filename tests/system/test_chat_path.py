"""Path B on the running stack: signed commands are answered where they were asked, everything else is refused."""

from __future__ import annotations

import base64
import time

import pytest
import requests

from local import seeding
from local.chat.prompt import render_reply
from tests.system.harness import PATIENCE, Shop, signed_bytes


def post(shop: Shop, headers: dict[str, str], body: bytes) -> requests.Response:
    return shop.cloud.http("POST", "/slack/commands", data=body, headers=headers)


def test_status_says_what_is_watched_and_what_was_done(shop: Shop) -> None:
    said = shop.ask("status")
    assert "alarm trigger" in said
    assert "in 1 namespace" in said


def test_help_shows_only_what_a_person_may_run(shop: Shop) -> None:
    assert "scale TARGET REPLICAS" in shop.ask("help")
    assert "scale TARGET" not in shop.ask("help", seeding.VIEWER)


def test_policies_lists_them(shop: Shop) -> None:
    assert "shop/web deployment/web 2 to 12" in shop.ask("policies -n shop")


def test_scale_is_handed_to_its_owner_and_the_outcome_comes_back_to_where_it_was_asked(shop: Shop) -> None:
    shop.deploy(replicas=2)
    talk = shop.talk()
    asked = talk.ask(f"scale {shop.name} 5 -n shop")
    (first,) = talk.replies(asked.reply_to, PATIENCE)
    assert f"Scaling shop/{shop.name} to 5" in render_reply(first)
    outcome = talk.replies(asked.reply_to, PATIENCE)
    assert f"shop/{shop.name}: 2 -> 5 replicas" in render_reply(outcome[0])
    assert outcome[0]["response_type"] == "in_channel"
    assert shop.replicas() == 5
    entries = shop.entries()
    assert [(e["flow"], e["outcome"]) for e in entries] == [("scaling", "done"), ("commands", "asked")]
    assert entries[0]["actor"] == "person ana"
    assert entries[0]["correlation"] == entries[1]["correlation"]
    assert shop.notices() == []  # it was asked in the team's channel, which has the outcome already


def test_a_dry_run_changes_nothing(shop: Shop) -> None:
    shop.deploy(replicas=2)
    talk = shop.talk()
    asked = talk.ask(f"scale {shop.name} 5 -n shop --dry-run")
    seen: list[str] = []

    def outcome() -> str | None:
        seen.extend(render_reply(r) for r in talk.replies(asked.reply_to, PATIENCE))
        return next((text for text in seen if "nothing changed" in text), None)

    said = shop.until(outcome, "the outcome")
    assert said is not None
    assert "2 -> 5" in said
    assert shop.replicas() == 2


@pytest.mark.parametrize(
    ("user", "said"),
    [(seeding.VIEWER, "not among what vic (viewer) may run"), ("U0STRANGER", "not in the access document")],
)
def test_who_may_not_is_refused_and_it_is_written_down(shop: Shop, user: str, said: str) -> None:
    before = len(shop.activity(limit="100").json()["entries"])
    assert said in shop.ask("scale web 9 -n shop", user)
    after = shop.activity(limit="100").json()["entries"]
    assert len(after) == before + 1
    assert after[0]["outcome"] == "refused"


def test_a_wrong_command_is_answered_and_does_not_block_the_next(shop: Shop) -> None:
    assert "did you mean scale?" in shop.ask("scael web 3")
    assert "usage: scale" in shop.ask("scale web")
    assert "alarm trigger" in shop.ask("status")


def test_a_replayed_request_is_answered_200_and_nothing_is_done_twice(shop: Shop) -> None:
    shop.deploy(replicas=2)
    headers, body = signed_bytes(shop, f"scale {shop.name} 5 -n shop")
    for _ in range(3):
        assert post(shop, headers, body).status_code == 200

    def outcomes() -> list[str]:
        return shop.posts(f"shop/{shop.name}: 2 -> 5", via="response_url")

    shop.until(outcomes, "the outcome")
    assert post(shop, headers, body).status_code == 200
    assert "scale TARGET" in shop.ask("help")  # the same group: all before it have been handled
    assert len(shop.entries()) == 2  # asked, done
    assert len(outcomes()) == 1


def tampered(shop: Shop) -> dict[str, tuple[dict[str, str], bytes, int]]:
    headers, body = signed_bytes(shop, "scale web 11 -n shop")
    stale, stale_body = signed_bytes(shop, "scale web 11 -n shop", age=400)
    early, early_body = signed_bytes(shop, "scale web 11 -n shop", age=-400)
    unsigned = {name: value for name, value in headers.items() if not name.lower().startswith("x-slack")}
    return {
        "unsigned": (unsigned, body, 401),
        "forged": (headers | {"X-Slack-Signature": "v0=" + "0" * 64}, body, 401),
        "changed": (headers, body.replace(b"11", b"12"), 401),
        "stale": (stale, stale_body, 401),
        "from the future": (early, early_body, 401),
        "timestamp no number": (headers | {"X-Slack-Request-Timestamp": "soon"}, body, 401),
        "not UTF-8": (headers, b"\xff\xfe" + body, 401),
        "1 MB": (headers, b"text=" + b"x" * 1024 * 1024, 413),
        "no timestamp": ({k: v for k, v in headers.items() if "Timestamp" not in k}, body, 401),
        "base64 of it": (headers, base64.b64encode(body), 401),
    }


def test_bad_requests_are_4xx_with_a_reason_and_nothing_is_enqueued(shop: Shop) -> None:
    web = shop.replicas("web")
    entries = shop.activity(limit="100").json()["entries"]
    for name, (headers, body, status) in tampered(shop).items():
        answer = post(shop, headers, body)
        assert answer.status_code == status, name
        assert answer.json()["error"], name
    assert "alarm trigger" in shop.ask("status")
    now = shop.activity(limit="100").json()["entries"]
    assert len(now) == len(entries) + 1  # the status just asked for
    assert shop.replicas("web") == web


def test_the_acknowledgement_is_under_slacks_three_seconds(shop: Shop) -> None:
    begun = time.monotonic()
    assert shop.talk().ask("status").accepted
    assert time.monotonic() - begun < 3
