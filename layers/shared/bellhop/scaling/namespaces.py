"""Which namespaces the stack lets Bellhop touch at all: its parameter AllowedNamespaces."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase


def allowing(patterns: str) -> Callable[[str], bool]:
    """From "shop,team-*" to a test of a namespace's name. "*" allows all, an empty text none."""
    wanted = [pattern.strip() for pattern in patterns.split(",") if pattern.strip()]
    return lambda namespace: any(fnmatchcase(namespace, pattern) for pattern in wanted)
