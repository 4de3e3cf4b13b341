"""Asking the API server: a token that ended is renewed once, and every answer but yes is one of Bellhop's errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import httpx2
from lightkube import ApiError
from lightkube.core.client import Client

from bellhop.errors import UnavailableError
from bellhop.kubernetes.connection import Connection
from bellhop.kubernetes.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
)


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls over one `Connection`."""

    connection: Connection

    def call[T](self, what: str, ask: Callable[[Client], T]) -> T:
        """Ask the API server; a 401 once more with a new token, since credentials end before their time.

        what: names the object in the error. Raises the errors of `bellhop.kubernetes.errors`, UnavailableError.
        """
        try:
            return self._ask(what, ask)
        except UnauthorizedError:
            self.connection.close()
            return self._ask(what, ask)

    def _ask[T](self, what: str, ask: Callable[[Client], T]) -> T:
        try:
            return ask(self.connection.client())
        except ApiError as error:
            raise _refusal(what, error) from error
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            raise UnavailableError(f"{what}: the API server answered {status}") from error
        except httpx2.HTTPError as error:
            raise UnavailableError(
                f"{what}: no answer from the API server ({type(error).__name__})"
            ) from error


def _refusal(what: str, error: ApiError) -> Exception:
    code = error.status.code or error.response.status_code
    said = f"{what}: {code} {error.status.message}"
    match code:
        case 404:
            return NotFoundError(said)
        case 409:
            return ConflictError(said)
        case 401:
            return UnauthorizedError(f"{said} (docs/deploying.md: access entry)")
        case 403:
            return ForbiddenError(f"{said} (docs/deploying.md: RBAC)")
        case 400 | 415 | 422:
            return InvalidError(said)
        case _:
            return UnavailableError(said)
