"""Who may do what: nobody but whom the document names, and none of a document that is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop.chat.access import ANYWHERE, ROLES, Access, Approval, Ask, Person, Risk, Role, parse_access
from bellhop.errors import ConfigError
from tests.unit.chat_world import ACCESS, ANA, TEAM


def document(**persons: Any) -> str:
    return json.dumps({"persons": persons})


def test_nothing_configured_means_nobody() -> None:
    assert parse_access(None).person(f"slack:{TEAM}/{ANA}") is None
    assert parse_access(document()).person(f"slack:{TEAM}/{ANA}") is None


def test_a_known_id_is_its_person() -> None:
    found = parse_access(json.dumps(ACCESS)).person(f"slack:{TEAM}/{ANA}")
    assert found == Person("ana", ("operator",), (Role("operator", Risk.CHANGE),))


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
    person = parse_access(document(p={"ids": ["slack:T/U"], "roles": roles})).person("slack:T/U")
    assert person is not None
    assert {risk for risk in Risk if person.may(Ask("any", risk))} == allowed


GOOD = {"ids": ["slack:T/U"], "roles": ["viewer"]}


def whole(**parts: Any) -> str:
    """A document with more than persons."""
    return json.dumps({"persons": {"ana": GOOD}} | parts)


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
        (whole(roles={"viewer": {"risk": "danger"}}), "viewer is built in"),
        (whole(roles={"r": {"risk": "root"}}), "risk"),
        (whole(roles={"r": {}}), "risk"),
        (whole(roles={"r": {"risk": "read", "namespace": ["shop"]}}), "namespace"),
        (whole(roles={"r": {"risk": "read", "namespaces": "shop"}}), "namespaces"),
        (whole(roles={"r": {"risk": "read", "namespaces": None}}), "namespaces"),
        (whole(roles={"r": {"risk": "read", "namespaces": ["Shop"]}}), "roles: r: `Shop`"),
        (whole(roles={"r": {"risk": "read", "namespaces": ["shop "]}}), "roles: r: `shop `"),
        (whole(roles={"r": {"risk": "read", "namespaces": ["[!a]"]}}), "roles: r"),
        (whole(roles={"r": {"risk": "read", "prefixes": ["/shop"]}}), "roles: r: `/shop` is not a path"),
        (whole(roles={"r": {"risk": "read", "prefixes": ["shop/"]}}), "roles: r"),
        (whole(roles={"r": {"risk": "read", "commands": ["scal"]}}), "roles: r: there is no command scal"),
        (whole(channels={"C024": {"roles": []}}), "channels: `C024`"),
        (whole(channels={"slack:T/*": {"roles": []}}), "channels"),
        (whole(channels={"slack:T/C": {"roles": ["boss"]}}), "slack:T/C unknown roles: boss"),
        (whole(channels={"slack:T/C": {}}), "roles"),
        (whole(approval={"expires": "soon"}), "expires"),
        (whole(approval={"expires": "30s"}), "between 1m and 1d"),
        (whole(approval={"expires": "2d"}), "between 1m and 1d"),
        (whole(approval={"quorum": 0}), "quorum"),
        (whole(approval={"quorum": 6}), "quorum"),
        (whole(approval={"quorum": "2"}), "quorum"),
        (whole(approval={"danger": False}), "danger"),
        (whole(approval={"required": ["scal"]}), "required: there is no command scal"),
        (whole(approval={"required": ["scale@"]}), "`scale@`"),
        (whole(approval={"required": ["@prod"]}), "`@prod`"),
        (whole(approval={"required": ["scale@Prod"]}), "`scale@Prod`"),
        (whole(approval={"required": ["approve"]}), "cannot wait"),
        (whole(approval={"required": ["deny@prod"]}), "cannot wait"),
        (whole(approval={"approvers": []}), "names no role"),
        (whole(approval={"approvers": ["boss"]}), "approvers unknown roles: boss"),
    ],
)
def test_a_document_that_is_wrong_anywhere_is_refused_whole_and_says_where(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_access(text, commands={"scale", "status"})


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


# Roles of one's own


SHOP = {
    "risk": "change",
    "commands": ["scale", "status"],
    "namespaces": ["shop", "team-*"],
    "prefixes": ["/shop/"],
}


def one(*roles: str, channel: str = "", **parts: Any) -> Person:
    """The only person of a document, as asking in `channel`."""
    text = json.dumps(
        {"persons": {"ana": {"ids": ["slack:T/U"], "roles": roles}}, "roles": {"shop": SHOP}} | parts
    )
    person = parse_access(text).person("slack:T/U", channel)
    assert person is not None
    return person


def ask(command: str, *namespaces: str, risk: Risk = Risk.CHANGE, paths: frozenset[str] | None = None) -> Ask:
    return Ask(command, risk, frozenset(namespaces) if namespaces else None, paths)


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        (ask("scale", "shop"), True),
        (ask("scale", "team-a"), True),
        (ask("status"), True),
        (ask("scale", "prod"), False),
        (ask("scale", "shop", "prod"), False),
        (ask("scale", "shopping"), False),
        (ask("scale", "my-shop"), False),
        (ask("scale", "*"), False),
        (ask("pause", "shop"), False),
        (ask("scale", "shop", risk=Risk.DANGER), False),
        (ask("status", paths=frozenset({"/shop/db/host"})), True),
        (ask("status", paths=frozenset({"/shop/db", "/prod/db"})), False),
        (ask("status", paths=frozenset({"/shopping/db"})), False),
        (ask("status", paths=frozenset({"shop/db"})), False),
    ],
)
def test_a_role_of_ones_own_allows_what_all_of_its_lists_allow(asked: Ask, allowed: bool) -> None:
    assert one("shop").may(asked) is allowed


def test_one_role_must_allow_all_of_it_and_two_do_not_add_up() -> None:
    person = one("shop", "viewer")
    assert person.may(ask("explain", "prod", risk=Risk.READ))
    assert person.may(ask("scale", "shop"))
    assert not person.may(ask("scale", "prod"))
    assert not person.may(ask("scale", "shop", "prod"))


@pytest.mark.parametrize("part", ["commands", "namespaces", "prefixes"])
def test_an_empty_list_allows_nothing_of_its_kind(part: str) -> None:
    person = one("none", roles={"none": {"risk": "danger", part: []}})
    asked = ask("scale", "shop", risk=Risk.READ, paths=frozenset({"/shop/a"}))
    assert not person.may(asked)


def test_everywhere_is_only_for_whom_no_pattern_binds() -> None:
    everywhere = Ask("pause", Risk.CHANGE, ANYWHERE)
    assert one("operator").may(everywhere)
    for patterns, allowed in ((["*"], True), (["?"], False), (["**"], False), (["shop", "*"], True)):
        assert one("r", roles={"r": {"risk": "change", "namespaces": patterns}}).may(everywhere) is allowed


def test_whom_nothing_is_granted_may_nothing() -> None:
    assert not Person("ana", ("admin",)).could("help", Risk.READ)


# Channels


def test_a_channel_narrows_and_never_widens() -> None:
    narrowed = {
        "slack:T/C": {"roles": ["viewer"]},
        "slack:T/OPS": {"roles": ["admin"]},
        "slack:T/N": {"roles": []},
    }
    for channel, reads, changes in (
        *(("slack:T/C", True, False), ("slack:T/OPS", True, True), ("slack:T/N", False, False)),
        *(("slack:T/OTHER", True, True), ("slack:OTHER/C", True, True)),
    ):
        person = one("operator", channel=channel, channels=narrowed)
        assert person.could("status", Risk.READ) is reads
        assert person.could("scale", Risk.CHANGE) is changes
        assert not person.could("drain", Risk.DANGER)


# What needs approval


def approval(**given: Any) -> Approval:
    return parse_access(whole(approval=given, roles={"shop": SHOP})).approval


def test_danger_always_needs_approval_and_nothing_else_does_unless_it_is_said() -> None:
    for settings in (Access().approval, parse_access(whole()).approval, approval(required=["scale"])):
        assert settings.needed(ask("drain", risk=Risk.DANGER))
        assert not settings.needed(ask("status", risk=Risk.READ))
    assert not parse_access(whole()).approval.needed(ask("scale", "prod"))


@pytest.mark.parametrize(
    ("asked", "needed"),
    [
        (ask("scale", "prod"), True),
        (ask("scale", "prod-eu"), True),
        (ask("scale", "shop", "prod"), True),
        (ask("scale", "*"), True),
        (ask("scale"), True),
        (ask("scale", "shop"), False),
        (ask("pause", "prod"), False),
        (ask("resume", "shop"), True),
    ],
)
def test_a_rule_holds_for_a_command_or_for_a_command_in_namespaces(asked: Ask, needed: bool) -> None:
    assert approval(required=["scale@prod*", "resume"]).needed(asked) is needed


def test_who_may_approve_is_who_may_run_it_or_who_has_a_role_that_says_so() -> None:
    asked = ask("drain", "prod", risk=Risk.DANGER)
    anybody, named = approval(), approval(approvers=["operator", "shop"])
    assert [anybody.may(one(role), asked) for role in ("viewer", "operator", "admin")] == [False, False, True]
    assert [named.may(one(role), asked) for role in ("viewer", "operator", "admin")] == [False, True, False]
    shop = {"shop": {"risk": "change", "namespaces": ["shop"]}}
    assert not named.may(one("shop", roles=shop), asked)
    assert named.may(one("shop", roles=shop), ask("drain", "shop", risk=Risk.DANGER))
    assert not named.may(one("shop"), ask("scale", "shop"))  # it does not have `approve` among its commands


# Adding restrictions never allows more

_names = st.sampled_from(["scale", "pause", "drain"])
_spaces = st.sampled_from(["shop", "prod", "team-a"])
_patterns = st.sampled_from(["shop", "team-*", "*", "????"])
_paths = st.sampled_from(["/shop/a", "/shop/b/c", "/prod/a"])
_prefixes = st.sampled_from(["/", "/shop/", "/shop/b/"])
_roles = st.fixed_dictionaries(
    {"risk": st.sampled_from(["read", "change", "danger"])},
    optional={
        "commands": st.lists(_names),
        "namespaces": st.lists(_patterns),
        "prefixes": st.lists(_prefixes),
    },
)
_asks = st.builds(
    Ask,
    _names,
    st.sampled_from(Risk),
    st.none() | st.frozensets(_spaces, min_size=1) | st.just(ANYWHERE),
    st.none() | st.frozensets(_paths, min_size=1),
)


def held(roles: list[dict[str, Any]], channel: list[dict[str, Any]] | None) -> Person:
    declared = {f"p{n}": role for n, role in enumerate(roles)}
    narrowing = {f"c{n}": role for n, role in enumerate(channel or [])}
    parts = {} if channel is None else {"channels": {"slack:T/C": {"roles": list(narrowing)}}}
    return one(*declared, channel="slack:T/C", roles=declared | narrowing, **parts)


@given(st.lists(_roles, max_size=3), st.none() | st.lists(_roles, max_size=2), _asks, st.data())
def test_adding_restrictions_never_allows_more(
    roles: list[dict[str, Any]], channel: list[dict[str, Any]] | None, asked: Ask, data: st.DataObject
) -> None:
    before = held(roles, channel).may(asked)
    match data.draw(st.sampled_from(["narrow", "shorten", "drop", "channel", "reach"])):
        case "narrow":  # a list where there was none
            extra = {"commands": ["scale"], "namespaces": ["shop"], "prefixes": ["/shop/"]}
            after = held([extra | role for role in roles], channel).may(asked)
        case "shorten":
            shorter = [{k: v if k == "risk" else v[1:] for k, v in role.items()} for role in roles]
            after = held(shorter, channel).may(asked)
        case "drop":
            after = held(roles[1:], channel).may(asked)
        case "channel":
            after = held(roles, (channel or [])[1:]).may(asked)
        case _:  # asking for more
            more = Ask(asked.command, Risk.DANGER, (asked.namespaces or frozenset()) | {"prod"}, asked.paths)
            after = held(roles, channel).may(more)
    assert before or not after
