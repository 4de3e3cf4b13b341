"""`python -m local.cluster`: the stand-in as a process of its own.

Prints one JSON line on stdout when it answers: {"url": ..., "port": ..., "controlUrl": ...}. SIGTERM and
SIGINT end it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from local.cluster.authentication import EksAuthenticator, read_token_file
from local.cluster.eks import access_entries, identify
from local.cluster.server import Cluster, ClusterConfig, serve


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; 2 when it cannot start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(
        level=options.log_level.upper(), stream=sys.stderr, format="%(levelname)s %(message)s"
    )
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        cluster = serve(_config(options))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"cannot start: {error}\n")
        return 2
    _tell(cluster, options.ready_file)
    stop.wait()
    cluster.stop()
    return 0


def _tell(cluster: Cluster, ready_file: Path | None) -> None:
    port = int(cluster.url.rpartition(":")[2])
    line = json.dumps({"url": cluster.url, "port": port, "controlUrl": cluster.control_url})
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    if ready_file:
        half = ready_file.with_name(f".{ready_file.name}.{os.getpid()}")
        half.write_text(f"{line}\n")
        half.replace(ready_file)  # whoever polls for the file never reads half of it


def _config(options: argparse.Namespace) -> ClusterConfig:
    tokens = {}
    if options.token_file:
        tokens = read_token_file(options.token_file.read_text().splitlines())
    return ClusterConfig(
        certificate=options.certificate,
        key=options.key,
        port=options.port,
        control_port=options.control_port,
        tokens=tokens,
        eks=_eks(options),
        pod_start_seconds=None if options.no_controllers else options.pod_start_seconds,
    )


def _eks(options: argparse.Namespace) -> EksAuthenticator | None:
    if not options.sts_endpoint:
        return None
    if not options.cluster_name:
        raise ValueError("--sts-endpoint needs --cluster-name")
    find_entry = access_entries(options.eks_endpoint, options.region)
    return EksAuthenticator(
        options.cluster_name, options.sts_endpoint, identify, find_entry, lambda: datetime.now(UTC)
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.cluster",
        description="A stand-in for a Kubernetes API server on 127.0.0.1, for tests and the local cloud.",
        epilog="When it answers it prints one JSON line: url, port, controlUrl. SIGTERM or ctrl-C ends it.",
    )
    tls = parser.add_argument_group("address and TLS")
    tls.add_argument(
        "--certificate", type=Path, required=True, metavar="FILE", help="PEM certificate (chain)"
    )
    tls.add_argument("--key", type=Path, required=True, metavar="FILE", help="its PEM key")
    tls.add_argument("--port", type=int, default=0, metavar="N", help="0 (the default) chooses a free one")
    tls.add_argument(
        "--ready-file", type=Path, metavar="FILE", help="also write the JSON line here when ready"
    )
    who = parser.add_argument_group("credentials")
    who.add_argument(
        "--token-file", type=Path, metavar="FILE", help='lines of token,user,uid,"group1,group2"'
    )
    who.add_argument(
        "--cluster-name", default="", metavar="NAME", help="the EKS cluster's name, which tokens sign"
    )
    who.add_argument(
        "--sts-endpoint", default="", metavar="URL", help="accept EKS tokens made for this endpoint"
    )
    who.add_argument("--eks-endpoint", default="", metavar="URL", help="where access entries are looked up")
    who.add_argument(
        "--region",
        default=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-west-1",
        help="for the EKS client (default: AWS_REGION, else %(default)s)",
    )
    behaviour = parser.add_argument_group("behaviour")
    behaviour.add_argument(
        "--pod-start-seconds", type=float, default=0.2, metavar="N", help="until status follows spec (0.2)"
    )
    behaviour.add_argument("--no-controllers", action="store_true", help="status never follows spec")
    behaviour.add_argument(
        "--control-port",
        type=int,
        metavar="N",
        help="serve /faults and /requests here (0 chooses); off if absent",
    )
    behaviour.add_argument("--log-level", default="warning", choices=("debug", "info", "warning", "error"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
