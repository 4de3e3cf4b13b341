"""HTTP API events in, responses out."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop import http_api
from bellhop.http_api import Refusal


def event(**fields: Any) -> dict[str, Any]:
    http = {"method": "POST", "path": "/x"}
    given: dict[str, Any] = {
        "rawPath": "/x",
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"requestId": "r", "http": http},
        "isBase64Encoded": False,
    }
    return given | fields


def refused(fields: dict[str, Any], *, largest: int) -> int:
    with pytest.raises(Refusal) as refusal:
        http_api.read(event(**fields), largest_body=largest)
    return refusal.value.status


@given(st.binary(max_size=100))
def test_a_base64_body_is_the_bytes_that_were_sent(body: bytes) -> None:
    request = http_api.read(
        event(body=base64.b64encode(body).decode(), isBase64Encoded=True), largest_body=100
    )
    assert request.body == body


@given(st.text())
def test_a_plain_body_is_its_utf_8_whatever_is_in_it(text: str) -> None:
    request = http_api.read(event(body=text), largest_body=10_000)
    assert request.body == text.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("size", [0, 1, 2, 3, 98, 99, 100])
def test_the_largest_body_is_accepted_in_both_forms(size: int) -> None:
    body = b"x" * size
    encoded = base64.b64encode(body).decode()
    for fields in ({"body": body.decode()}, {"body": encoded, "isBase64Encoded": True}):
        assert http_api.read(event(**fields), largest_body=size).body == body


@pytest.mark.parametrize("size", [0, 1, 2, 3, 98, 99, 100])
def test_one_byte_more_is_a_413_in_both_forms(size: int) -> None:
    encoded = base64.b64encode(b"x" * (size + 1)).decode()
    assert refused({"body": "x" * (size + 1)}, largest=size) == 413
    assert refused({"body": encoded, "isBase64Encoded": True}, largest=size) == 413


@pytest.mark.parametrize("body", ["a", "ab=", "a b=", "é", "abcd\n", "a*cd", "===="])
def test_what_is_not_base64_is_a_400(body: str) -> None:
    assert refused({"body": body, "isBase64Encoded": True}, largest=100) == 400


def test_names_of_headers_are_lower_case_and_all_missing_parts_empty() -> None:
    assert http_api.read(event(headers={"X-Slack-Signature": "v0"}), largest_body=0).headers == {
        "x-slack-signature": "v0"
    }
    bare = http_api.read({}, largest_body=0)
    assert (bare.method, bare.path, bare.headers, bare.query, bare.body, bare.id) == ("", "", {}, {}, b"", "")


def test_the_query_is_decoded_and_a_name_given_twice_has_its_last_value() -> None:
    request = http_api.read(event(rawQueryString="a=1&a=2&subject=shop%2Fweb&empty="), largest_body=0)
    assert request.query == {"a": "2", "subject": "shop/web", "empty": ""}


def test_a_refusal_is_json_with_its_reason() -> None:
    answer = http_api.refused(Refusal(404, 'no "such" path'))
    assert (answer["statusCode"], json.loads(answer["body"])) == (404, {"error": 'no "such" path'})
    assert answer["headers"] == {"content-type": "application/json"}


def test_a_json_answer_is_kept_by_no_cache() -> None:
    answer = http_api.json_answer({"a": ["é"]})
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"a": ["é"]})
    assert answer["headers"]["cache-control"] == "no-store"
