"""Patches: RFC examples, the strategic rules, and properties that hold for any object."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cluster.answers import Value
from local.cluster.patches import PatchError, json_patch, merge_patch, strategic_merge_patch

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab~/", max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~/", max_size=2), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("ab~/", max_size=2), VALUES, max_size=4)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # RFC 7386, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_does_as_its_rfc_says(target: Value, patch: Value, result: Value) -> None:
    assert merge_patch(target, patch) == result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_done_twice_is_done_once(target: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge_patch(target, patch)

    assert merge_patch(once, patch) == once


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"op": "add", "path": "/b", "value": 1}, {"a": [1, 2], "b": 1}),
        ({"op": "add", "path": "/a/1", "value": 9}, {"a": [1, 9, 2]}),
        ({"op": "add", "path": "/a/-", "value": 9}, {"a": [1, 2, 9]}),
        ({"op": "remove", "path": "/a/0"}, {"a": [2]}),
        ({"op": "replace", "path": "/a", "value": 3}, {"a": 3}),
        ({"op": "replace", "path": "", "value": {}}, {}),
        ({"op": "move", "from": "/a/0", "path": "/b"}, {"a": [2], "b": 1}),
        ({"op": "copy", "from": "/a/0", "path": "/a/-"}, {"a": [1, 2, 1]}),
        ({"op": "test", "path": "/a/1", "value": 2.0}, {"a": [1, 2]}),
        ({"op": "add", "path": "/~1~0", "value": 1}, {"a": [1, 2], "/~": 1}),
    ],
)
def test_json_patch_does_as_its_rfc_says(operation: dict[str, Any], result: Value) -> None:
    target = {"a": [1, 2]}

    assert json_patch(target, [operation]) == result
    assert target == {"a": [1, 2]}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a/0", "value": True},
        {"op": "test", "path": "/a", "value": [1]},
        {"op": "remove", "path": "/nope"},
        {"op": "remove", "path": ""},
        {"op": "replace", "path": "/nope", "value": 1},
        {"op": "add", "path": "/a/3", "value": 1},
        {"op": "add", "path": "/a/01x", "value": 1},
        {"op": "add", "path": "/a/0/b", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "add", "path": "/b"},
        {"op": "move", "path": "/b"},
        {"op": "burn", "path": "/a"},
        {"path": "/a"},
        {"op": "test"},
        7,
    ],
)
def test_an_operation_that_cannot_be_done_is_an_error(operation: Value) -> None:
    with pytest.raises(PatchError):
        json_patch({"a": [1, 2]}, [operation])


@given(VALUES, VALUES)
def test_any_operation_list_either_applies_or_is_a_patch_error(target: Value, operations: Value) -> None:
    before = deepcopy(target)
    with suppress(PatchError):
        json_patch(target, operations)
    assert target == before


def test_strategic_merge_keys_lists_by_name_and_leaves_the_rest() -> None:
    target = {
        "containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]
    }
    patch = {"containers": [{"name": "a", "image": "2", "env": [{"name": "Y", "value": "2"}]}, {"name": "c"}]}

    merged = strategic_merge_patch(target, patch)

    first, second, third = merged["containers"]
    assert first["image"] == "2"
    assert [each["name"] for each in first["env"]] == ["X", "Y"]
    assert (second, third) == ({"name": "b"}, {"name": "c"})


@pytest.mark.parametrize(
    ("patch", "names"),
    [
        ({"containers": [{"name": "a", "$patch": "delete"}]}, ["b"]),
        ({"containers": [{"name": "c"}, {"$patch": "replace"}]}, ["c"]),
        ({"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}, ["b", "a"]),
        ({"containers": None}, None),
        ({"$patch": "replace", "containers": [{"name": "z"}]}, ["z"]),
        ({"$retainKeys": ["other"], "other": 1}, None),
    ],
)
def test_strategic_directives(patch: dict[str, Any], names: list[str] | None) -> None:
    merged = strategic_merge_patch({"containers": [{"name": "a"}, {"name": "b"}], "replicas": 1}, patch)

    assert (merged.get("containers") and [each["name"] for each in merged["containers"]]) == names


def test_strategic_merge_replaces_lists_without_a_key_and_joins_finalizers() -> None:
    target = {"args": ["a", "b"], "finalizers": ["x", "y"]}

    assert strategic_merge_patch(target, {"args": ["c"]})["args"] == ["c"]
    assert strategic_merge_patch(target, {"finalizers": ["z"]})["finalizers"] == ["x", "y", "z"]
    removed = strategic_merge_patch(target, {"$deleteFromPrimitiveList/finalizers": ["x"]})
    assert removed["finalizers"] == ["y"]


def test_an_element_without_its_merge_key_is_an_error() -> None:
    with pytest.raises(PatchError, match="merge key: name"):
        strategic_merge_patch({"containers": [{"name": "a"}]}, {"containers": [{"image": "b"}]})
