"""Typed arguments: from a word to a value, or a RefusedError that says what was expected."""

from __future__ import annotations

import re

from bellhop.errors import RefusedError
from bellhop.scaling.request import MAX_REPLICAS
from bellhop.scaling.workload import KINDS

#: A DNS label and a DNS subdomain, as Kubernetes names namespaces and workloads (RFC 1123).
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_SUBDOMAIN = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?", re.ASCII)


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


def replicas(word: str) -> int:
    if not (word.isascii() and word.isdecimal() and len(word) <= 6 and int(word) <= MAX_REPLICAS):
        raise RefusedError("BadArguments", f"`{word}` is not a number of replicas from 0 to {MAX_REPLICAS}")
    return int(word)
