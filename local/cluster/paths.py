"""From a request line to what it asks for, as k8s.io/apiserver's RequestInfo does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What authorization and routing look at. For other pages than resources only verb and path are set."""

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def full_resource(self) -> str:
        """`deployments/scale`; `deployments` without a subresource."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def parse_query(query: str) -> dict[str, str]:
    """The query as a mapping; of a repeated parameter the last one counts."""
    return dict(parse_qsl(query, keep_blank_values=True))


def request_info(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """Take /api/... and /apis/... apart; everything else is a page."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    page = RequestInfo({"HEAD": "get"}.get(method, method.lower()), path)
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return page
    namespace, resource, name, subresource = _place(rest)
    verb = _verb(method, query, named=bool(name))
    if verb in {"list", "watch", "deletecollection"}:
        name = _selected_name(query)
    return RequestInfo(verb, path, True, group, version, resource, subresource, namespace, name)


def _place(rest: list[str]) -> tuple[str, str, str, str]:
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource, name, subresource = [*rest, "", ""][:3]
    return namespace, resource, name, "/".join([subresource, *rest[3:]]) if subresource else ""


def _verb(method: str, query: Mapping[str, str], *, named: bool) -> str:
    if method in {"GET", "HEAD"}:
        if query.get("watch", "").lower() in {"true", "1"}:
            return "watch"
        return "get" if named else "list"
    if method == "DELETE":
        return "delete" if named else "deletecollection"
    return _VERBS.get(method, method.lower())


def _selected_name(query: Mapping[str, str]) -> str:
    for term in query.get("fieldSelector", "").split(","):
        field, _, value = term.partition("=")
        if field == "metadata.name":
            return value.lstrip("=")
    return ""
