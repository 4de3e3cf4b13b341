"""Parameter Store values, kept for a while: one GetParameter for the one value that is needed.

GetParameters and GetParametersByPath are not used: they authorise other resources than the parameter's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bellhop.errors import ConfigError, UnavailableError

KEPT_SECONDS = 300.0
REFETCH_SECONDS = 30.0

#: Fetches one parameter by name or `name:label`, decrypted. None when there is no such parameter, version
#: or label. Raises UnavailableError when Parameter Store throttles or does not answer.
type Fetch = Callable[[str], str | None]
type Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Kept:
    value: str | None
    fetched_at: float
    failed_at: float | None = None


class Parameters:
    """A cache of parameters. One per process; a clock (seconds, monotonic) is passed in."""

    def __init__(self, fetch: Fetch, clock: Clock, *, kept_seconds: float = KEPT_SECONDS) -> None:
        self._fetch = fetch
        self._clock = clock
        self._kept_seconds = kept_seconds
        self._kept: dict[str, _Kept] = {}

    def get(self, name: str, *, newer_than: float | None = None) -> str | None:
        """The value, at most `kept_seconds` old (or `newer_than` seconds, when that is less).

        A stale value is served while Parameter Store cannot answer, which is asked again at most every 30 s.
        None: there is no such parameter.
        Raises UnavailableError when nothing was ever fetched and nothing can be now.
        """
        age_limit = self._kept_seconds if newer_than is None else min(newer_than, self._kept_seconds)
        kept = self._kept.get(name)
        now = self._clock()
        if kept is not None and (now - kept.fetched_at < age_limit or _failed_lately(kept, now)):
            return kept.value
        try:
            fresh = _Kept(self._fetch(name), now)
        except UnavailableError:
            if kept is None:
                raise
            self._kept[name] = replace(kept, failed_at=now)
            return kept.value
        self._kept[name] = fresh
        return fresh.value

    def require(self, name: str) -> str:
        """As `get`, but a missing parameter is a ConfigError that says what to create."""
        value = self.get(name)
        if value is None:
            raise ConfigError(f"parameter {name} does not exist: create it (docs/configuration.md)")
        return value

    def accepts(self, name: str, matches: Callable[[str], bool]) -> bool:
        """Whether a secret that is good now `matches`: the current value, or the one labelled `previous`.

        A miss is looked up again, at most every 30 s, so that a secret rotated a moment ago works 30 s later
        at the latest and a flood of bad ones costs nothing. Raises ConfigError when there is no such parameter.
        """
        if self._matches(name, matches, None):
            return True
        if self._matches(name, matches, REFETCH_SECONDS):
            return True
        self.require(name)
        return False

    def _matches(self, name: str, matches: Callable[[str], bool], newer_than: float | None) -> bool:
        # One after the other: the previous value is fetched only when the current one does not match.
        return any(
            (secret := self.get(selector, newer_than=newer_than)) is not None and matches(secret)
            for selector in (name, f"{name}:previous")
        )


def _failed_lately(kept: _Kept, now: float) -> bool:
    return kept.failed_at is not None and now - kept.failed_at < REFETCH_SECONDS


def without_line_end(value: str) -> str:
    """A parameter's value without the line end that editors and `file://` leave on it."""
    return value.rstrip("\r\n")
