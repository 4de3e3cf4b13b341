"""Typed arguments of the reading commands: from a word to a value, or a RefusedError that says what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable

from bellhop.errors import RefusedError
from bellhop.scaling.workload import KINDS

#: A DNS label and a DNS subdomain (RFC 1123).
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?", re.ASCII)
#: What kubectl's -l takes: equality and sets, over labels' characters. The API server has the last word.
_SELECTOR = re.compile(r"[-A-Za-z0-9_./=!,() ]{1,500}", re.ASCII)
_NAME = re.compile(r"[^\x00-\x1f`]{1,255}")
_STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
_READ = KINDS | dict.fromkeys(("ds", "daemonset", "daemonsets"), "DaemonSet") | {"po": "Pod", "pod": "Pod"}


def node(word: str) -> str:
    return _matching(_SUBDOMAIN, word, "a node's name")


def container(word: str) -> str:
    return _matching(_LABEL, word, "a container's name")


def selector(word: str) -> str:
    return _matching(_SELECTOR, word, "a label selector such as app=web,tier!=back")


def alarm_name(word: str) -> str:
    return _matching(_NAME, word, "an alarm's name")


def subject(word: str) -> str:
    return _matching(_NAME, word, "a subject such as shop/web")


def some_text(word: str) -> str:
    if not word.strip() or len(word) > 200:
        raise RefusedError("BadArguments", "the text to look for is 1 to 200 characters")
    return word


def alarm_state(word: str) -> str:
    state = word.upper().replace("-", "_")
    if state not in _STATES:
        raise RefusedError("BadArguments", f"`{word}` is not a state: {', '.join(_STATES)}")
    return state


def pod_or_workload(word: str) -> tuple[str, str]:
    """(kind, name) of `web-5d4f-x2x`, `deploy/web`, `ds/agent`, `pod/x`; kind "" when it is not said."""
    kind, slash, name = word.rpartition("/")
    if slash and kind.lower() not in _READ:
        raise RefusedError(
            "BadArguments", f"`{kind}` has no logs: use pod, deployment, statefulset or daemonset"
        )
    return _READ[kind.lower()] if slash else "", _matching(_SUBDOMAIN, name, "a pod's or a workload's name")


def one_of(*words: str) -> Callable[[str], str]:
    def parse(word: str) -> str:
        if word.lower() not in words:
            raise RefusedError("BadArguments", f"`{word}` is not one of {', '.join(words)}")
        return word.lower()

    return parse


def count(most: int) -> Callable[[str], int]:
    def parse(word: str) -> int:
        if not (word.isascii() and word.isdecimal() and len(word) <= 6 and 1 <= int(word) <= most):
            raise RefusedError("BadArguments", f"`{word}` is not a number from 1 to {most}")
        return int(word)

    return parse


def _matching(form: re.Pattern[str], word: str, wanted: str) -> str:
    if not form.fullmatch(word):
        raise RefusedError("BadArguments", f"`{word}` is not {wanted}")
    return word
