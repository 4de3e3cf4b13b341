"""A real Prometheus and a real Alertmanager on the loopback, from Debian's packages, while a test needs them.

Prometheus scrapes gauges that the test sets, one rule rings for them, Alertmanager posts to Bellhop's door.
Rule, route and receiver are those of docs/alerts.md, in a hurry.
"""

from __future__ import annotations

import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override

import requests
import yaml

from local.ports import LOOPBACK
from local.processes import LocalCloudError, Process, start, wait_for

#: What the one rule is called. Its alerts are labelled `queue`, after the gauge.
ALERT = "QueueDeep"
#: A queue that is deeper than this rings.
DEEP = 200

_READY_SECONDS = 30.0


@dataclass
class Gauges:
    """`queue_depth` by queue, as Prometheus scrapes them."""

    depths: dict[str, float] = field(default_factory=dict)

    def set(self, queue: str, depth: float) -> None:
        self.depths[queue] = depth

    def page(self) -> str:
        lines = [f'queue_depth{{queue="{queue}"}} {depth:g}' for queue, depth in self.depths.copy().items()]
        return "\n".join(["# TYPE queue_depth gauge", *lines, ""])


@dataclass(frozen=True)
class Monitoring:
    """Both of them, running."""

    gauges: Gauges
    alertmanager: Process
    alertmanager_url: str

    def webhooks(self, metric: str) -> float:
        """One of Alertmanager's own counters, for what it sends to webhooks."""
        return counted(self.alertmanager_url, f"alertmanager_{metric}", 'integration="webhook"')


@contextmanager
def monitoring(folder: Path, *, door: str, token: str, repeat_interval: str) -> Iterator[Monitoring]:
    """Prometheus and Alertmanager while the context lasts; their files and logs stay in folder.

    door: URL that Alertmanager posts to, with the bearer token. Raises LocalCloudError.
    """
    programs = [_program("prometheus"), _program("prometheus-alertmanager")]
    gauges = Gauges()
    ports = _free_ports(2)
    prometheus_url, alertmanager_url = (f"http://{LOOPBACK}:{port}" for port in ports)
    with ExitStack() as stack:
        scraped = stack.enter_context(_served(gauges))
        configured = [
            _configure_prometheus(folder, scraped, alertmanager_url),
            _configure_alertmanager(folder, door, token, repeat_interval),
        ]
        running = []
        for program, options, url in zip(
            programs, configured, (prometheus_url, alertmanager_url), strict=True
        ):
            name = Path(program).name
            listen = f"--web.listen-address={url.removeprefix('http://')}"
            log = folder / f"{name}.log"
            process = start(name, [program, *options, listen], environment={}, folder=folder, log=log)
            stack.callback(process.stop)
            ready = partial(_is_ready, url)
            wait_for(ready, f"{name} to be ready", seconds=_READY_SECONDS, process=process)
            running.append(process)
        # Until it has found its Alertmanagers, some seconds, Prometheus throws away what it has for them.
        found = "prometheus_notifications_alertmanagers_discovered"
        wait_for(
            lambda: counted(prometheus_url, found) == 1,
            "Prometheus to find its Alertmanager",
            seconds=_READY_SECONDS,
            process=running[0],
        )
        yield Monitoring(gauges, running[1], alertmanager_url)


def counted(url: str, metric: str, label: str = "") -> float:
    """The sum of a metric's series that have the label, from the /metrics of whoever listens at the URL."""
    page = requests.get(f"{url}/metrics", timeout=10).text
    series = re.findall(rf"^{metric}(?:{{([^}}]*)}})? (\S+)$", page, re.MULTILINE)
    return sum(float(value) for labels, value in series if label in labels)


def _configure_prometheus(folder: Path, scraped: str, alertmanager_url: str) -> list[str]:
    """Writes its files. Answers its options."""
    rule = {
        "alert": ALERT,
        "expr": f"queue_depth > {DEEP}",
        "labels": {"team": "shop", "severity": "scale"},
        "annotations": {"summary": "{{ $labels.queue }} has {{ $value }} waiting", "value": "{{ $value }}"},
    }
    rules = _write(folder / "rules.yml", {"groups": [{"name": "scaling", "rules": [rule]}]})
    alertmanagers = [{"static_configs": [{"targets": [alertmanager_url.removeprefix("http://")]}]}]
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "alerting": {"alertmanagers": alertmanagers},
        "scrape_configs": [{"job_name": "queues", "static_configs": [{"targets": [scraped]}]}],
    }
    return [
        f"--config.file={_write(folder / 'prometheus.yml', config)}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        # An alert that is not sent again for four times this is over for Alertmanager: a busy machine's hiccup.
        "--rules.alert.resend-delay=3s",
    ]


def _configure_alertmanager(folder: Path, door: str, token: str, repeat_interval: str) -> list[str]:
    """Writes its files. Answers its options."""
    credentials = folder / "bellhop-token"
    credentials.touch(mode=0o600)
    credentials.write_text(token)
    route = {
        "receiver": "bellhop",
        "group_by": ["alertname", "queue"],
        "group_wait": "1s",
        "group_interval": "3s",
        "repeat_interval": repeat_interval,
    }
    proof = {"type": "Bearer", "credentials_file": str(credentials)}
    webhook = {"url": door, "send_resolved": True, "max_alerts": 0, "http_config": {"authorization": proof}}
    config = {"route": route, "receivers": [{"name": "bellhop", "webhook_configs": [webhook]}]}
    return [
        f"--config.file={_write(folder / 'alertmanager.yml', config)}",
        f"--storage.path={folder / 'alertmanager'}",
        "--cluster.listen-address=",
    ]


def _write(file: Path, document: dict[str, Any]) -> Path:
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise LocalCloudError(
            f"{name} is not installed: apt-get install prometheus prometheus-alertmanager"
            " (and stop their services: the tests start their own)"
        )
    return found


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/-/ready", timeout=2).ok
    except requests.RequestException:
        return False


def _free_ports(count: int) -> list[int]:
    """Ports nobody listens on now."""
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


@contextmanager
def _served(gauges: Gauges) -> Iterator[str]:
    """host:port at which the gauges can be scraped."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = gauges.page().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are not worth a line."""

    with ThreadingHTTPServer((LOOPBACK, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
