"""The stand-in with the project's own manifests, and `LightkubeCluster` on it with a real EKS token."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
import yaml

from bellhop.kubernetes.cluster import LightkubeCluster
from bellhop.kubernetes.connection import ClusterSettings, Connection
from local.cluster.authentication import AccessEntry, EksAuthenticator
from local.cluster.running import RunningCluster, running_cluster
from local.seeding import COLLECTIONS

ROOT = Path(__file__).parents[2]
STS = "http://127.0.0.1:9"  # presigning is local: nothing listens there, and nothing needs to
ROLE = "arn:aws:sts::123456789012:assumed-role/bellhop-scaling/session"


@dataclass
class Entries:
    """Which group the caller's role has; None for no access entry."""

    group: str | None = "bellhop:scaling"

    def __call__(self, cluster: str, principal: str, /) -> AccessEntry | None:
        return None if self.group is None else AccessEntry("bellhop", (self.group,))


@contextmanager
def seeded_cluster(entries: Entries) -> Iterator[RunningCluster]:
    eks = EksAuthenticator("demo", STS, lambda _url, _cluster: ROLE, entries, lambda: datetime.now(UTC))
    with running_cluster(eks=eks, pod_start_seconds=None) as cluster:
        for file in (*sorted((ROOT / "kubernetes").glob("*.yaml")), ROOT / "local/manifests/shop.yaml"):
            for manifest in yaml.safe_load_all(file.read_text()):
                create(cluster, manifest)
        yield cluster


@contextmanager
def connected(running: RunningCluster, *, endpoint: str = "") -> Iterator[LightkubeCluster]:
    ca = base64.b64encode(running.ca_file.read_bytes()).decode()
    sts = boto3.client("sts", region_name="eu-west-1", endpoint_url=STS)
    settings = ClusterSettings("demo", endpoint or running.url, ca)
    connection = Connection(settings, sts=sts, eks=lambda: pytest.fail("EKS was asked"))
    try:
        yield LightkubeCluster(connection)
    finally:
        connection.close()


def admin(cluster: RunningCluster, method: str, path: str, body: object = None) -> requests.Response:
    """A call as the cluster's administrator; a PATCH is a merge patch."""
    form = "application/merge-patch+json" if method == "PATCH" else "application/json"
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method,
            cluster.url + path,
            json=body,
            headers={"Authorization": f"Bearer {cluster.admin_token}", "Content-Type": form},
            verify=str(cluster.ca_file),
            timeout=5,
        )


def create(cluster: RunningCluster, manifest: dict[str, Any]) -> None:
    path = COLLECTIONS[manifest["kind"]].format(namespace=manifest["metadata"].get("namespace", ""))
    response = admin(cluster, "POST", path, manifest)
    assert response.ok, response.text


def asked(cluster: RunningCluster) -> list[dict[str, Any]]:
    """What the stand-in was asked since the last time; then forgotten."""
    seen: list[dict[str, Any]] = requests.get(f"{cluster.control_url}/requests", timeout=5).json()
    requests.delete(f"{cluster.control_url}/requests", timeout=5)
    return seen


def order_fault(cluster: RunningCluster, **order: object) -> None:
    assert requests.post(f"{cluster.control_url}/faults", json=order, timeout=5).ok
