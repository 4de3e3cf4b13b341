"""Typed arguments: from a word to a value, or a RefusedError that says what was expected."""

from __future__ import annotations

import math
import re
from datetime import timedelta

from bellhop import durations
from bellhop.errors import InvalidInputError, RefusedError
from bellhop.jobs.request import LONGEST_DRAIN_SECONDS
from bellhop.scaling.request import MAX_REPLICAS
from bellhop.scaling.spec import AUTOSCALER, NODE_GROUP
from bellhop.scaling.workload import KINDS

#: A DNS label and a DNS subdomain, as Kubernetes names namespaces and workloads (RFC 1123).
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?", re.ASCII)
#: EKS's names of node groups, Kubernetes' names among them.
_TARGET = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]{0,252}", re.ASCII)
#: `bellhop.scaling.transitions` makes questions' ids: short enough to type, too short for a secret.
_QUESTION = re.compile(r"[0-9a-f]{8}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?", re.ASCII)

#: What a policy may govern, as kubectl writes it.
_GOVERNED = KINDS | {"hpa": AUTOSCALER, AUTOSCALER.lower(): AUTOSCALER, NODE_GROUP.lower(): NODE_GROUP}
_DAEMON_SETS = frozenset({"daemonset", "daemonsets", "ds"})
_JOB = re.compile(r"[0-9a-f]{12}", re.ASCII)
#: `all` in place of a policy's name.
ALL = ("", "all")
MAX_MINUTES = 60


def namespace(word: str) -> str:
    if not _LABEL.fullmatch(word):
        raise RefusedError("BadArguments", f"`{word}` is not a namespace's name")
    return word


def workload(word: str) -> tuple[str, str]:
    """(kind, name) of `web`, `deploy/web`, `statefulset/db`: as kubectl writes it, a Deployment if not said."""
    kind, slash, name = word.rpartition("/")
    if slash and kind.lower() not in KINDS:
        raise RefusedError(
            "BadArguments", f"`{kind}` has no size that can be set: use deployment/NAME or statefulset/NAME"
        )
    if not _SUBDOMAIN.fullmatch(name):
        raise RefusedError("BadArguments", f"`{name}` is not a workload's name")
    return KINDS[kind.lower()] if slash else "Deployment", name


def restartable(word: str) -> tuple[str, str]:
    """(kind, name) as `workload`, DaemonSets too."""
    kind, _, name = word.rpartition("/")
    if kind.lower() in _DAEMON_SETS and _SUBDOMAIN.fullmatch(name):
        return "DaemonSet", name
    return workload(word)


def node(word: str) -> str:
    if not _SUBDOMAIN.fullmatch(word):
        raise RefusedError("BadArguments", f"`{word}` is not a node's name")
    return word


def job(word: str) -> str:
    if not _JOB.fullmatch(word):
        raise RefusedError("BadArguments", f"`{word}` is not a job's id, such as 1a2b3c4d5e6f")
    return word


def drain_timeout(word: str) -> timedelta:
    found = duration(word)
    if found.total_seconds() > LONGEST_DRAIN_SECONDS:
        raise RefusedError("BadArguments", f"`{word}` is more than 6h")
    return found


def seconds(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 6):
        raise RefusedError("BadArguments", f"`{word}` is not a number of seconds")
    return int(word)


def replicas(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 6 and int(word) <= MAX_REPLICAS):
        raise RefusedError("BadArguments", f"`{word}` is not a number of replicas from 0 to {MAX_REPLICAS}")
    return int(word)


def policy_or_workload(word: str) -> tuple[str, str]:
    """(kind, name): kind "" for a policy's or a workload's bare name, else of the workload `deploy/web`."""
    kind, slash, name = word.rpartition("/")
    if slash and kind.lower() not in _GOVERNED:
        raise RefusedError("BadArguments", f"`{kind}` is nothing that a policy sizes")
    if not _TARGET.fullmatch(name):
        raise RefusedError("BadArguments", f"`{name}` is not a policy's name")
    return _GOVERNED[kind.lower()] if slash else "", name


def question(word: str) -> str:
    if not _QUESTION.fullmatch(word.lower()):
        raise RefusedError("BadArguments", f"`{word}` is not a question's id, which has 8 of 0-9 and a-f")
    return word.lower()


def duration(word: str) -> timedelta:
    """45s, 30m, 1h30m, 7d: at most a year."""
    try:
        return durations.parse(word)
    except InvalidInputError as error:
        raise RefusedError("BadArguments", str(error)) from error


def number(word: str) -> float:
    """A finite number, without a unit."""
    if not _NUMBER.fullmatch(word) or not math.isfinite(float(word)):
        raise RefusedError("BadArguments", f"`{word}` is not a number like 86 or 0.5")
    return float(word)


def minutes(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 3 and 1 <= int(word) <= MAX_MINUTES):
        raise RefusedError("BadArguments", f"`{word}` is not a number of minutes from 1 to {MAX_MINUTES}")
    return int(word)
