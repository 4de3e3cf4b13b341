"""The sockets: HTTPS for the API, plain HTTP for the control API, both on 127.0.0.1.

`serve(config)` starts a `Cluster` and returns at once; `Cluster.stop()` ends it, held requests included.
"""

from __future__ import annotations

import ssl
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local.cluster.authentication import Authenticator
from local.cluster.connections import LoopbackServer
from local.cluster.control import ControlHandler
from local.cluster.controllers import Controllers
from local.cluster.faults import Faults
from local.cluster.handler import ApiHandler
from local.cluster.kinds import NAMESPACES
from local.cluster.records import Records
from local.cluster.store import Store, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from local.cluster.authentication import EksAuthenticator
    from local.cluster.rbac import User

HOST = "127.0.0.1"
FIRST_NAMESPACES = ("default", "kube-system")


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """What a cluster is started with. Port 0 chooses a free one; no control port, no control API.

    `pod_start_seconds` is how long workloads take to follow their spec; None: they never do.
    """

    certificate: Path
    key: Path
    port: int = 0
    control_port: int | None = None
    tokens: Mapping[str, User] = field(default_factory=dict)
    eks: EksAuthenticator | None = None
    pod_start_seconds: float | None = 0.2
    namespaces: tuple[str, ...] = FIRST_NAMESPACES
    now: Callable[[], datetime] = utc_now


class Cluster:
    """A running stand-in: its parts, its addresses, and how to end it."""

    def __init__(self, config: ClusterConfig) -> None:
        self.store = Store(config.now)
        self.faults = Faults()
        self.records = Records()
        self.authenticator = Authenticator(config.tokens, config.eks)
        for name in config.namespaces:
            self.store.add(NAMESPACES, _namespace(name))
        with ExitStack() as started:  # what is open is closed again when a later port is taken
            self._api = LoopbackServer((HOST, config.port), self._handler(ApiHandler), _tls(config))
            started.callback(self._api.end)
            self._control: LoopbackServer | None = None
            if config.control_port is not None:
                self._control = LoopbackServer((HOST, config.control_port), self._handler(ControlHandler))
            started.pop_all()
        self._threads = [threading.Thread(target=self._api.serve_forever, args=(0.05,), daemon=True)]
        if self._control:
            self._threads.append(
                threading.Thread(target=self._control.serve_forever, args=(0.05,), daemon=True)
            )
        if config.pod_start_seconds is not None:
            self._threads.append(Controllers(self.store, config.pod_start_seconds))

    @property
    def url(self) -> str:
        """https://127.0.0.1:PORT."""
        return f"https://{HOST}:{self._api.server_address[1]}"

    @property
    def control_url(self) -> str | None:
        """http://127.0.0.1:PORT, when there is a control API."""
        return f"http://{HOST}:{self._control.server_address[1]}" if self._control else None

    def start(self) -> None:
        """Begin to answer."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End: watches, held requests and idle connections are cut, threads are waited for."""
        self.store.close()
        self.faults.clear()
        servers = [server for server in (self._api, self._control) if server]
        for server in servers:
            server.shutdown()
            server.end()
        for thread in self._threads:
            thread.join(5)

    def _handler[Handler: (ApiHandler, ControlHandler)](self, kind: type[Handler]) -> type[Handler]:
        return type(kind.__name__, (kind,), {"cluster": self})


def serve(config: ClusterConfig) -> Cluster:
    """Start a cluster; it answers when this returns. Raises OSError for a taken port or unreadable files."""
    cluster = Cluster(config)
    cluster.start()
    return cluster


def _namespace(name: str) -> dict[str, object]:
    labels = {"kubernetes.io/metadata.name": name}
    spec, status = {"finalizers": ["kubernetes"]}, {"phase": "Active"}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}


def _tls(config: ClusterConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.certificate, config.key)
    return context
