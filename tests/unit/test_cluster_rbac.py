"""Who may do what: rules, bindings, and the words of a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from local.cluster.paths import parse_query, request_info
from local.cluster.rbac import ANONYMOUS, AUTHENTICATED, MASTERS, Grants, User, allowed, forbidden

SCALER = User("bellhop", ("scalers", AUTHENTICATED))
SCALE = "/apis/apps/v1/namespaces/shop/deployments/web/scale"
WEB = "/apis/apps/v1/namespaces/shop/deployments/web"


def grants(rule: dict[str, Any], *, cluster: bool = False, subject: dict[str, Any] | None = None) -> Grants:
    subject = subject or {"kind": "Group", "name": "scalers"}
    role = {"metadata": {"name": "r", "namespace": "shop"}, "rules": [rule]}
    binding = {
        "metadata": {"name": "b", "namespace": "shop"},
        "subjects": [subject],
        "roleRef": {"kind": "ClusterRole" if cluster else "Role", "name": "r"},
    }
    if cluster:
        return Grants([], [], [role], [{**binding, "metadata": {"name": "b"}}])
    return Grants([role], [binding], [], [])


def may(user: User, method: str, target: str, given: Grants) -> bool:
    path, _, query = target.partition("?")
    return allowed(user, request_info(method, path, parse_query(query)), given)


@pytest.mark.parametrize(
    ("rule", "method", "path", "expected"),
    [
        ({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments/scale"]}, "GET", SCALE, True),
        ({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments/scale"]}, "GET", WEB, False),
        ({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"]}, "GET", SCALE, False),
        (
            {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments/scale"]},
            "PATCH",
            SCALE,
            False,
        ),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["deployments/scale"]}, "GET", SCALE, False),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, "DELETE", WEB, True),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*/scale"]}, "PUT", SCALE, True),
        ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*/scale"]}, "PUT", WEB, False),
        (
            {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["web"]},
            "GET",
            WEB,
            True,
        ),
        (
            {"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["db"]},
            "GET",
            WEB,
            False,
        ),
        (
            {
                "verbs": ["list"],
                "apiGroups": ["apps"],
                "resources": ["deployments"],
                "resourceNames": ["web"],
            },
            "GET",
            "/apis/apps/v1/namespaces/shop/deployments?fieldSelector=metadata.name%3Dweb",
            True,
        ),
        (
            {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]},
            "GET",
            "/api/v1/namespaces/dev/pods",
            False,
        ),
        ({"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}, "GET", "/api/v1/pods", False),
        (
            {"verbs": ["watch"], "apiGroups": [""], "resources": ["pods"]},
            "GET",
            "/api/v1/namespaces/shop/pods?watch=true",
            True,
        ),
        (
            {"verbs": ["create"], "apiGroups": [""], "resources": ["pods/eviction"]},
            "POST",
            "/api/v1/namespaces/shop/pods/web-1/eviction",
            True,
        ),
        (
            {"verbs": ["delete"], "apiGroups": [""], "resources": ["pods"]},
            "DELETE",
            "/api/v1/namespaces/shop/pods",
            False,
        ),
    ],
)
def test_a_role_allows_what_its_rule_says_in_its_namespace(
    rule: dict[str, Any], method: str, path: str, *, expected: bool
) -> None:
    assert may(SCALER, method, path, grants(rule)) is expected


def test_a_cluster_role_binding_holds_everywhere() -> None:
    given = grants({"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}, cluster=True)

    assert may(SCALER, "GET", "/api/v1/pods", given)
    assert may(SCALER, "GET", "/api/v1/namespaces/dev/pods", given)
    assert not may(User("other", (AUTHENTICATED,)), "GET", "/api/v1/pods", given)


@pytest.mark.parametrize(
    ("subject", "user"),
    [
        ({"kind": "User", "name": "eva"}, User("eva")),
        ({"kind": "Group", "name": "team"}, User("eva", ("team",))),
        ({"kind": "ServiceAccount", "name": "sa", "namespace": "dev"}, User("system:serviceaccount:dev:sa")),
        ({"kind": "ServiceAccount", "name": "sa"}, User("system:serviceaccount:shop:sa")),
    ],
)
def test_a_binding_names_users_groups_and_service_accounts(subject: dict[str, Any], user: User) -> None:
    given = grants({"verbs": ["get"], "apiGroups": ["apps"], "resources": ["deployments"]}, subject=subject)

    assert may(user, "GET", WEB, given)
    assert not may(User("eva2", ("team2",)), "GET", WEB, given)


NOTHING = Grants([], [], [], [])


@pytest.mark.parametrize(
    ("user", "path", "expected"),
    [
        (ANONYMOUS, "/version", True),
        (ANONYMOUS, "/livez", True),
        (ANONYMOUS, "/apis", False),
        (SCALER, "/apis/apps/v1", True),
        (SCALER, "/openapi/v3/apis/apps/v1", True),
        (SCALER, "/metrics", False),
        (User("root", (MASTERS,)), "/metrics", True),
    ],
)
def test_pages_are_for_whom_the_default_roles_let_in(user: User, path: str, *, expected: bool) -> None:
    assert may(user, "GET", path, NOTHING) is expected


@pytest.mark.parametrize(
    ("method", "target", "message"),
    [
        (
            "GET",
            SCALE,
            (
                'deployments.apps "web" is forbidden: User "bellhop" cannot get resource "deployments/scale" '
                'in API group "apps" in the namespace "shop"'
            ),
        ),
        (
            "GET",
            "/api/v1/pods",
            'pods is forbidden: User "bellhop" cannot list resource "pods" in API group "" at the cluster scope',
        ),
        ("GET", "/metrics", 'forbidden: User "bellhop" cannot get path "/metrics"'),
        (
            "DELETE",
            "/api/v1/namespaces/shop",
            (
                'namespaces "shop" is forbidden: User "bellhop" cannot delete resource "namespaces" '
                'in API group "" in the namespace "shop"'
            ),
        ),
    ],
)
def test_a_refusal_says_who_may_not_do_what_where(method: str, target: str, message: str) -> None:
    error = forbidden(SCALER, request_info(method, target, {}))

    assert (error.status, error.message) == (403, message)
