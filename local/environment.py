"""The local cloud as one thing: started in order, stopped in reverse whatever happens."""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from local import certificates, seeding
from local.certificates import Certificates
from local.cloud import LocalCloud, Secrets
from local.cluster.running import write_kubeconfig
from local.deployment import CREDENTIALS, REGION, STACK, Deployment, architecture
from local.ports import LOOPBACK, Ports
from local.processes import Process, start, wait_for

ROOT = Path(__file__).resolve().parent.parent
_READY_SECONDS = 30.0

#: Called with each step as it begins.
type Progress = Callable[[str], None]


@contextmanager
def local_cloud(folder: Path, ports: Ports, progress: Progress) -> Iterator[LocalCloud]:
    """Everything up, deployed and seeded while the context lasts; nothing left behind after it.

    folder is emptied first. Raises LocalCloudError.
    """
    ports.require_free()
    _empty(folder)
    made = Secrets.fresh()
    issued = certificates.issue(folder / "tls")
    environment = _environment(folder, issued, ports)
    commands = _command_environment(environment)
    deployment = Deployment(f"http://{LOOPBACK}:{ports.aws}", commands, ROOT, folder / "logs")
    with ExitStack() as stack:
        # MiniStack leaves its functions' unpacked code behind. Last in, first out: after all have stopped.
        stack.callback(shutil.rmtree, folder / "tmp", ignore_errors=True)

        def launch(name: str, command: list[str], **extra: str) -> Process:
            log = folder / "logs" / f"{name}.log"
            process = start(name, command, environment=environment | extra, folder=ROOT, log=log)
            stack.callback(process.stop)
            return process

        progress("starting the AWS endpoint (MiniStack, IAM enforced)")
        aws = launch("aws", [str(ROOT / ".tools/ministack/bin/ministack")])
        progress("starting the chat and Kubernetes stand-ins")
        tokens_shown = {"CHAT_BOT_TOKEN": made.slack_bot, "CHAT_PAGE_TOKEN": made.messenger_page_token}
        chat = launch("chat", _chat_command(issued, ports), **tokens_shown)
        tokens = _write_admin(folder, issued, ports, made)
        cluster = launch("cluster", _cluster_command(issued, ports, tokens))
        progress("building (sam build, bytecode)")
        deployment.build()
        _await_ready(deployment.aws_url, aws, chat, cluster)
        progress("deploying (sam deploy, the same template that goes to AWS)")
        outputs = deployment.deploy(_parameters(issued, ports))
        cloud = LocalCloud(folder, ports, made, issued, deployment, outputs, aws, (aws, chat, cluster))
        progress("seeding (cluster, workloads, policy, access document, secrets, alarm)")
        seeding.seed(cloud)
        _write_state(cloud)
        yield cloud


