"""A small HTTP server in AWS's place, and a check of SigV4 over what arrived on the wire."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override


@dataclass(frozen=True)
class Received:
    """One request. headers: lower-case names."""

    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def operation(self) -> str:
        return self.headers.get("x-amz-target", "").rpartition(".")[2]

    @property
    def document(self) -> Any:
        return json.loads(self.body)


#: Status and body; None hangs up without an answer.
type Answer = tuple[int, dict[str, Any] | bytes] | None


@dataclass
class Aws:
    """answer: given the request and how many came before it. headers: beside its own, of every answer."""

    answer: Callable[[Received, int], Answer]
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)


@contextmanager
def running_aws(answer: Callable[[Received, int], Answer], *, keep_alive: bool = False) -> Iterator[Aws]:
    """The double while the context lasts. Connections are closed after each answer unless `keep_alive`."""
    aws = Aws(answer)

    class Handler(_Handler):
        protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"
        double = aws

    server = _Server(("127.0.0.1", 0), Handler)
    aws.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield aws
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: list[socket.socket] = []
        super().__init__(address, handler)

    @override
    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.append(connection)
        return connection, address

    def hang_up(self) -> None:
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RD)


class _Handler(BaseHTTPRequestHandler):
    double: Aws

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, body, self.client_address[1])
        answer = self.double.answer(received, len(self.double.received))
        self.double.received.append(received)
        if answer is None:
            self.close_connection = True
            return
        status, document = answer
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        for name, value in self.double.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


def signature_is_right(received: Received, *, secret: str, region: str, service: str) -> bool:
    """SigV4, from its specification and not by botocore (the IAM User Guide, "Create a signed AWS API request")."""
    algorithm, _, rest = received.headers["authorization"].partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    date = received.headers["x-amz-date"]
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    if algorithm != "AWS4-HMAC-SHA256" or fields["Credential"].partition("/")[2] != scope:
        return False
    names = fields["SignedHeaders"].split(";")
    # Lambda's operations are named by the path, the JSON protocol's by a header.
    if not {"host", "x-amz-date"} | ({"x-amz-target"} & received.headers.keys()) <= set(names):
        return False
    canonical = "\n".join(
        (
            "POST",
            received.path,
            "",
            *(f"{name}:{' '.join(received.headers[name].split())}" for name in names),
            "",
            fields["SignedHeaders"],
            hashlib.sha256(received.body).hexdigest(),
        )
    )
    key = f"AWS4{secret}".encode()
    for part in (date[:8], region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    to_sign = "\n".join((algorithm, date, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest() == fields["Signature"]
