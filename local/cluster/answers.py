"""What the API says when it does not do as asked: `Status` bodies, worded as kube-apiserver words them.

The wording was read off recorded answers (tests/integration/recordings/kubernetes-api.json).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.cluster.kinds import Kind

type Json = dict[str, Any]
type Value = Any  # any JSON value: object, array, string, number, boolean or null

NOT_FOUND_PAGE = "404 page not found\n"


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that is wrong, as listed under `details.causes` of a 422."""

    field: str
    reason: str
    message: str

    @classmethod
    def invalid(cls, field: str, value: Value, text: str) -> Cause:
        """A value that is there and breaks a rule; `text` says which."""
        return cls(field, "FieldValueInvalid", f"Invalid value: {json.dumps(value)}: {text}")

    @classmethod
    def required(cls, field: str, text: str = "") -> Cause:
        """A value that is missing."""
        return cls(field, "FieldValueRequired", "Required value" + (f": {text}" if text else ""))

    @classmethod
    def unsupported(cls, field: str, value: Value, allowed: Sequence[Value]) -> Cause:
        """A value outside of an enumeration."""
        known = ", ".join(json.dumps(each) for each in allowed)
        text = f"Unsupported value: {json.dumps(value)}: supported values: {known}"
        return cls(field, "FieldValueNotSupported", text)


class ApiError(Exception):
    """A refusal: HTTP status plus the `Status` body that goes with it."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        details: Json | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after

    def body(self) -> Json:
        """The `Status` object, with `details` only where the recorded server has them."""
        body: Json = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.status
        return body


def success(status: int, details: Json | None = None) -> Json:
    """The `Status` of a deed without an object of its own (a deletion, an eviction)."""
    body: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details is None:
        return body | {"code": status}
    return body | {"details": details}


def qualified(plural: str, group: str) -> str:
    """`deployments.apps`; only the plural in the core group."""
    return f"{plural}.{group}" if group else plural


def about(kind: Kind, name: str, subresource: str = "") -> Json:
    """The `details` that name one object by its resource."""
    plural = f"{kind.plural}/{subresource}" if subresource else kind.plural
    return about_resource(plural, kind.group, name)


def about_resource(plural: str, group: str, name: str) -> Json:
    """The same from loose parts; what is empty is left out."""
    parts = {"name": name, "group": group, "kind": plural}
    return {key: value for key, value in parts.items() if value}


def not_found(kind: Kind, name: str, subresource: str = "") -> ApiError:
    """404. A missing scale is named `deployments/scale.apps`; a missing status by its parent."""
    details = about(kind, name, subresource)
    return ApiError(404, "NotFound", f'{qualified(details["kind"], kind.group)} "{name}" not found', details)


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 to a create."""
    message = f'{qualified(kind.plural, kind.group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, about(kind, name))


def conflict(kind: Kind, name: str, text: str = "") -> ApiError:
    """409 to a write whose precondition no longer holds."""
    text = text or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {qualified(kind.plural, kind.group)} "{name}": {text}'
    return ApiError(409, "Conflict", message, about(kind, name))


def invalid(kind_name: str, group: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """422 with every broken field told at once."""
    told = [f"{cause.field}: {cause.message}" for cause in causes]
    text = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
    details = about_resource(kind_name, group, name)
    details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return ApiError(422, "Invalid", f'{qualified(kind_name, group)} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """401, which never says why."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> ApiError:
    """405."""
    text = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", text, {})
