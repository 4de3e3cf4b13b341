"""What an API server answers when it does not do what it was asked."""

from __future__ import annotations

from bellhop.errors import BellhopError


class NotFoundError(BellhopError):
    code = "NotFound"


class ConflictError(BellhopError):
    """The object was modified since it was read: read it again and decide again."""

    code = "Conflict"
    retryable = True


class ForbiddenError(BellhopError):
    """403: RBAC does not allow it. Only the cluster's owner can mend that."""

    code = "Forbidden"


class UnauthorizedError(BellhopError):
    """401: the cluster does not know the caller: no access entry, or the token's credentials have ended."""

    code = "Unauthorized"


class InvalidError(BellhopError):
    """400 or 422: the API server's validation refused it."""

    code = "Invalid"
