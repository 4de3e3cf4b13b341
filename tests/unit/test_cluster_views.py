"""Pure reads: selectors, paths, ages, JSONPaths, tables, and what controllers settle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cluster.answers import ApiError, Value
from local.cluster.columns import age
from local.cluster.controllers import settled
from local.cluster.kinds import BUILT_IN, Kind
from local.cluster.paths import request_info
from local.cluster.selectors import fields_match, labels_match, matches_selector
from local.cluster.tables import as_table, find, wants_table

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier!=back", True),
        ("app!=web", False),
        ("app in (web, db)", True),
        ("app notin (web),tier", False),
        ("tier notin (a,b)", True),
        ("app", True),
        ("!app", False),
        ("!tier,app in (web)", True),
        ("bellhop.dev/alarm=", False),
    ],
)
def test_label_selectors(selector: str, *, expected: bool) -> None:
    assert labels_match(selector)({"metadata": {"labels": {"app": "web"}}}) is expected


@pytest.mark.parametrize("selector", ["a b", "a in b", "=x", "a in (b"])
def test_a_broken_label_selector_is_a_bad_request(selector: str) -> None:
    with pytest.raises(ApiError) as raised:
        labels_match(selector)
    assert raised.value.status == 400


def test_field_selectors_take_a_missing_field_for_empty() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {}}

    assert fields_match("metadata.name=a,spec.nodeName=")(pod)
    assert not fields_match("spec.nodeName!=")(pod)


def test_selector_objects() -> None:
    expressions = [
        {"key": "tier", "operator": "DoesNotExist"},
        {"key": "app", "operator": "In", "values": ["web"]},
    ]

    assert matches_selector({"matchExpressions": expressions}, {"app": "web"})
    assert not matches_selector({"matchLabels": {"app": "db"}}, {"app": "web"})
    assert matches_selector({}, None)
    assert not matches_selector(None, {})


@pytest.mark.parametrize(
    ("method", "path", "verb", "resource", "namespace", "name"),
    [
        ("GET", "/api/v1/namespaces", "list", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces/shop", "get", "namespaces", "shop", "shop"),
        ("PUT", "/api/v1/namespaces/shop/status", "update", "namespaces/status", "shop", "shop"),
        ("DELETE", "/api/v1/namespaces/shop/pods", "deletecollection", "pods", "shop", ""),
        ("POST", "/api/v1/namespaces/shop/pods/a/eviction", "create", "pods/eviction", "shop", "a"),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
            "patch",
            "deployments/scale",
            "shop",
            "web",
        ),
        ("GET", "/apis/apps/v1/deployments", "list", "deployments", "", ""),
        ("GET", "/apis/apps/v1", "get", "", "", ""),
    ],
)
def test_paths_are_taken_apart(
    method: str, path: str, verb: str, resource: str, namespace: str, name: str
) -> None:
    info = request_info(method, path, {})

    assert (info.verb, info.full_resource, info.namespace, info.name) == (verb, resource, namespace, name)
    assert info.is_resource is bool(resource)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 120, "3h2m"),
        (9 * 3600, "9h"),
        (2 * 86400 + 3600, "2d1h"),
        (10 * 86400, "10d"),
        (3 * 365 * 86400, "3y"),
    ],
)
def test_ages_are_short(seconds: int, text: str) -> None:
    assert age((NOW - timedelta(seconds=seconds)).isoformat(), NOW) == text


def test_json_paths_of_printer_columns() -> None:
    item = {"a": {"b.c": 1}, "all": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "No"}]}

    assert find(item, r".a.b\.c") == [1]
    assert find(item, ".a['b.c']") == [1]
    assert find(item, '.all[?(@.type=="Ready")].status') == ["True"]
    assert find(item, ".all[*].status") == ["True", "No"]
    assert find(item, ".all[-1].type") == ["Other"]
    assert find(item, ".all[7].type") == []
    assert find(item, ".none.x") == []


def test_a_table_has_cells_by_column_type() -> None:
    columns: tuple[dict[str, Any], ...] = (
        {"name": "Text", "type": "string", "jsonPath": ".spec.text"},
        {"name": "Number", "type": "integer", "jsonPath": ".spec.number", "priority": 1},
        {"name": "Missing", "type": "string", "jsonPath": ".spec.none"},
    )
    kind = Kind("bellhop.dev", "v1alpha1", "things", "Thing", custom=True, columns=columns)
    item = {"kind": "Thing", "metadata": {"name": "a"}, "spec": {"text": ["x"], "number": 3}}

    table = as_table(kind, item)

    assert [each["name"] for each in table["columnDefinitions"]] == ["Name", "Text", "Number", "Missing"]
    assert table["rows"][0]["cells"] == ["a", '["x"]', 3, None]
    assert table["rows"][0]["object"]["metadata"] == {"name": "a"}


def test_every_built_in_kind_has_a_table_even_for_a_bare_object() -> None:
    for kind in BUILT_IN:
        table = as_table(kind, {"kind": kind.name, "metadata": {"name": "a"}})
        assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"])


def test_only_who_asks_for_a_table_gets_one() -> None:
    assert wants_table("application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
    assert not wants_table("application/json")


def _budget(**spec: Value) -> dict[str, Any]:
    selector = {"matchLabels": {"app": "web"}}
    return {
        "metadata": {"name": "web", "generation": 1},
        "spec": {"selector": selector, **spec},
        "status": {},
    }


def _pods(healthy: int, all_: int) -> list[dict[str, Any]]:
    ready = [{"type": "Ready", "status": "True"}]
    return [
        {"metadata": {"labels": {"app": "web"}}, "status": {"conditions": ready if number < healthy else []}}
        for number in range(all_)
    ]


@pytest.mark.parametrize(
    ("spec", "healthy", "of", "allowed"),
    [
        ({"minAvailable": 2}, 3, 3, 1),
        ({"minAvailable": "50%"}, 3, 3, 1),
        ({"maxUnavailable": 1}, 3, 3, 1),
        ({"maxUnavailable": 1}, 2, 3, 0),
        ({"minAvailable": 5}, 3, 3, 0),
        ({"minAvailable": 0}, 0, 0, 0),
    ],
)
def test_a_budget_allows_what_is_healthy_beyond_its_need(
    spec: dict[str, Any], healthy: int, of: int, allowed: int
) -> None:
    after = settled(("policy", "poddisruptionbudgets"), _budget(**spec), _pods(healthy, of), NOW)

    assert after["status"]["disruptionsAllowed"] == allowed


def test_settling_what_is_settled_changes_nothing() -> None:
    template: dict[str, Any] = {"metadata": {}, "spec": {}}
    for plural in ("deployments", "statefulsets"):
        item = {"metadata": {"name": "web", "generation": 3}, "spec": {"replicas": 2, "template": template}}
        once = settled(("apps", plural), item, [], NOW)
        assert once["status"]["readyReplicas"] == 2
        assert once["status"]["observedGeneration"] == 3
        assert settled(("apps", plural), once, [], NOW + timedelta(hours=1)) == once
