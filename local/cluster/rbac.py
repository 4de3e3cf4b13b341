"""Role-based access: which rules bind a user, and whether they allow a request. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.cluster.answers import ApiError, about_resource, qualified

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from local.cluster.answers import Json
    from local.cluster.paths import RequestInfo

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"
UNAUTHENTICATED = "system:unauthenticated"
PUBLIC_PAGES = ("/healthz", "/livez", "/readyz", "/version", "/version/")  # system:public-info-viewer
DISCOVERY_PAGES = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")  # system:discovery
_SELF_REVIEWS = frozenset({"selfsubjectaccessreviews", "selfsubjectrulesreviews"})  # system:basic-user


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""


ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


@dataclass(frozen=True, slots=True)
class Grants:
    """The RBAC objects of a cluster, as lists."""

    roles: list[Json]
    role_bindings: list[Json]
    cluster_roles: list[Json]
    cluster_role_bindings: list[Json]


def allowed(user: User, info: RequestInfo, grants: Grants) -> bool:
    """Whether the user may do it. Members of system:masters may do everything."""
    if MASTERS in user.groups:
        return True
    if not info.is_resource:
        return _page_allowed(user, info) or any(_page_rule(rule, info) for rule in _rules(user, "", grants))
    if info.resource in _SELF_REVIEWS and info.verb == "create":
        return AUTHENTICATED in user.groups
    return any(_resource_rule(rule, info) for rule in _rules(user, info.namespace, grants))


def forbidden(user: User, info: RequestInfo) -> ApiError:
    """403, saying who may not do what and where."""
    if not info.is_resource:
        text = f'forbidden: User "{user.name}" cannot {info.verb} path "{info.path}"'
        return ApiError(403, "Forbidden", text, {})
    place = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    what = qualified(info.resource, info.group) + (f' "{info.name}"' if info.name else "")
    text = (
        f'{what} is forbidden: User "{user.name}" cannot {info.verb} resource "{info.full_resource}" '
        f'in API group "{info.group}" {place}'
    )
    return ApiError(403, "Forbidden", text, about_resource(info.resource, info.group, info.name))


def _page_allowed(user: User, info: RequestInfo) -> bool:
    pages = (*PUBLIC_PAGES, *(DISCOVERY_PAGES if AUTHENTICATED in user.groups else ()))
    return info.verb == "get" and any(_matches_page(page, info.path) for page in pages)


def _matches_page(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def _page_rule(rule: Json, info: RequestInfo) -> bool:
    pages = rule.get("nonResourceURLs") or []
    return _has(rule, "verbs", info.verb) and any(_matches_page(page, info.path) for page in pages)


def _resource_rule(rule: Json, info: RequestInfo) -> bool:
    names = rule.get("resourceNames") or []
    resources = rule.get("resources") or []
    resource_fits = (
        "*" in resources
        or info.full_resource in resources
        or (bool(info.subresource) and f"*/{info.subresource}" in resources)
    )
    return (
        _has(rule, "verbs", info.verb)
        and _has(rule, "apiGroups", info.group)
        and resource_fits
        and (not names or info.name in names)
    )


def _has(rule: Json, field: str, wanted: str) -> bool:
    values = rule.get(field) or []
    return "*" in values or wanted in values


def _rules(user: User, namespace: str, grants: Grants) -> Iterator[Json]:
    for binding in grants.cluster_role_bindings:
        if _binds(binding, user):
            yield from _rules_of(binding, grants)
    if not namespace:
        return
    for binding in grants.role_bindings:
        if binding["metadata"]["namespace"] == namespace and _binds(binding, user):
            yield from _rules_of(binding, grants)


def _binds(binding: Json, user: User) -> bool:
    return any(
        _is_subject(subject, user, binding["metadata"].get("namespace", ""))
        for subject in binding.get("subjects") or []
    )


def _is_subject(subject: Json, user: User, namespace: str) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            account = f"system:serviceaccount:{subject.get('namespace') or namespace}:{subject['name']}"
            return user.name == account
        case _:
            return False


def _rules_of(binding: Json, grants: Grants) -> Iterable[Json]:
    wanted = binding["roleRef"]
    if wanted["kind"] == "ClusterRole":
        roles = grants.cluster_roles
    else:
        own = binding["metadata"].get("namespace", "")
        roles = [role for role in grants.roles if role["metadata"]["namespace"] == own]
    return next((role.get("rules") or [] for role in roles if role["metadata"]["name"] == wanted["name"]), [])
