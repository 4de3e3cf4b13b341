"""The control API, for tests: faults to order, what has been served, what containers have written. Plain HTTP on
loopback."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar

from local.cluster.faults import parse_fault

if TYPE_CHECKING:
    from local.cluster.answers import Value
    from local.cluster.server import Cluster


class ControlHandler(BaseHTTPRequestHandler):
    """GET, POST, DELETE /faults; GET, DELETE /requests; POST /logs."""

    cluster: ClassVar[Cluster]
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def handle_any(self) -> None:
        """One request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, answer = self._answer(body)
        except (ValueError, TypeError, AttributeError) as error:
            status, answer = 400, {"error": str(error)}
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  # names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # as inherited
        """Silent: these requests are the test's own."""

    def _answer(self, body: bytes) -> tuple[int, Value]:
        faults, records = self.cluster.faults, self.cluster.records
        match self.command, self.path:
            case "GET", "/faults":
                return 200, faults.listed()
            case "POST", "/faults":
                return 201, faults.add(parse_fault(json.loads(body))).shown()
            case "DELETE", "/faults":
                faults.clear()
                return 200, []
            case "GET", "/requests":
                return 200, records.listed()
            case "DELETE", "/requests":
                records.clear()
                return 200, []
            case "POST", "/logs":
                store = self.cluster.store
                return 201, {"lines": store.logs.write(json.loads(body), store.now())}
            case _:
                return 404, {"error": "there is /faults, /requests and /logs"}
