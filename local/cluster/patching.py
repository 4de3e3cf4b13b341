"""A PATCH request as a function from the object to the object that is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cluster import ownership, patches
from local.cluster.answers import ApiError, bad_request
from local.cluster.patches import APPLY, JSON_PATCH, MERGE, STRATEGIC, PatchError

if TYPE_CHECKING:
    from local.cluster.answers import Json
    from local.cluster.kinds import Kind
    from local.cluster.messages import Request
    from local.cluster.writes import Change


def change_of(kind: Kind, request: Request) -> Change:
    """The change a PATCH asks for. Raises ApiError 415 for a type this kind does not take, 400 for a body
    that is no such patch; the change itself raises 422 when the patch does not fit, 409 for apply."""
    accepted = (JSON_PATCH, MERGE, APPLY) if kind.custom else (JSON_PATCH, MERGE, STRATEGIC, APPLY)
    if request.content_type not in accepted:
        raise _unsupported(kind, accepted)
    if request.content_type == JSON_PATCH:
        return _json_patch(request)
    patch = request.object()
    match request.content_type:
        case patches.MERGE:
            return lambda item: patches.merge_patch(item, patch)
        case patches.STRATEGIC:
            return lambda item: _strategic(item, patch)
        case _:
            return lambda item: applied(item, patch, request.manager, force="force" in request.query)


def applied(item: Json, config: Json, manager: str, *, force: bool) -> Json:
    """Server-side apply: merge, unless another manager owns a field that would change (409).

    Fields that the manager applied before and no longer mentions are not removed (a real server does that).
    """
    now, wanted, owners = ownership.leaves(item), ownership.leaves(config), ownership.owners(item)
    contested = [
        (path, owners[path])
        for path, value in wanted.items()
        if path in now and now[path] != value and owners.get(path, manager) != manager
    ]
    if contested and not force:
        raise _apply_conflict(contested, config["apiVersion"])
    return patches.merge_patch(item, config)  # type: ignore[no-any-return]


def _json_patch(request: Request) -> Change:
    operations = request.value()
    if not isinstance(operations, list):
        raise bad_request("error decoding patch: it is no list")

    def change(item: Json) -> Json:
        try:
            changed = patches.json_patch(item, operations)
        except PatchError as error:
            raise _unfit() from error
        if not isinstance(changed, dict):
            raise _unfit()
        return changed

    return change


def _strategic(item: Json, patch: Json) -> Json:
    try:
        return patches.strategic_merge_patch(item, patch)
    except PatchError as error:
        raise bad_request(str(error)) from error


def _unfit() -> ApiError:
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def _unsupported(kind: Kind, accepted: tuple[str, ...]) -> ApiError:
    if not kind.custom:
        return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    text = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return ApiError(415, "UnsupportedMediaType", text)


def _apply_conflict(contested: list[tuple[ownership.Path, str]], api_version: str) -> ApiError:
    told = [
        (f".{'.'.join(path)}", f'conflict with "{owner}" using {api_version}') for path, owner in contested
    ]
    causes = [{"reason": "FieldManagerConflict", "message": text, "field": path} for path, text in told]
    number = f"{len(told)} conflict" + ("s" if len(told) > 1 else "")
    text = ", ".join(f"{text}: {path}" for path, text in told)
    return ApiError(409, "Conflict", f"Apply failed with {number}: {text}", {"causes": causes})
