"""From what somebody typed to a command: strict, whatever the keyboard and Slack made of it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import arguments
import parsing
from bellhop.chat.access import Risk
from bellhop.errors import RefusedError
from bellhop.scaling.request import MAX_REPLICAS
from bellhop.scaling.workload import KINDS
from registry import Answer, Argument, Command, registered

COMMANDS = registered()
SCALE = COMMANDS["scale"]


def scale(text: str) -> dict[str, Any]:
    """The values of `scale ...`."""
    first, *rest = parsing.words(text)
    assert parsing.find(COMMANDS, first, allowed=COMMANDS) is SCALE
    return parsing.bind(SCALE, rest)


WANTED = {"target": ("Deployment", "web"), "replicas": 5, "namespace": "shop", "dry_run": True}


@pytest.mark.parametrize(
    "text",
    [
        "scale web 5 -n shop --dry-run",
        "  SCALE\tweb  5 --namespace=shop --dry-run ",
        "scale --dry-run -n shop web 5",
        "scale -n shop --dry-run -- web 5",
        "scale web 5 -nshop --dry-run",
        'scale "web" \'5\' -n "shop" --dry-run',
        "scale \u201cweb\u201d \u20185\u2019 -n shop --dry-run",
        "scale web 5 \u2014namespace shop \u2014dry-run",
        "scale web 5 \u2013namespace shop \u2013dry-run",
        "scale \u2014dry-run web 5 -n shop",
        "scale web\u00a05 -n\u00a0shop --dry-run",
        "scale <http://web|web> 5 -n shop --dry-run",
        "scale <https://x.example/y|web> 5 -n shop --dry-run",
        "scale deploy/web 5 -n shop --dry-run",
        "scale Deployment/web 5 -n shop --dry-run",
    ],
)
def test_however_it_was_typed_it_is_the_same_command(text: str) -> None:
    assert scale(text) == WANTED


def test_what_is_not_said_is_not_given_and_a_flag_is_false() -> None:
    assert scale("scale web 0") == {"target": ("Deployment", "web"), "replicas": 0, "dry_run": False}


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("&amp;lt;", "&lt;"),
        ("&amp;amp;", "&amp;"),
        ("<http://shop.example|shop.example>", "shop.example"),
        ("<http://shop.example>", "http://shop.example"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<http://x|>", ""),
        ("<http://a|a> <http://b|b>", "a b"),
        ("<@U123>", "<@U123>"),
        ("<#C123|general>", "<#C123|general>"),
        ("<!channel>", "<!channel>"),
        ("1 < 2 > 1", "1 < 2 > 1"),
        ("<http://unclosed", "<http://unclosed"),
        ("web\u2014prod", "web\u2014prod"),
        ("a \u2014b", "a --b"),
    ],
)
def test_slacks_and_the_phones_changes_are_undone(text: str, typed: str) -> None:
    assert parsing.as_typed(text) == typed


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_written_as_kubectl_writes_it(kind: str) -> None:
    assert arguments.workload(f"{kind}/db-0") == (KINDS[kind], "db-0")
    assert arguments.workload(f"{kind.upper()}/db-0") == (KINDS[kind], "db-0")


REFUSED = [
    "scale",
    "scale web",
    "scale web five",
    "scale web 5 6",
    "scale web 5 shop",
    "scale web -5",
    "scale web +5",
    "scale web 5.0",
    "scale web 5e1",
    "scale web 1_000",
    "scale web 0x5",
    "scale web ''",
    "scale web ' 5'",
    "scale '' 5",
    "scale web \uff15",
    "scale web \u0665",
    "scale web ²",
    f"scale web {MAX_REPLICAS + 1}",
    "scale web " + "9" * 2000,
    "scale web 5 -n",
    "scale web 5 -n ''",
    "scale web 5 --namespace=",
    "scale web 5 -n shop -n other",
    "scale web 5 -n shop --namespace shop",
    "scale web 5 --dry",
    "scale web 5 --dry-run=yes",
    "scale web 5 --force",
    "scale web 5 --Dry-Run",
    "scale web 5 -n Shop",
    "scale web 5 -n shop/..",
    "scale web 5 -n shop;id",
    "scale web 5 -n " + "a" * 64,
    "scale " + "a" * 254 + " 5",
    "scale pod/web 5",
    "scale /web 5",
    "scale deploy/ 5",
    "scale deploy/web/status 5",
    "scale shop/web 5",
    "scale web* 5",
    "scale * 5",
    "scale ../web 5",
    "scale -web 5",
    "scale web- 5",
    "scale web\\ 5",
    "scale web; 5",
    "scale web 5; scale db 0",
    "scale web 5 && scale db 0",
    "scale web 5 | status",
    "scale web 5 # and no more",
    "scale $(id) 5",
    "scale `id` 5",
    "scale web 5\nscale db 0",
    "scale web 5 <@U123>",
    "scale web%s 5",
    "scale web 5 --%s",
    "scale we\u200bb 5",
    "scale w\u0435b 5",
    "scale we\x00b 5",
    "scale web\u2013prod 5",
    'scale "web 5',
    "scale 'web 5",
    "scale web 5 \\",
    "scale \u201cweb 5",
    "status now",
    "status --all",
    "policies shop",
    "policies -n shop -n other",
    "scale web 5 --for",
    "scale web 5 --for 30m --for 30m",
    "scale web 5 --for 30",
    "pause",
    "pause web api",
    "pause *",
    "pause pod/web",
    "pause web --for 30m",
    "resume",
    "explain",
    "explain web api",
    "approve",
    "approve web",
    "simulate web",
    "simulate web 90 10",
    "simulate web 90 --minutes 61",
    "help scale status",
    "scale web 5 " + "x" * 3000,
]


def test_a_text_longer_than_any_command_is_not_even_split() -> None:
    assert len(parsing.words("x" * 3000)) == 1
    with pytest.raises(RefusedError, match="over 3000 characters"):
        parsing.words("x" * 3001)


def bound(text: str) -> dict[str, Any]:
    first, *rest = parsing.words(text)
    return parsing.bind(parsing.find(COMMANDS, first, allowed=COMMANDS), rest)


def tried[T](work: Callable[[], T]) -> T | RefusedError:
    """What work gives, or its refusal; anything else it raises fails the test."""
    try:
        return work()
    except RefusedError as refusal:
        return refusal


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_exactly_a_command_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        bound(text)
    assert refusal.value.code == "BadArguments"
    assert str(refusal.value)


def test_a_refused_argument_comes_with_the_usage() -> None:
    with pytest.raises(RefusedError) as refusal:
        parsing.bind(SCALE, ["web", "many"])
    assert "`many` is not a number of replicas" in str(refusal.value)
    assert str(refusal.value).endswith(
        "usage: `scale TARGET REPLICAS [-n NAMESPACE] [--for DURATION] [--dry-run]`"
    )


@pytest.mark.parametrize(
    "name",
    [
        *("hi", "hi;", "status;", "status*", "sta*", "*", "?*", "s", "stat", "/status", "", "status\u200b"),
        *(
            "st\u0430tus",
            "\uff53\uff54\uff41\uff54\uff55\uff53",
            "status && help",
            "__class__",
            "run",
            "plugins.status",
        ),
    ],
)
def test_a_name_that_is_not_a_command_never_becomes_one(name: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        parsing.find(COMMANDS, name, allowed=COMMANDS)
    assert refusal.value.code == "UnknownCommand"


def test_a_suggestion_is_only_from_what_is_allowed() -> None:
    with pytest.raises(RefusedError, match="did you mean `scale`"):
        parsing.find(COMMANDS, "scal", allowed=COMMANDS)
    with pytest.raises(RefusedError, match="try `help`"):
        parsing.find(COMMANDS, "scal", allowed=["status"])


TYPED = st.text(st.characters(codec="utf-8")) | st.text(
    "scale web5-n'\"\\<>|&;*\u2014\u201c\u201d\u00a0:/", max_size=40
)


@given(TYPED)
@example("<http://|>")
@example("&lt;http://a|b&gt;")
def test_any_text_is_words_or_a_refusal(text: str) -> None:
    found = tried(lambda: parsing.words(text))
    if isinstance(found, RefusedError):
        assert found.code == "BadArguments"
        return
    assert all(isinstance(word, str) for word in found)


ODD_WORDS = "web 5 -n shop --dry-run -- - --x '' a/b ; * -5 deploy/web --namespace=a -nb"


@given(
    st.sampled_from(sorted(COMMANDS)),
    st.lists(st.sampled_from(ODD_WORDS.split()) | st.text(max_size=6), max_size=6),
)
def test_any_words_are_a_whole_command_or_a_refusal(name: str, given: list[str]) -> None:
    command = COMMANDS[name]
    values = tried(lambda: parsing.bind(command, given))
    if isinstance(values, RefusedError):
        assert values.code == "BadArguments"
        return
    keys = {argument.name.lstrip("-").replace("-", "_"): argument for argument in command.arguments}
    assert values.keys() <= keys.keys()
    needed = {key for key, a in keys.items() if a.flag or not (a.optional or a.name.startswith("--"))}
    assert needed <= values.keys()
    if command is SCALE:
        (kind, workload), replicas = values["target"], values["replicas"]
        # Nothing was dropped on the way: every word went into some value.
        assert kind in {"Deployment", "StatefulSet"}
        assert any(word.endswith(workload) for word in given)
        assert any(word.isdecimal() and int(word) == replicas for word in given)
        assert len([w for w in given if not w.startswith("-")]) <= 2 + len(
            {"namespace", "for"} & values.keys()
        )


NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@given(
    NAMES,
    st.integers(0, MAX_REPLICAS),
    NAMES,
    st.booleans(),
    st.sampled_from(["'{}'", '"{}"', "\u201c{}\u201d", "{}"]),
)
def test_every_well_formed_scale_is_understood(
    name: str, count: int, where: str, dry: bool, quote: str
) -> None:
    text = f"scale {quote.format(name)} {count} -n {quote.format(where)}{' \u2014dry-run' if dry else ''}"
    wanted = {"target": ("Deployment", name), "replicas": count, "namespace": where, "dry_run": dry}
    assert scale(text) == wanted


@given(
    st.lists(
        st.text(
            st.characters(codec="utf-8", exclude_characters="\u2018\u2019\u201c\u201d\u2013\u2014\u00a0<>&"),
            max_size=10,
        ),
        max_size=5,
    )
)
def test_quoted_words_come_out_as_they_went_in(given: list[str]) -> None:
    assume(not given or given == [word.strip() for word in given])
    assert parsing.words(shlex.join(given)) == given


@given(st.text())
def test_an_argument_is_a_name_that_kubernetes_takes_or_a_refusal(word: str) -> None:
    for parse in (arguments.namespace, arguments.workload, arguments.replicas):
        value = tried(lambda parse=parse: parse(word))  # type: ignore[misc]
        if isinstance(value, RefusedError):
            assert value.code == "BadArguments"
            continue
        name = value[1] if isinstance(value, tuple) else str(value)
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
        assert name[0].isalnum()
        assert name[-1].isalnum()


def test_an_option_that_is_given_twice_is_refused_even_with_an_empty_value() -> None:
    command = Command("c", "", Risk.READ, lambda _: Answer(""), (Argument("--name", "", short="-m"),))
    assert parsing.bind(command, ["-m", ""]) == {"name": ""}
    with pytest.raises(RefusedError, match="given twice"):
        parsing.bind(command, ["-m", "", "--name", "x"])


@given(st.text() | st.from_regex(r"[-+0-9.eEinfa_dmhs]{1,8}", fullmatch=True))
def test_a_number_and_a_length_of_time_are_finite_or_refused(word: str) -> None:
    number = tried(lambda: arguments.number(word))
    if isinstance(number, float):
        assert math.isfinite(number)
        assert number == float(word)
    length = tried(lambda: arguments.duration(word))
    if isinstance(length, timedelta):
        assert timedelta(0) < length <= timedelta(days=365)
    minutes = tried(lambda: arguments.minutes(word))
    if isinstance(minutes, int):
        assert 1 <= minutes <= arguments.MAX_MINUTES


@given(st.text() | st.from_regex(r"[A-Za-z./_-]{1,20}", fullmatch=True))
def test_a_policys_name_is_one_that_kubernetes_or_eks_takes_or_is_refused(word: str) -> None:
    value = tried(lambda: arguments.policy_or_workload(word))
    if isinstance(value, RefusedError):
        assert value.code == "BadArguments"
        return
    kind, name = value
    assert word.endswith(name)
    assert bool(kind) == ("/" in word)
    assert name[0].isalnum()
    assert name.replace("-", "").replace(".", "").replace("_", "").isalnum()
