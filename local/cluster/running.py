"""A cluster for the length of a `with` block, for tests and the local runner: in process, with a CA of its own."""

from __future__ import annotations

import json
import secrets
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme

from local.cluster.rbac import AUTHENTICATED, MASTERS, User
from local.cluster.server import Cluster, ClusterConfig, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.cluster.authentication import EksAuthenticator


@dataclass(frozen=True, slots=True)
class RunningCluster:
    """Where the cluster is and how to be its administrator."""

    url: str
    control_url: str
    admin_token: str
    ca_file: Path
    kubeconfig_file: Path
    cluster: Cluster


@contextmanager
def running_cluster(
    *,
    tokens: Mapping[str, User] | None = None,
    eks: EksAuthenticator | None = None,
    pod_start_seconds: float | None = 0.2,
    port: int = 0,
    control_port: int = 0,
    folder: Path | None = None,
) -> Iterator[RunningCluster]:
    """Start on free ports, stop at the end. `tokens` are users besides the administrator; certificate,
    CA and kubeconfig are written into `folder`, or a temporary one."""
    with tempfile.TemporaryDirectory(prefix="bellhop-cluster-") as temporary:
        place = folder or Path(temporary)
        certificate, key, ca_file = write_certificate(place)
        admin_token = secrets.token_urlsafe(24)
        users = {admin_token: User("admin", (MASTERS, AUTHENTICATED), "admin"), **(tokens or {})}
        cluster = serve(
            ClusterConfig(
                certificate, key, port, control_port, users, eks, pod_start_seconds=pod_start_seconds
            )
        )
        try:
            kubeconfig_file = place / "kubeconfig.json"
            write_kubeconfig(kubeconfig_file, cluster.url, ca_file, admin_token)
            control_url = cluster.control_url or ""
            yield RunningCluster(cluster.url, control_url, admin_token, ca_file, kubeconfig_file, cluster)
        finally:
            cluster.stop()


def write_certificate(folder: Path) -> tuple[Path, Path, Path]:
    """A new CA and a certificate for 127.0.0.1 and localhost: certificate, key and CA file."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key, ca_file = (folder / name for name in ("tls.crt", "tls.key", "ca.crt"))
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca_file)
    key.chmod(0o600)
    return certificate, key, ca_file


def write_kubeconfig(file: Path, url: str, ca_file: Path, token: str) -> None:
    """A kubeconfig (JSON is YAML) with one context, `bellhop`."""
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "bellhop",
        "clusters": [
            {"name": "bellhop", "cluster": {"server": url, "certificate-authority": str(ca_file.resolve())}}
        ],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "bellhop", "context": {"cluster": "bellhop", "user": "admin"}}],
    }
    file.touch(0o600)
    file.write_text(json.dumps(config, indent=2))
