"""The API server's stand-in in a process of its own, with Bellhop's roles, so that it takes no time of ours."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from benchmarks import ROOT
from local.seeding import COLLECTIONS

#: Presigning is local: nothing listens there, and nothing is asked.
STS = "http://127.0.0.1:9"
CLUSTER = "bench"
REGION = "eu-west-1"
ACCOUNT = "123456789012"
_TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class ApiServer:
    """A running stand-in, and its administrator's session."""

    url: str
    control_url: str
    ca_file: Path
    admin: requests.Session

    @property
    def ca(self) -> str:
        """As EKS gives it: base64 of PEM."""
        return base64.b64encode(self.ca_file.read_bytes()).decode()

    def create(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """One object, with its status if the manifest has one. Answers it as it is then."""
        namespace = manifest["metadata"].get("namespace", "")
        path = COLLECTIONS[manifest["kind"]].format(namespace=namespace)
        made = self._asked("POST", path, manifest)
        if status := manifest.get("status"):
            name = manifest["metadata"]["name"]
            made = self._asked("PATCH", f"{path}/{name}/status", {"status": status})
        return made

    def get(self, path: str) -> dict[str, Any]:
        return self._asked("GET", path)

    def asked(self) -> list[str]:
        """What it was asked since the last time, as "VERB what"; then forgotten."""
        seen = self.admin.get(f"{self.control_url}/requests", timeout=_TIMEOUT).json()
        self.admin.delete(f"{self.control_url}/requests", timeout=_TIMEOUT)
        return [f"{one['verb']} {_subject(one['path'])}" for one in seen if one["user"] != "admin"]

    def _asked(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        form = "application/merge-patch+json" if method == "PATCH" else "application/json"
        answer = self.admin.request(
            method, self.url + path, json=body, headers={"Content-Type": form}, timeout=_TIMEOUT
        )
        if not answer.ok:
            raise requests.HTTPError(f"{method} {path}: {answer.status_code} {answer.text}")
        return dict(answer.json())


@contextmanager
def api_server() -> Iterator[ApiServer]:
    """Up, with the project's definition and roles and namespace `shop`, while the context lasts."""
    command = [sys.executable, "-P", str(Path(__file__).with_name("api_process.py")), CLUSTER, STS]
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            told = json.loads(process.stdout.readline()) if process.stdout is not None else {}
            with requests.Session() as admin:
                admin.trust_env = False
                admin.verify = told["ca_file"]
                admin.headers["Authorization"] = f"Bearer {told['admin_token']}"
                server = ApiServer(told["url"], told["control_url"], Path(told["ca_file"]), admin)
                _seed(server)
                yield server
        finally:
            if process.stdin is not None:
                process.stdin.close()  # it ends when its input does
            process.wait(_TIMEOUT)


def _seed(server: ApiServer) -> None:
    for file in sorted((ROOT / "kubernetes").glob("*.yaml")):
        for manifest in yaml.safe_load_all(file.read_text()):
            server.create(manifest)
    server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})


def _subject(path: str) -> str:
    """The kind of object a path is about, with its subresource."""
    parts = path.partition("?")[0].strip("/").split("/")
    parts = parts[parts.index("namespaces") + 2 :] if "namespaces" in parts else parts[-1:]
    return "/".join((parts[0], *parts[2:]))
