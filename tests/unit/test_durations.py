"""Lengths of time: what is read, what is refused, what is said."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bellhop import durations
from bellhop.errors import InvalidInputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("45s", 45),
        ("30m", 1800),
        ("1h30m", 5400),
        ("30m1h", 5400),
        ("90m", 5400),
        ("1d1h1m1s", 90061),
        ("1h1h", 7200),
        ("000005m", 300),
        ("365d", 365 * 86400),
    ],
)
def test_a_length_is_the_sum_of_its_parts(text: str, seconds: int) -> None:
    assert durations.parse(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "5", "h", "5w", "5H", "-5m", "+5m", "1.5h", "1h 30m", " 5m", "5m\n", "1000000s", "\u0665m", "5m!"],
)
def test_what_is_no_length_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a length of time such as 45s, 30m, 1h30m or 7d"):
        durations.parse(text)


@pytest.mark.parametrize("text", ["0s", "0h0m", "365d1s", "366d", "999999d"])
def test_nothing_at_all_and_more_than_a_year_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not between 1 second and a year"):
        durations.parse(text)


@pytest.mark.parametrize("part", ["x", "999999d"])
def test_however_long_a_text_is_the_refusal_is_short(part: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        durations.parse(part * 50_000)
    assert len(str(refused.value)) < 100


@given(st.text(alphabet="0123456789smhd -.", max_size=12))
def test_all_texts_are_read_or_refused(text: str) -> None:
    try:
        length = durations.parse(text)
    except InvalidInputError:
        return
    assert re.search(durations.PATTERN, text)
    assert timedelta(0) < length <= timedelta(days=365)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0s"),
        (0, "0s"),
        (0.4, "0s"),
        (45, "45s"),
        (60, "1m"),
        (5400, "1h 30m"),
        (3605, "1h 5s"),
        (90061, "1d 1h"),
        (30 * 86400, "30d"),
    ],
)
def test_the_two_largest_units_are_said(seconds: float, said: str) -> None:
    assert durations.say(timedelta(seconds=seconds)) == said


@given(st.integers(min_value=1, max_value=365 * 86400))
def test_what_is_said_can_be_read_and_is_never_more(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    again = durations.parse(durations.say(length).replace(" ", ""))
    assert again <= length < again + timedelta(hours=1)