def _empty(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        if entry.name == "lock":
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    (folder / "tmp").mkdir()


def _command_environment(environment: dict[str, str]) -> dict[str, str]:
    """For sam and make: the caller's own (proxies, package indexes) without any of its AWS settings, so that
    nothing can reach a real account, and the local ones."""
    callers = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE"))}
    local = {name: value for name, value in environment.items() if name != "REQUESTS_CA_BUNDLE"}
    return callers | local


def _environment(folder: Path, issued: Certificates, ports: Ports) -> dict[str, str]:
    """What every process gets. MiniStack passes its whole environment on to the functions, so it is given no
    more than this; REQUESTS_CA_BUNDLE is how the functions trust the chat stand-in without a word in the
    template."""
    paths = [str(Path(sys.executable).parent), str(Path(sys.base_prefix) / "bin"), os.environ["PATH"]]
    return {
        **CREDENTIALS,
        "PATH": os.pathsep.join(paths),
        "HOME": os.environ.get("HOME", str(folder)),
        "TMPDIR": str(folder / "tmp"),
        "AWS_ENDPOINT_URL": f"http://{LOOPBACK}:{ports.aws}",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(ports.aws),
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "REQUESTS_CA_BUNDLE": str(issued.ca.resolve()),
        "SAM_CLI_TELEMETRY": "0",
    }


def _chat_command(issued: Certificates, ports: Ports) -> list[str]:
    tls = ["--certificate", str(issued.certificate), "--key", str(issued.key)]
    return [sys.executable, "-m", "local.chat", *tls, "--port", str(ports.chat)]


def _cluster_command(issued: Certificates, ports: Ports, tokens: Path) -> list[str]:
    aws = f"http://{LOOPBACK}:{ports.aws}"
    return [
        *[sys.executable, "-m", "local.cluster", "--cluster-name", seeding.CLUSTER, "--region", REGION],
        *["--certificate", str(issued.certificate), "--key", str(issued.key)],
        *["--port", str(ports.cluster), "--control-port", str(ports.control)],
        *["--token-file", str(tokens), "--sts-endpoint", aws, "--eks-endpoint", aws],
    ]


def _write_admin(folder: Path, issued: Certificates, ports: Ports, made: Secrets) -> Path:
    tokens = folder / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(f'{made.cluster_admin},admin,admin,"system:masters"\n')
    url = f"https://{LOOPBACK}:{ports.cluster}"
    write_kubeconfig(folder / "kubeconfig", url, issued.ca, made.cluster_admin)
    return tokens


def _await_ready(aws_url: str, aws: Process, chat: Process, cluster: Process) -> None:
    def answers() -> bool:
        try:
            return requests.get(f"{aws_url}/_ministack/health", timeout=2).ok
        except requests.ConnectionError:
            return False

    wait_for(answers, "the AWS endpoint to answer", seconds=_READY_SECONDS, process=aws)
    for process in (chat, cluster):

        def ready(process: Process = process) -> bool:
            return any(line.startswith('{"') for line in process.log.read_text().splitlines())

        wait_for(ready, f"the {process.name} stand-in to be ready", seconds=_READY_SECONDS, process=process)


def _parameters(issued: Certificates, ports: Ports) -> dict[str, str]:
    return {
        "Architecture": architecture(),
        "ClusterName": seeding.CLUSTER,
        "ClusterEndpoint": f"https://{LOOPBACK}:{ports.cluster}",
        "ClusterCa": base64.b64encode(issued.ca.read_bytes()).decode(),
        "SlackApiUrl": f"https://{LOOPBACK}:{ports.chat}/api",
        "SlackHooksUrl": f"https://{LOOPBACK}:{ports.chat}",
        "GraphApiUrl": f"https://{LOOPBACK}:{ports.chat}",
        "PrivateHosts": LOOPBACK,
        "NodeOperations": "true",
    }


def _write_state(cloud: LocalCloud) -> None:
    """What other commands need to find this cloud: local.json, and the secrets in files of their own."""
    for name, secret in (
        ("signing-secret", cloud.secrets.slack_signing),
        ("api-token", cloud.secrets.api_token),
        ("alerts-token", cloud.secrets.alerts_token),
        ("messenger-app-secret", cloud.secrets.messenger_app_secret),
        ("messenger-verify-token", cloud.secrets.messenger_verify_token),
        ("dialogflow-token", cloud.secrets.dialogflow_token),
    ):
        file = cloud.folder / name
        file.touch(mode=0o600)
        file.write_text(f"{secret}\n")
    state = {
        "pid": os.getpid(),
        "stack": STACK,
        "aws_url": cloud.aws_url,
        "door_url": cloud.aws_url,
        "door_host": cloud.door_host,
        "chat_url": cloud.chat_url,
        "team": seeding.TEAM,
        "channel": seeding.CHANNEL,
        "user": seeding.USER,
        "ca_file": str(cloud.certificates.ca.resolve()),
        "signing_secret_file": str((cloud.folder / "signing-secret").resolve()),
        "api_token_file": str((cloud.folder / "api-token").resolve()),
        "alerts_token_file": str((cloud.folder / "alerts-token").resolve()),
        "messenger_app_secret_file": str((cloud.folder / "messenger-app-secret").resolve()),
        "messenger_verify_token_file": str((cloud.folder / "messenger-verify-token").resolve()),
        "dialogflow_token_file": str((cloud.folder / "dialogflow-token").resolve()),
        "kubeconfig": str(cloud.kubeconfig.resolve()),
    }
    (cloud.folder / "local.json").write_text(json.dumps(state, indent=2))
