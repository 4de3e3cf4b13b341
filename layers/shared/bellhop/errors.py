"""One tree of errors, each of which answers the question a queue asks: deliver again?"""

from __future__ import annotations

from collections.abc import Sequence


class BellhopError(Exception):
    """What Bellhop raises itself. The message says what happened and what to do next, never a secret."""

    code = "Error"
    retryable = False


class ConfigError(BellhopError):
    """Settings or a configuration document are missing or wrong. Retried: an operator may be mending it."""

    code = "Misconfigured"
    retryable = True

    @classmethod
    def unset(cls, names: Sequence[str]) -> ConfigError:
        """The one error that names every missing setting together."""
        return cls(f"unset: {', '.join(sorted(names))}")


class InvalidInputError(BellhopError):
    """Bad input from outside: delivering it again cannot help."""

    code = "InvalidInput"


class RefusedError(BellhopError):
    """Understood, and not done: the caller may not, or the target cannot. `code` names the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BusyError(BellhopError):
    """Another delivery owns the work, or a service asks for patience.

    retry_after: seconds after which to deliver again (0 to 43,200, SQS's own limit).
    """

    code = "Busy"
    retryable = True

    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = min(max(retry_after, 0.0), 43_200.0)


class UnavailableError(BellhopError):
    """A service that Bellhop needs did not answer, or answered that it cannot now."""

    code = "Unavailable"
    retryable = True
