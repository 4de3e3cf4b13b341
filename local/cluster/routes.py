"""From a request to its answer: identify, authorize, find the kind, dispatch on the verb."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cluster import answers, deletion, discovery, openapi
from local.cluster.answers import NOT_FOUND_PAGE, ApiError
from local.cluster.definitions import establish
from local.cluster.deletion import PODS
from local.cluster.kinds import CRD_KEY, all_kinds, find_kind
from local.cluster.lists import list_objects, selected, watch
from local.cluster.messages import Answer, error_answer, json_answer, text_answer
from local.cluster.patches import APPLY
from local.cluster.patching import applied, change_of
from local.cluster.paths import request_info
from local.cluster.pod_logs import log_answer
from local.cluster.rbac import Grants, User, allowed, forbidden
from local.cluster.tables import as_table, wants_table
from local.cluster.versions import scale_shown, shown
from local.cluster.writes import WriteOptions, create, update, update_scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster.answers import Json
    from local.cluster.kinds import Kind
    from local.cluster.messages import Request
    from local.cluster.paths import RequestInfo
    from local.cluster.store import Store
    from local.cluster.writes import Change

_RBAC = "rbac.authorization.k8s.io"
_REVIEW = ("authorization.k8s.io", "v1", "selfsubjectaccessreviews")


def answer(store: Store, user: User, request: Request) -> Answer:
    """Everything after authentication. Refusals are answers too; nothing is raised for what a client sent."""
    try:
        info = request_info(request.method, request.path, request.query)
        if not allowed(user, info, grants(store)):
            raise forbidden(user, info)
        return _page(store, request) if not info.is_resource else _resource(store, user, info, request)
    except ApiError as error:
        return error_answer(error)


def grants(store: Store) -> Grants:
    """The RBAC objects as they are now."""
    return Grants(
        roles=store.all((_RBAC, "roles")),
        role_bindings=store.all((_RBAC, "rolebindings")),
        cluster_roles=store.all((_RBAC, "clusterroles")),
        cluster_role_bindings=store.all((_RBAC, "clusterrolebindings")),
    )


def _page(store: Store, request: Request) -> Answer:
    kinds = all_kinds(store.all(CRD_KEY))
    path = request.path.rstrip("/")
    if path == "/openapi/v2":
        if openapi.PROTOBUF_ASKED in request.accept:
            return Answer(200, b"", openapi.PROTOBUF)
        return json_answer(200, openapi.EMPTY_V2)
    if path == "/openapi/v3":
        return json_answer(200, openapi.index(kinds))
    if path.startswith("/openapi/v3/"):
        found: Json | str | None = openapi.document(path.removeprefix("/openapi/v3/"), kinds)
    else:
        found = discovery.page(path, kinds)
    if found is None:
        return text_answer(404, NOT_FOUND_PAGE)
    return text_answer(200, found) if isinstance(found, str) else json_answer(200, found)


def _resource(store: Store, user: User, info: RequestInfo, request: Request) -> Answer:
    if (info.group, info.version, info.resource) == _REVIEW and info.verb == "create":
        return json_answer(201, _review(store, user, request.object()))
    kind = find_kind(all_kinds(store.all(CRD_KEY)), info.group, info.version, info.resource)
    if kind is None or (info.namespace and not kind.namespaced and info.resource != "namespaces"):
        return text_answer(404, NOT_FOUND_PAGE)
    if info.subresource == "eviction" and kind.key == PODS and info.verb == "create":
        return _evict(store, info, request)
    if info.subresource == "log" and kind.key == PODS and info.verb == "get":
        return log_answer(
            store.logs, _found(store, kind, info.namespace, info.name), request.query, store.now()
        )
    if info.subresource == "scale" and kind.scale:
        return _scale(store, kind, info, request)
    if info.subresource and not (info.subresource == "status" and kind.status):
        return text_answer(404, NOT_FOUND_PAGE)
    return _object(store, kind, info, request)


def _object(store: Store, kind: Kind, info: RequestInfo, request: Request) -> Answer:
    namespace = info.namespace if kind.namespaced else ""
    match info.verb:
        case "get":
            return _shown(kind, request, _found(store, kind, namespace, info.name))
        case "list":
            return _shown(kind, request, list_objects(store, kind, namespace, request.query))
        case "watch":
            return Answer(200, stream=_watched(store, kind, namespace, request))
        case "create" if not info.name:
            made = create(store, kind, namespace, request.object(), _options(request))
            _after_write(store, kind, made)
            return _shown(kind, request, made, 201)
        case "update" | "patch" if info.name:
            return _write(store, kind, (namespace, info.name), info, request)
        case "delete" if not info.subresource:
            return _delete(store, kind, namespace, info.name, request)
        case "deletecollection":
            return _delete_all(store, kind, namespace, request)
        case _:
            raise answers.method_not_allowed()


def _write(store: Store, kind: Kind, where: tuple[str, str], info: RequestInfo, request: Request) -> Answer:
    options = _options(request)
    if request.content_type == APPLY and store.get(kind.key, *where) is None:
        config = applied({"metadata": {}}, request.object(), options.manager, force=True)
        made = create(store, kind, where[0], config, options)
        _after_write(store, kind, made)
        return _shown(kind, request, made, 201)
    changed = update(store, kind, where, _change(kind, info, request), options, info.subresource)
    _after_write(store, kind, changed)
    return _shown(kind, request, changed)


def _after_write(store: Store, kind: Kind, item: Json) -> None:
    if kind.key == CRD_KEY:
        establish(store, item["metadata"]["name"])


def _scale(store: Store, kind: Kind, info: RequestInfo, request: Request) -> Answer:
    assert kind.scale is not None  # noqa: S101  # the caller has looked
    where = (info.namespace if kind.namespaced else "", info.name)
    if info.verb == "get":
        item = store.get(kind.key, *where)
        if item is None:
            raise answers.not_found(kind, info.name, "scale")
        return json_answer(200, scale_shown(kind.scale, item))
    if info.verb not in {"update", "patch"}:
        raise answers.method_not_allowed()
    change = _change(kind, info, request)
    return json_answer(200, update_scale(store, kind, kind.scale, where, change, _options(request)))


def _change(kind: Kind, info: RequestInfo, request: Request) -> Change:
    if info.verb == "patch":
        return change_of(kind, request)
    body = request.object()
    return lambda _: body


def _evict(store: Store, info: RequestInfo, request: Request) -> Answer:
    eviction, dry_run = request.object(), _options(request).dry_run
    return json_answer(201, deletion.evict(store, info.namespace, info.name, eviction, dry_run=dry_run))


def _delete(store: Store, kind: Kind, namespace: str, name: str, request: Request) -> Answer:
    options = _delete_options(request)
    dry_run = _options(request).dry_run or "All" in (options.get("dryRun") or [])
    return json_answer(200, deletion.delete(store, kind, namespace, name, options, dry_run=dry_run))


def _delete_all(store: Store, kind: Kind, namespace: str, request: Request) -> Answer:
    options, selects = _delete_options(request), selected(request.query)
    for item in filter(selects, store.all(kind.key, namespace)):
        meta = item["metadata"]
        own, dry_run = meta.get("namespace", ""), _options(request).dry_run
        deletion.delete(store, kind, own, meta["name"], options, dry_run=dry_run)
    return json_answer(200, answers.success(200, {"kind": kind.plural}))


def _delete_options(request: Request) -> Json:
    options = request.object() if request.body else {}
    given = ("propagationPolicy", "gracePeriodSeconds")
    query = {name: request.query[name] for name in given if name in request.query}
    if "gracePeriodSeconds" in query and not query["gracePeriodSeconds"].isdigit():
        raise answers.bad_request("gracePeriodSeconds is a number of seconds")
    return options | query


def _found(store: Store, kind: Kind, namespace: str, name: str) -> Json:
    item = store.get(kind.key, namespace, name)
    if item is None:
        raise answers.not_found(kind, name)
    return shown(kind, item)


def _shown(kind: Kind, request: Request, body: Json, status: int = 200) -> Answer:
    return json_answer(status, as_table(kind, body) if wants_table(request.accept) else body)


def _watched(store: Store, kind: Kind, namespace: str, request: Request) -> Iterator[Json | None]:
    events = watch(store, kind, namespace, request.query)
    if not wants_table(request.accept):
        return events
    return (event and {**event, "object": as_table(kind, event["object"])} for event in events)


def _options(request: Request) -> WriteOptions:
    dry_run = request.query.get("dryRun", "")
    if dry_run not in {"", "All"}:
        broken = answers.Cause.unsupported("dryRun", dry_run, ("All",))
        raise answers.invalid("CreateOptions", "meta.k8s.io", "", [broken])
    return WriteOptions(
        manager=request.manager,
        dry_run=bool(dry_run),
        strict=request.query.get("fieldValidation") == "Strict",
        operation="Apply" if request.content_type == APPLY else "Update",
    )


def _review(store: Store, user: User, review: Json) -> Json:
    """SelfSubjectAccessReview: `kubectl auth can-i`."""
    spec = review.get("spec") or {}
    wanted = spec.get("resourceAttributes") or {}
    pages = spec.get("nonResourceAttributes") or {}
    info = request_info("GET", pages.get("path", "/"), {})
    if wanted:
        fields = ("verb", "group", "version", "resource", "subresource", "namespace", "name")
        info = type(info)(path="", is_resource=True, **{name: wanted.get(name, "") for name in fields})
    return {**review, "status": {"allowed": allowed(user, info, grants(store))}}
