"""Who may do what: nobody but whom the document names, and none of a document that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.chat.access import ROLES, Person, Risk, parse_access
from bellhop.errors import ConfigError
from tests.unit.chat_world import ACCESS, ANA, TEAM


def document(**persons: Any) -> str:
    return json.dumps({"persons": persons})


def test_nothing_configured_means_nobody() -> None:
    assert parse_access(None).person(f"slack:{TEAM}/{ANA}") is None
    assert parse_access(document()).person(f"slack:{TEAM}/{ANA}") is None


def test_a_known_id_is_its_person() -> None:
    found = parse_access(json.dumps(ACCESS)).person(f"slack:{TEAM}/{ANA}")
    assert found == Person("ana", ("operator",))


@pytest.mark.parametrize(
    "caller",
    [
        f"slack:T0OTHER/{ANA}",
        f"messenger:{TEAM}/{ANA}",
        f"slack:{TEAM}/{ANA.lower()}",
        f"slack:{TEAM}/{ANA} ",
        f"slack:{TEAM}/*",
        f"{TEAM}/{ANA}",
        "ana",
        "",
    ],
)
def test_anything_but_the_exact_id_is_a_stranger(caller: str) -> None:
    assert parse_access(json.dumps(ACCESS)).person(caller) is None


def test_a_star_in_the_document_is_no_pattern() -> None:
    access = parse_access(document(all={"ids": ["slack:*", "*", f"slack:{TEAM}/*"], "roles": ["admin"]}))
    assert access.person(f"slack:{TEAM}/{ANA}") is None


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        ((), set()),
        (("viewer",), {Risk.READ}),
        (("operator",), {Risk.READ, Risk.CHANGE}),
        (("admin",), {Risk.READ, Risk.CHANGE, Risk.DANGER}),
        (("viewer", "operator"), {Risk.READ, Risk.CHANGE}),
    ],
)
def test_a_role_allows_its_own_risk_and_those_below(roles: tuple[str, ...], allowed: set[Risk]) -> None:
    person = Person("p", roles)
    assert {risk for risk in Risk if person.may(risk)} == allowed


GOOD = {"ids": ["slack:T/U"], "roles": ["viewer"]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "wrong"),
        ("{", "wrong"),
        ("null", "wrong"),
        ("[]", "wrong"),
        ("{}", "persons"),
        ("\ud800", "wrong"),
        (json.dumps({"persons": {"ana": GOOD}, "persones": {}}), "persones"),
        (document(ana=GOOD, vic={"ids": ["slack:T/V"], "roles": ["viewer"], "role": "admin"}), "role"),
        (document(ana=GOOD, vic={"ids": ["slack:T/V"], "roles": ["Viewer"]}), "unknown roles: Viewer"),
        (document(ana=GOOD, vic={"ids": ["slack:T/V"], "roles": ["*"]}), r"unknown roles: \*"),
        (document(ana=GOOD, vic={"ids": ["slack:T/V"], "roles": "admin"}), "roles"),
        (document(ana=GOOD, vic={"ids": "slack:T/V", "roles": ["admin"]}), "ids"),
        (document(ana=GOOD, vic={"roles": ["admin"]}), "ids"),
        (document(ana=GOOD, vic={"ids": ["slack:T/V"]}), "roles"),
        (document(ana=GOOD, vic={"ids": [None], "roles": ["admin"]}), "ids"),
        (document(ana=GOOD, vic={"ids": ["slack:T/U"], "roles": ["admin"]}), "slack:T/U to ana and to vic"),
    ],
)
def test_a_document_that_is_wrong_anywhere_is_refused_whole_and_says_where(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_access(text)


@given(
    st.text()
    | st.recursive(st.none() | st.text(), lambda i: st.lists(i) | st.dictionaries(st.text(), i)).map(
        json.dumps
    )
)
def test_no_text_is_anything_but_a_document_or_a_fault(text: str) -> None:
    try:
        access = parse_access(text)
    except ConfigError:
        return
    assert access.person("slack:T/U") is None


def test_there_is_a_role_for_every_risk_and_no_other() -> None:
    assert sorted(ROLES.values()) == sorted(Risk)
