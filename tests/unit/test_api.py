"""The API: /health is open and says only ok; /activity wants the token that is good now."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import api
from api import Api
from bellhop.errors import InvalidInputError, UnavailableError
from bellhop.ledger import to_item
from bellhop.signed import AwsError
from tests.unit.chat_world import WHEN, entry, http_event

TOKEN = "t0ken"


@dataclass
class World:
    """The token as it is now, and a table that answers Query."""

    token: str | None = TOKEN
    entries: int = 0
    failure: Exception | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def query(self, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(request)
        if self.failure:
            raise self.failure
        items = [to_item(entry(f"id{i:03}"), expires=WHEN) for i in reversed(range(self.entries))]
        start = request.get("ExclusiveStartKey", {}).get("id")
        first = 1 + [item["id"] for item in items].index(start) if start else 0
        page = items[first : first + request["Limit"]]
        more = first + len(page) < len(items)
        return {"Items": page} | ({"LastEvaluatedKey": page[-1]} if more else {})

    def get(self, path: str, query: str = "", *, method: str = "GET", **headers: str) -> tuple[int, Any]:
        event = http_event(b"", headers, method=method, path=path, query=query)
        made = Api(lambda: self.token, self.query, "ledger")
        response = made.answer(event)
        return response["statusCode"], json.loads(response["body"])

    def activity(self, query: str = "") -> tuple[int, Any]:
        return self.get("/activity", query, authorization=f"Bearer {TOKEN}")


def test_health_is_open_and_says_only_ok() -> None:
    world = World(token=None, failure=UnavailableError("down"))
    assert world.get("/health") == (200, {"status": "ok"})
    assert world.asked == []


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer{TOKEN}",
        f"Bearer {TOKEN} ",
        f"Bearer  {TOKEN}",
        f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer é",
        "Bearer None",
        "Bearer \ud800",
    ],
)
def test_without_the_token_there_is_no_activity(authorization: str | None) -> None:
    world = World(entries=3)
    headers = {} if authorization is None else {"authorization": authorization}
    status, answer = world.get("/activity", **headers)
    assert (status, answer.keys(), world.asked) == (401, {"error"}, [])
    assert TOKEN not in answer["error"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_with_the_token_there_is(scheme: str) -> None:
    status, answer = World(entries=1).get("/activity", authorization=f"{scheme} {TOKEN}")
    assert status == 200
    [shown] = answer["entries"]
    assert (shown["id"], shown["summary"], answer["next"]) == ("id000", "shop/web: 4 -> 6 replicas", None)


@pytest.mark.parametrize("token", [None, "another", "", "tökén"])
def test_a_revoked_or_renewed_token_is_refused_at_once(token: str | None) -> None:
    world = World(entries=1)
    assert world.activity()[0] == 200
    world.token = token
    assert world.activity()[0] == 401


def test_no_token_in_parameter_store_lets_nobody_in() -> None:
    world = World(token=None, entries=1)
    for guess in ("", "None", "null", TOKEN):
        assert world.get("/activity", authorization=f"Bearer {guess}")[0] == 401
    assert world.asked == []


@pytest.mark.parametrize(
    "limit",
    [*("0", "101", "-1", "+1", "1.0", "1e1", "", "x", "%20", "٢", "²", "1_0", "0x1", "1000"), "9" * 5000],
)
def test_a_limit_that_is_none_is_a_400_that_says_what_is(limit: str) -> None:
    world = World(entries=1)
    status, answer = world.activity(f"limit={limit}")
    assert (status, world.asked) == (400, [])
    assert answer == {"error": "limit is a whole number from 1 to 100"}


@pytest.mark.parametrize(("query", "limit"), [("", 20), ("limit=1", 1), ("limit=100", 100), ("limit=007", 7)])
def test_the_limit_is_the_queries_or_20(query: str, limit: int) -> None:
    world = World()
    assert world.activity(query)[0] == 200
    assert [request["Limit"] for request in world.asked] == [limit]


def test_a_subject_is_asked_for_by_its_index() -> None:
    world = World()
    world.activity("subject=shop%2Fweb&limit=5")
    assert world.asked[0]["IndexName"] == "by-subject"
    assert world.asked[0]["ExpressionAttributeValues"] == {":key": {"S": "shop/web"}}


@pytest.mark.parametrize("query", ["subject=", "cursor=", "cursor=x", "cursor=" + "W" * 30_000, "cursor=%FF"])
def test_a_subject_or_cursor_that_is_none_is_a_400(query: str) -> None:
    world = World()
    status, answer = world.activity(query)
    assert (status, world.asked) == (400, [])
    assert "subject" in answer["error"] or "cursor" in answer["error"]


@pytest.mark.parametrize("query", ["limits=5", "Limit=5", "limit=5&x=", "token=t0ken", "limit%00=1"])
def test_an_unknown_name_in_the_query_is_refused_and_the_known_ones_named(query: str) -> None:
    world = World()
    status, answer = world.activity(query)
    assert (status, world.asked) == (400, [])
    assert answer["error"].endswith("known: cursor, limit, subject")


def test_pages_follow_one_another_to_the_end_without_gap_or_repeat() -> None:
    world = World(entries=23)
    seen: list[str] = []
    query, pages = "limit=10", 0
    while query:
        status, answer = world.activity(query)
        assert status == 200
        seen += [shown["id"] for shown in answer["entries"]]
        pages += 1
        query = f"limit=10&cursor={answer['next']}" if answer["next"] else ""
    assert seen == [f"id{i:03}" for i in reversed(range(23))]
    assert pages == 3


@pytest.mark.parametrize("path", ["/", "", "/healthz", "/health/", "/activity/", "/sentiment", "//health"])
def test_another_path_is_a_404(path: str) -> None:
    assert World().get(path) == (404, {"error": "no such path"})


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "get", ""])
@pytest.mark.parametrize("path", ["/health", "/activity"])
def test_another_method_is_a_405(path: str, method: str) -> None:
    assert World().get(path, method=method) == (405, {"error": "only GET"})


def test_a_body_is_refused() -> None:
    event = http_event(b"x", {}, method="GET", path="/health")
    assert Api(lambda: TOKEN, World().query, "t").answer(event)["statusCode"] == 413


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (UnavailableError("dynamodb Query: 500"), 503),
        (AwsError("AccessDeniedException", "arn:aws:iam::1:role/x"), 503),
        (InvalidInputError("that cursor or subject is not one this API gave"), 400),
    ],
)
def test_a_table_that_fails_is_a_503_that_tells_nothing(failure: Exception, status: int) -> None:
    found, answer = World(failure=failure).activity()
    assert found == status
    assert "arn:" not in answer["error"]


def test_a_token_that_cannot_be_fetched_is_a_503() -> None:
    def token() -> str | None:
        raise UnavailableError("ssm GetParameter: 500")

    event = http_event(b"", {"authorization": "Bearer x"}, method="GET", path="/activity")
    assert Api(token, World().query, "t").answer(event)["statusCode"] == 503


@given(st.text(), st.text(), st.text())
def test_nothing_that_is_asked_makes_it_raise_or_answer_5xx(
    path: str, query: str, authorization: str
) -> None:
    for where in (path, "/activity", "/health"):
        assert World().get(where, query, authorization=authorization)[0] < 500
    assert World().activity(query)[0] < 500


def test_answers_are_kept_by_no_cache() -> None:
    event = http_event(b"", {}, method="GET", path="/health")
    response = Api(lambda: None, World().query, "t").answer(event)
    assert response["headers"]["cache-control"] == "no-store"


def test_the_handler_asks_the_one_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "api", lambda: Api(lambda: None, World().query, "t"))
    context: Any = None
    answer = api.handler(http_event(b"", {}, method="GET", path="/health"), context)
    assert answer["statusCode"] == 200
