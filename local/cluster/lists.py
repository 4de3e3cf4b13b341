"""Lists in pages, and watches."""

from __future__ import annotations

import base64
import binascii
import json
import time
from typing import TYPE_CHECKING

from local.cluster.answers import ApiError, bad_request
from local.cluster.selectors import fields_match, labels_match
from local.cluster.versions import shown, shown_in_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.cluster.answers import Json
    from local.cluster.kinds import Kind
    from local.cluster.selectors import Selects
    from local.cluster.store import Change, Store

LONGEST_WATCH = 30 * 60.0  # seconds, when the client does not say
LOOK_EVERY = 1.0  # seconds after which an idle watch yields None, so that its writer sees a dead client


def selected(query: Mapping[str, str]) -> Selects:
    """Both selectors of a query as one question."""
    labels, fields = (
        labels_match(query.get("labelSelector", "")),
        fields_match(query.get("fieldSelector", "")),
    )
    return lambda item: labels(item) and fields(item)


def list_objects(store: Store, kind: Kind, namespace: str, query: Mapping[str, str]) -> Json:
    """One page (or all) of the objects that the selectors let through. 400 for a bad continue token."""
    selects, limit = selected(query), _number(query.get("limit", ""))
    after = _read_token(query["continue"]) if query.get("continue") else ""
    with store.lock:
        revision = store.revision
        items = [item for item in store.all(kind.key, namespace) if selects(item)]
    items = [item for item in items if _start(item, namespace) > after]
    meta: Json = {"continue": ""} if kind.custom else {}
    meta["resourceVersion"] = str(revision)
    if limit and len(items) > limit:
        meta |= {"continue": _token(_start(items[limit - 1], namespace), revision)}
        if not (query.get("labelSelector") or query.get("fieldSelector")):
            meta["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    shown_items = [shown_in_list(kind, item) for item in items]
    return {"kind": kind.list_kind, "apiVersion": kind.api_version, "metadata": meta, "items": shown_items}


def watch(store: Store, kind: Kind, namespace: str, query: Mapping[str, str]) -> Iterator[Json | None]:
    """Changes as {type, object}, from the query's resourceVersion on; None when there was none for a second.

    Without a resourceVersion (or with 0) it begins with what there is. Ends after timeoutSeconds, or when
    the store closes. Raises ApiError 410 at once when the revision is too old.
    """
    selects = selected(query)
    begin = _number(query.get("resourceVersion", ""))
    if begin and store.forgotten(begin):
        raise ApiError(410, "Expired", f"too old resource version: {begin}")
    ends = time.monotonic() + (_number(query.get("timeoutSeconds", "")) or LONGEST_WATCH)
    return _watch(store, kind, namespace, selects, begin, ends)


def _watch(
    store: Store, kind: Kind, namespace: str, selects: Selects, begin: int, ends: float
) -> Iterator[Json | None]:
    if not begin:
        with store.lock:
            begin = store.revision
            present = [item for item in store.all(kind.key, namespace) if selects(item)]
        yield from ({"type": "ADDED", "object": shown(kind, item)} for item in present)
    while not store.closed and time.monotonic() < ends:
        with store.changed:
            if store.revision == begin:
                store.changed.wait(min(LOOK_EVERY, max(0.0, ends - time.monotonic())))
            changes, begin = store.changes_since(begin, kind.key), store.revision
        told = [_told(change, selects) for change in changes if _in_namespace(change, namespace)]
        yield from ({"type": type_, "object": shown(kind, item)} for type_, item in told if type_)
        if not any(type_ for type_, _ in told):
            yield None


def _told(change: Change, selects: Selects) -> tuple[str, Json]:
    """What a change is to a watcher with selectors: leaving the selection is a deletion."""
    before = change.before is not None and selects(change.before)
    after = change.type != "DELETED" and selects(change.item)
    types = {(False, True): "ADDED", (True, True): "MODIFIED", (True, False): "DELETED"}
    return types.get((before, after), ""), change.item


def _in_namespace(change: Change, namespace: str) -> bool:
    return not namespace or change.item["metadata"].get("namespace") == namespace


def _start(item: Json, namespace: str) -> str:
    """The key an object sorts by, ended as etcd's next key is: a page starts after the last one's."""
    meta = item["metadata"]
    where = "" if namespace or "namespace" not in meta else f"{meta['namespace']}/"
    return f"{where}{meta['name']}\0"


def _token(start: str, revision: int) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": start}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_token(token: str) -> str:
    try:
        decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error
    try:
        return str(json.loads(decoded)["start"])
    except (ValueError, KeyError, TypeError) as error:
        first = chr(decoded[0]) if decoded else ""
        text = f"invalid character '{first}' looking for beginning of value"
        raise bad_request(f"invalid continue token: continue key is not valid: {text}") from error


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
