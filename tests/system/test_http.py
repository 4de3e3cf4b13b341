"""Path C on the running stack: /health open, /activity with a token that can be revoked at once."""

from __future__ import annotations

from local.deployment import STACK
from tests.system.harness import Shop


def test_health_is_open_and_says_only_ok(shop: Shop) -> None:
    answer = shop.cloud.http("GET", "/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_an_unknown_route_is_a_404(shop: Shop) -> None:
    assert shop.cloud.http("GET", "/nothing/here").status_code == 404
    assert shop.cloud.http("POST", "/slack/nothing").status_code == 404


def test_activity_is_paged_newest_first(shop: Shop) -> None:
    for _ in range(3):
        shop.ask("status")
    whole = shop.activity(limit="100").json()["entries"]
    assert [e["at"] for e in whole] == sorted((e["at"] for e in whole), reverse=True)
    first = shop.activity(limit="2").json()
    second = shop.activity(limit="1", cursor=first["next"]).json()
    assert [e["id"] for e in first["entries"] + second["entries"]] == [e["id"] for e in whole[:3]]


def test_activity_of_one_subject_is_only_that(shop: Shop) -> None:
    shop.ask("help")
    entries = shop.entries("command/help")
    assert entries
    assert {e["subject"] for e in entries} == {"command/help"}


def test_activity_without_a_good_token_is_a_401(shop: Shop) -> None:
    assert shop.cloud.http("GET", "/activity").status_code == 401
    assert shop.activity(token="wrong").status_code == 401


def test_a_revoked_token_stops_working_at_once(shop: Shop) -> None:
    ssm, name = shop.cloud.client("ssm"), f"/{STACK}/api/token"
    assert shop.activity().status_code == 200
    try:
        ssm.put_parameter(Name=name, Value="another", Type="SecureString", Overwrite=True)
        assert shop.activity().status_code == 401
        assert shop.activity(token="another").status_code == 200
    finally:
        token = shop.cloud.secrets.api_token
        ssm.put_parameter(Name=name, Value=token, Type="SecureString", Overwrite=True)


def test_bad_queries_are_a_400(shop: Shop) -> None:
    for query in ({"limit": "0"}, {"limit": "many"}, {"limit": "101"}, {"cursor": "x"}, {"offset": "3"}):
        answer = shop.activity(**query)
        assert answer.status_code == 400, query
        assert answer.json()["error"], query
