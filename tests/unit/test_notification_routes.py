"""The notifications document: which channel, when not, and where the entry is read."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo, reset_tzpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

import notice_routes
import routing
from bellhop.chat.replies import Address
from bellhop.chat.slack import render
from bellhop.errors import ConfigError
from bellhop.ledger import Entry, Outcome
from local.chat.block_rules import checked_blocks
from notice_routes import Routes
from routing import Answer, Channel, parse_routes
from tests.unit.chat_world import WHEN, asked_from, entry

ROOT = Path(__file__).parents[2]
BERLIN: dict[str, Any] = {
    "from": "22:00",
    "until": "07:00",
    "timezone": "Europe/Berlin",
    "outcomes": ["done"],
}
#: Until 2099.
NOWS = st.integers(0, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def document(**slack: Any) -> Routes:
    return parse_routes(json.dumps({"slack": {"channel": "C0"} | slack}))


def channels(routes: Routes, told: Entry, now: datetime = WHEN) -> list[str]:
    return [
        each.id for each in routing.destinations(told, routes, None, now=now) if isinstance(each, Channel)
    ]


# Routes


@pytest.mark.parametrize(
    ("route", "matches"),
    [
        ({}, True),
        ({"flows": ["scaling"]}, True),
        ({"flows": ["jobs"]}, False),
        ({"flows": ["jobs", "scaling"]}, True),
        ({"actions": ["scale"]}, True),
        ({"actions": ["restart"]}, False),
        ({"outcomes": ["done"]}, True),
        ({"outcomes": ["failed", "refused"]}, False),
        ({"subjects": ["shop/*"]}, True),
        ({"subjects": ["*/we?"]}, True),
        ({"subjects": ["shop"]}, False),
        ({"subjects": ["Shop/*"]}, False),
        ({"subjects": ["till/*", "shop/web"]}, True),
        ({"flows": ["scaling"], "actions": ["scale"], "outcomes": ["done"], "subjects": ["shop/web"]}, True),
        ({"flows": ["scaling"], "actions": ["scale"], "outcomes": ["failed"], "subjects": ["*"]}, False),
    ],
)
def test_a_route_matches_when_each_of_its_lists_does(route: dict[str, Any], matches: bool) -> None:
    assert channels(document(routes=[{"channel": "C1"} | route]), entry()) == ["C1" if matches else "C0"]


def test_the_first_route_that_matches_wins() -> None:
    routes = document(
        routes=[
            {"channel": "C1", "outcomes": ["failed"]},
            {"channel": None, "subjects": ["shop/*"]},
            {"channel": "C2"},
        ]
    )
    assert channels(routes, entry(outcome=Outcome.FAILED)) == ["C1"]
    assert channels(routes, entry()) == []
    assert channels(routes, entry(subject="till/web")) == ["C2"]


def test_a_route_tells_nothing_that_is_not_told_without_it() -> None:
    everything = document(routes=[{"channel": "C1", "outcomes": ["held", "answered"]}])
    assert channels(everything, entry(outcome=Outcome.HELD, reason="WithinTolerance")) == []
    assert channels(everything, entry(outcome=Outcome.ANSWERED)) == []
    assert channels(everything, entry(outcome=Outcome.HELD, reason="MetricMissing")) == ["C1"]


def test_a_channel_that_a_route_names_and_that_has_the_answer_gets_no_notice_too() -> None:
    asked = asked_from(channel="C1")
    told = routing.destinations(entry(asked_in="e1"), document(routes=[{"channel": "C1"}]), asked, now=WHEN)
    assert told == [Answer(str(asked.response_url), "C1")]


def test_every_flow_that_writes_notices_can_be_routed() -> None:
    sources = [path.read_text() for path in (ROOT / "functions").rglob("*.py")]
    written = {flow for source in sources for flow in re.findall(r"\bflow=\"([\w-]+)\"", source)}
    assert written - {"commands"} == set(get_args(notice_routes._Flow))


# Quiet hours


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        (("22:00", "07:00"), {"21:59": True, "22:00": False, "00:00": False, "06:59": False, "07:00": True}),
        (("12:00", "13:30"), {"11:59": True, "12:00": False, "13:29": False, "13:30": True, "23:00": True}),
    ],
)
def test_quiet_hours_begin_with_from_and_end_before_until(
    hours: tuple[str, str], told: dict[str, bool]
) -> None:
    begin, until = hours
    routes = document(quiet=BERLIN | {"from": begin, "until": until})
    for clock, expected in told.items():
        hour, minute = map(int, clock.split(":"))
        now = datetime(2026, 11, 20, hour, minute, 30, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
        assert channels(routes, entry(), now) == ["C0"] * expected, clock


def test_quiet_hours_follow_the_zones_clocks_through_the_year() -> None:
    routes = document(quiet=BERLIN)
    at_half_past_five = {month: datetime(2026, month, 20, 5, 30, tzinfo=UTC) for month in (1, 7)}
    assert channels(routes, entry(), at_half_past_five[1]) == []  # 06:30 there
    assert channels(routes, entry(), at_half_past_five[7]) == ["C0"]  # 07:30


@given(NOWS, st.sampled_from(sorted(set(Outcome) - {Outcome.DONE})))
def test_an_outcome_that_is_not_named_is_never_quiet(now: datetime, outcome: Outcome) -> None:
    quiet = document(quiet=BERLIN).slack
    assert quiet is not None
    assert quiet.quiet is not None
    assert not quiet.quiet.holds(outcome, now)


@given(NOWS)
def test_quiet_and_loud_hours_are_each_others_complement(now: datetime) -> None:
    night, day = document(quiet=BERLIN), document(quiet=BERLIN | {"from": "07:00", "until": "22:00"})
    assert (channels(night, entry(), now) == []) != (channels(day, entry(), now) == [])


def test_without_time_zone_data_a_zone_is_a_named_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    ZoneInfo.clear_cache()
    monkeypatch.setitem(sys.modules, "tzdata", None)
    reset_tzpath(to=())
    try:
        with pytest.raises(ConfigError, match=r"Europe/Berlin.*quiet\.timezone"):
            document(quiet=BERLIN)
    finally:
        reset_tzpath()
    assert timedelta(0) != WHEN.astimezone(ZoneInfo("Europe/Berlin")).utcoffset()


# The ledger's link


def context(routes: Routes, told: Entry) -> str:
    message = render(routing.render(told, link=routes.link(told)))
    assert checked_blocks(message["blocks"]) == message["blocks"]
    found: str = message["blocks"][-1]["elements"][0]["text"]
    return found


@pytest.mark.parametrize(
    ("ledger_url", "shown"),
    [
        ("https://l.example/e/{id}", "https://l.example/e/0123456789abcdef"),
        ("https://l.example/?s={subject}&i={id}", "https://l.example/?s=shop%2Fweb&amp;i=0123456789abcdef"),
        ("https://l.example:8443/all", "https://l.example:8443/all"),
    ],
)
def test_the_small_print_ends_with_the_link(ledger_url: str, shown: str) -> None:
    assert context(document(ledger_url=ledger_url), entry()).endswith(f" · 01234567 · <{shown}|ledger>")


def test_without_an_address_there_is_no_link() -> None:
    assert context(document(), entry()).endswith(" · 01234567")
    assert parse_routes(None).link(entry()) is None


def test_a_link_that_is_too_long_is_left_out() -> None:
    assert document(ledger_url="https://l.example/{subject}").link(entry(subject="/" * 150)) is None
    assert document(ledger_url="https://l.example/" + "&" * 150).link(entry()) is None


@given(
    st.text(max_size=120),
    st.text(st.characters(codec="utf-8"), max_size=1200) | st.just("<" * 300),
    st.text(),
)
def test_the_link_is_whole_or_not_there_and_nothing_else_becomes_one(
    subject: str, actor: str, reason: str
) -> None:
    routes = document(ledger_url="https://l.example/?s={subject}")
    shown = context(routes, entry(subject=subject, actor=actor, reason=reason))
    links = re.findall(r"<([^<>|]*)\|ledger>", shown)
    assert shown.count("<") == shown.count(">") == len(links) <= 1
    for link in links:
        parts = urlsplit(link)
        assert (parts.hostname, parts.fragment) == ("l.example", "")
        assert unquote(parts.query.removeprefix("s=")) == subject.encode("utf-8", "replace").decode()


# Faults


FAULTY_ROUTES: list[tuple[dict[str, Any], str]] = [
    ({"channel": ""}, "channel"),
    ({"flow": ["scaling"]}, "flow"),
    ({"flows": ["scalling"]}, "flows"),
    ({"flows": ["commands"]}, "flows"),
    ({"flows": []}, "flows"),
    ({"actions": []}, "actions"),
    ({"actions": ["Scale it"]}, "actions"),
    ({"outcomes": ["fail"]}, "outcomes"),
    ({"outcomes": []}, "outcomes"),
    ({"subjects": "shop/*"}, "subjects"),
    ({"subjects": [""]}, "subjects"),
]
FAULTY_HOURS: list[tuple[dict[str, Any], str]] = [
    ({"from": "24:00"}, "quiet.from"),
    ({"from": "9:00"}, "quiet.from"),
    ({"until": "07:60"}, "quiet.until"),
    ({"until": "0\u0667:00"}, "quiet.until"),
    ({"until": "22:00"}, "quiet.until"),
    ({"outcomes": []}, "quiet.outcomes"),
    ({"outcomes": ["all"]}, "quiet.outcomes"),
    ({"days": ["sunday"]}, "days"),
    *(
        ({"timezone": zone}, "quiet.timezone")
        for zone in (
            "",
            "Berlin",
            "Europe",
            "Europe/Berlin/",
            "../UTC",
            "/etc/localtime",
            "x" * 300,
            "leapseconds",
        )
    ),
]


def faulty() -> Iterator[tuple[dict[str, Any], str]]:
    """What is wrong in {"slack": ...}, and the field that the error names."""
    yield {"channel": ""}, "slack.channel"
    yield {"channel": "C0 "}, "slack.channel"
    yield {"channel": None}, "slack.channel"
    yield {"chanel": "C0"}, "chanel"
    yield {"routes": {}}, "slack.routes"
    yield {"routes": [{}]}, "channel"
    for route, field in FAULTY_ROUTES:
        yield {"routes": [{"channel": "C1"} | route]}, field
    for quiet, field in FAULTY_HOURS:
        yield {"quiet": BERLIN | quiet}, field
    for missing in BERLIN:
        yield {"quiet": {name: value for name, value in BERLIN.items() if name != missing}}, missing
    for url in (
        "",
        "http://l.example/{id}",
        "l.example/{id}",
        "https:///{id}",
        "https://{subject}/x",
        "https://{id}.example/",
        "https://user@l.example/",
        "https://l.example:x/",
        "https://l.example:0/",
        "https://[::1/",
        "https://l.example/{Id}",
        "https://l.example/{id",
        "https://l.example/{{id}}",
        "https://l.example/ {id}",
        "https://l.example/|click>",
        "https://l.example/\n",
        "https://lédger.example/",
        "https://l.example/" + "x" * 300,
    ):
        yield {"ledger_url": url}, "slack.ledger_url"


@pytest.mark.parametrize(("slack", "field"), list(faulty()))
def test_a_fault_names_its_field(slack: dict[str, Any], field: str) -> None:
    with pytest.raises(ConfigError, match="the notifications document is wrong") as error:
        document(**slack)
    assert field in str(error.value)


def test_faults_that_only_bellhop_sees_are_told_together() -> None:
    with pytest.raises(ConfigError, match=r"quiet\.timezone.*ledger_url"):
        document(quiet=BERLIN | {"timezone": "Berlin"}, ledger_url="http://l.example")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_a_document_is_read_or_is_a_config_error(value: Any) -> None:
    for wrong in (value, {"slack": value}, {"slack": {"channel": "C0", "routes": value, "quiet": value}}):
        text = json.dumps(wrong)
        try:
            assert isinstance(parse_routes(text), Routes)
        except ConfigError as error:
            assert "notifications document" in str(error)  # noqa: PT017


# Whatever the document

CHANNELS = st.sampled_from(["C0", "C1", "C2"])
OUTCOMES = st.lists(st.sampled_from(Outcome), min_size=1)
ROUTES = st.fixed_dictionaries(
    {"channel": st.none() | CHANNELS},
    optional={
        "flows": st.lists(st.sampled_from(["jobs", "scaling"]), min_size=1),
        "actions": st.lists(st.sampled_from(["scale", "restart"]), min_size=1),
        "outcomes": OUTCOMES,
        "subjects": st.lists(st.text("sho*?[]!/web", min_size=1), min_size=1),
    },
)
CLOCKS = st.times().map(lambda time: time.strftime("%H:%M"))
QUIET = st.fixed_dictionaries(
    {
        "from": CLOCKS,
        "until": CLOCKS,
        "timezone": st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
        "outcomes": OUTCOMES,
    }
).filter(lambda quiet: quiet["from"] != quiet["until"])
DOCUMENTS = st.fixed_dictionaries(
    {"channel": CHANNELS}, optional={"routes": st.lists(ROUTES, max_size=4), "quiet": st.none() | QUIET}
)
ENTRIES = st.builds(
    entry,
    flow=st.sampled_from(["jobs", "scaling", "commands"]),
    action=st.sampled_from(["scale", "restart"]),
    outcome=st.sampled_from(Outcome),
    subject=st.sampled_from(["shop/web", "policies", "job/1"]) | st.text(),
    reason=st.sampled_from(["MetricMissing", "WithinTolerance"]),
    asked_in=st.none() | st.just("e1"),
)
ASKED = st.none() | st.builds(asked_from, st.none() | st.just("https://hooks.slack.com/x"), CHANNELS)


@given(DOCUMENTS, ENTRIES, ASKED, NOWS)
def test_a_notice_goes_to_at_most_one_channel_beside_who_asked(
    slack: dict[str, Any], told: Entry, asked: Address | None, now: datetime
) -> None:
    routes = parse_routes(json.dumps({"slack": slack}))
    places = routing.destinations(told, routes, asked, now=now)
    answers, team = places[: asked is not None], places[asked is not None :]
    assert len(answers) == (asked is not None)
    assert len(team) <= 1
    for place in team:
        assert isinstance(place, Channel)
        assert place.thread is None
        assert asked is None or place.id != asked.channel
        assert place.id in {slack["channel"], *(route["channel"] for route in slack.get("routes", []))}


@given(DOCUMENTS, ENTRIES, NOWS)
def test_what_a_channel_would_be_told_without_routes_and_quiet_hours_is_told_to_one_or_withheld(
    slack: dict[str, Any], told: Entry, now: datetime
) -> None:
    routes = parse_routes(json.dumps({"slack": slack}))
    withheld = routing.withheld(told, routes, now=now)
    without = channels(document(channel=slack["channel"]), told, now)
    assert len(channels(routes, told, now)) + (withheld is not None) == len(without)
