"""EKS tokens end to end: signed by botocore, shown to an STS double, looked up in an EKS double."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
import requests
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.cluster.authentication import AccessEntry, EksAuthenticator
from local.cluster.eks import access_entries, identify
from local.cluster.eks_token import PREFIX, TokenError
from local.cluster.running import running_cluster

CLUSTER = "shop-cluster"
ROLE = "arn:aws:iam::123456789012:role/bellhop-scaling"
SESSION = "arn:aws:sts::123456789012:assumed-role/bellhop-scaling/i-1"
UNAUTHORIZED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}
XML = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>{SESSION}</Arn><Account>123456789012</Account></GetCallerIdentityResult>
</GetCallerIdentityResponse>"""


@dataclass
class StsDouble:
    """What STS answers next, and what it has been asked."""

    url: str
    status: int = 200
    body: str = XML
    error_type: str = ""
    asked: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@pytest.fixture
def sts() -> Iterator[StsDouble]:
    double = StsDouble("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            double.asked.append(self.headers.get("x-k8s-aws-id", ""))
            double.paths.append(self.path)
            body = double.body.encode()
            self.send_response(double.status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Location", "/elsewhere")
            self.send_header("x-amzn-errortype", double.error_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        double.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield double
        server.shutdown()
        thread.join()


def make_token(endpoint: str, cluster: str = CLUSTER) -> str:
    """As `aws eks get-token` makes it."""
    url = f"{endpoint}/?Action=GetCallerIdentity&Version=2011-06-15"
    request = AWSRequest("GET", url, headers={"x-k8s-aws-id": cluster})
    SigV4QueryAuth(Credentials("AKIAEXAMPLE", "secret", "session"), "sts", "eu-west-1", expires=60).add_auth(
        request
    )
    assert request.url
    return PREFIX + base64.urlsafe_b64encode(request.url.encode()).decode().rstrip("=")


@dataclass
class Entries:
    """Access entries in memory."""

    groups: dict[str, tuple[str, ...]]
    looked_up: int = 0

    def __call__(self, cluster: str, principal: str) -> AccessEntry | None:
        assert cluster == CLUSTER
        self.looked_up += 1
        if principal not in self.groups:
            return None
        name = "arn:aws:sts::123456789012:assumed-role/bellhop-scaling/{{SessionName}}"
        return AccessEntry(name, self.groups[principal])


@dataclass
class Door:
    """A cluster that takes EKS tokens; `ask` is one request with a token."""

    url: str
    ca_file: str
    now: list[datetime]

    def ask(self, token: str, path: str = "/api") -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        with requests.Session() as session:
            session.trust_env = False
            return session.get(self.url + path, headers=headers, verify=self.ca_file, timeout=10)


@pytest.fixture
def entries() -> Entries:
    return Entries({ROLE: ("bellhop-scaling",)})


@pytest.fixture
def door(sts: StsDouble, entries: Entries) -> Iterator[Door]:
    now = [datetime.now(UTC)]
    eks = EksAuthenticator(CLUSTER, sts.url, identify, entries, lambda: now[0])
    with running_cluster(eks=eks, pod_start_seconds=None) as running:
        yield Door(running.url, str(running.ca_file), now)


def test_a_role_session_gets_the_name_and_groups_of_its_access_entry(door: Door, sts: StsDouble) -> None:
    answer = door.ask(make_token(sts.url), "/api/v1/namespaces/shop/pods")

    assert answer.status_code == 403
    assert f'User "{SESSION}" cannot list resource "pods"' in answer.json()["message"]
    assert sts.asked == [CLUSTER]


def test_json_from_sts_is_understood_too(door: Door, sts: StsDouble) -> None:
    sts.body = json.dumps({"GetCallerIdentityResponse": {"GetCallerIdentityResult": {"Arn": SESSION}}})

    assert door.ask(make_token(sts.url)).status_code == 200


def test_sts_is_asked_once_for_a_token_and_entries_are_looked_up_again_after_ten_seconds(
    door: Door, sts: StsDouble, entries: Entries
) -> None:
    token = make_token(sts.url)
    assert [door.ask(token).status_code for _ in range(3)] == [200] * 3
    assert (len(sts.asked), entries.looked_up) == (1, 1)

    entries.groups.clear()
    door.now[0] += timedelta(seconds=11)

    assert door.ask(token).status_code == 401
    assert (len(sts.asked), entries.looked_up) == (1, 2)


def test_a_token_ends_after_fifteen_minutes_although_it_was_good(door: Door, sts: StsDouble) -> None:
    token = make_token(sts.url)
    assert door.ask(token).status_code == 200

    door.now[0] += timedelta(minutes=15, seconds=1)

    assert door.ask(token).status_code == 401


@pytest.mark.parametrize(("status", "body"), [(403, "no"), (302, XML), (200, "hm"), (200, "{}"), (500, "")])
def test_whom_sts_does_not_vouch_for_is_unauthorized(
    door: Door, sts: StsDouble, status: int, body: str
) -> None:
    sts.status, sts.body = status, body

    answer = door.ask(make_token(sts.url))

    assert (answer.status_code, answer.json()) == (401, UNAUTHORIZED)
    assert len(sts.asked) == 1


def test_a_token_for_another_endpoint_is_refused_without_asking(door: Door, sts: StsDouble) -> None:
    assert door.ask(make_token("https://sts.example.com")).status_code == 401
    assert sts.asked == []


def test_a_principal_without_an_entry_is_unauthorized(door: Door, sts: StsDouble, entries: Entries) -> None:
    entries.groups.clear()

    assert door.ask(make_token(sts.url)).json() == UNAUTHORIZED


def test_an_unreachable_sts_is_an_error_of_the_token() -> None:
    with pytest.raises(TokenError, match="did not answer"):
        identify("http://127.0.0.1:9/?Action=GetCallerIdentity", CLUSTER)


def test_access_entries_come_from_eks(monkeypatch: pytest.MonkeyPatch, sts: StsDouble) -> None:
    """The double answers as EKS does here: its REST-JSON for DescribeAccessEntry (moto has none)."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    find = access_entries(sts.url, "eu-west-1")

    sts.body = json.dumps({"accessEntry": {"username": "bellhop", "kubernetesGroups": ["bellhop-scaling"]}})
    assert find(CLUSTER, ROLE) == AccessEntry("bellhop", ("bellhop-scaling",))
    assert sts.paths == [f"/clusters/{CLUSTER}/access-entries/{quote(ROLE, safe='')}"]

    sts.status, sts.error_type, sts.body = 404, "ResourceNotFoundException", "{}"
    assert find(CLUSTER, ROLE) is None

    sts.status, sts.error_type = 403, "AccessDeniedException"
    with pytest.raises(TokenError, match="EKS did not answer"):
        find(CLUSTER, ROLE)
