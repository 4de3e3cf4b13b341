"""A lightkube client for the stack's cluster, renewed with its token."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
from botocore.exceptions import BotoCoreError, ClientError
from lightkube import Client
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster as ClusterConfig
from lightkube.config.models import Context, User

from bellhop.errors import ConfigError, UnavailableError
from bellhop.kubernetes.token import RENEW_AFTER_SECONDS, eks_token

_TIMEOUT = httpx2.Timeout(3.0, connect=2.0)
FIELD_MANAGER = "bellhop"


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """name: of the EKS cluster. endpoint (https URL) and ca (base64 PEM): both, or EKS is asked for both."""

    name: str
    endpoint: str = ""
    ca: str = ""


class Connection:
    """Gives the client to use now. One per process. sts: a boto3 client; eks: makes one, if it is needed."""

    def __init__(self, settings: ClusterSettings, *, sts: Any, eks: Callable[[], Any]) -> None:  # noqa: ANN401
        self._settings = settings
        self._sts = sts
        self._eks = eks
        self._client: Client | None = None
        self._renew_at = 0.0

    def client(self) -> Client:
        """The client, with a token that is good for at least a minute."""
        if self._client is None or time.monotonic() >= self._renew_at:
            self.close()
            self._renew_at = time.monotonic() + RENEW_AFTER_SECONDS
            self._client = self._connect()
        return self._client

    def close(self) -> None:
        """Forget client and token; the next call makes new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connect(self) -> Client:
        endpoint, ca = self._address()
        config = SingleConfig(
            context_name="bellhop",
            context=Context(cluster="bellhop"),
            cluster=ClusterConfig(server=endpoint, certificate_auth_data=ca),
            user=User(token=eks_token(self._sts, self._settings.name)),
        )
        return Client(config, timeout=_TIMEOUT, trust_env=False, field_manager=FIELD_MANAGER)

    def _address(self) -> tuple[str, str]:
        if self._settings.endpoint and self._settings.ca:
            return self._settings.endpoint, self._settings.ca
        try:
            cluster = self._eks().describe_cluster(name=self._settings.name)["cluster"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            said = f"EKS does not describe cluster {self._settings.name}: {code} (parameter ClusterName)"
            raise ConfigError(said) from error
        except BotoCoreError as error:
            raise UnavailableError(f"no answer from EKS ({type(error).__name__})") from error
        return cluster["endpoint"], cluster["certificateAuthority"]["data"]
