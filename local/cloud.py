"""A running local cloud: where its parts are, and how tests and the demo reach them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import requests

from local.certificates import Certificates
from local.deployment import Deployment
from local.ports import LOOPBACK, Ports
from local.processes import Process


@dataclass(frozen=True, slots=True)
class Secrets:
    """Made anew for each local cloud."""

    slack_signing: str
    slack_bot: str
    api_token: str
    alerts_token: str
    messenger_app_secret: str
    messenger_verify_token: str
    dialogflow_token: str
    messenger_page_token: str
    cluster_admin: str

    @classmethod
    def fresh(cls) -> Secrets:
        return cls(**{field.name: secrets.token_urlsafe(24) for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class LocalCloud:
    """A running local cloud. folder: all its files. outputs: of the stack. aws: MiniStack, which is also among
    the processes."""

    folder: Path
    ports: Ports
    secrets: Secrets
    certificates: Certificates
    deployment: Deployment
    outputs: dict[str, str]
    aws: Process
    processes: tuple[Process, ...]

    @property
    def aws_url(self) -> str:
        return self.deployment.aws_url

    @property
    def door_host(self) -> str:
        """The Host header by which MiniStack knows the HTTP API."""
        return f"{self.outputs['HttpApiId']}.execute-api.localhost:{self.ports.aws}"

    @property
    def chat_url(self) -> str:
        return f"https://{LOOPBACK}:{self.ports.chat}"

    @property
    def cluster_url(self) -> str:
        return f"https://{LOOPBACK}:{self.ports.cluster}"

    @property
    def control_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ports.control}"

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def client(self, service: str) -> Any:  # noqa: ANN401  boto3 makes clients at run time
        """A boto3 client for the local AWS endpoint, as its root."""
        return self.deployment.client(service)

    def kubernetes(self, path: str) -> requests.Response:
        """GET from the cluster as its administrator."""
        return requests.get(
            f"{self.cluster_url}{path}",
            headers={"Authorization": f"Bearer {self.secrets.cluster_admin}"},
            verify=str(self.certificates.ca),
            timeout=10,
        )

    def http(self, method: str, path: str, **options: Any) -> requests.Response:  # noqa: ANN401  requests' own
        """A request to the stack's HTTP API. By path, not by Host: MiniStack answers /health on every host."""
        url = f"{self.aws_url}/_aws/execute-api/{self.outputs['HttpApiId']}/$default{path}"
        return requests.request(method, url, timeout=30, **options)
