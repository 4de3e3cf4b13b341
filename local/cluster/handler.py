"""The API's side of a connection: read a request, let faults and routes answer it, write the answer."""

from __future__ import annotations

import json
import logging
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from local.cluster.answers import ApiError, bad_request
from local.cluster.connections import peer_is_gone
from local.cluster.faults import Action, Fault
from local.cluster.messages import JSON, Answer, Request, error_answer
from local.cluster.paths import parse_query, request_info
from local.cluster.routes import answer
from local.cluster.store import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.cluster.answers import Json
    from local.cluster.rbac import User
    from local.cluster.server import Cluster

LONGEST_BODY = 3 * 1024 * 1024  # as kube-apiserver
log = logging.getLogger(__name__)


class ApiHandler(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive. `cluster` is set by a subclass made for each server."""

    cluster: ClassVar[Cluster]
    protocol_version = "HTTP/1.1"
    server_version = "kube-apiserver-stand-in"
    wbufsize = -1  # headers and body leave in one write

    def handle_any(self) -> None:
        """One request."""
        target = urlsplit(self.path)
        request = Request(
            self.command,
            target.path,
            parse_query(target.query),
            {name.lower(): value for name, value in self.headers.items()},
        )
        user: User | None = None
        try:
            request = self._with_body(request)
            user = self.cluster.authenticator.user(request.headers.get("authorization"))
            reply = self._reply(user, request)
        except ApiError as error:
            reply = error_answer(error)
        except Exception:  # a defect of the stand-in must look like one, not like a dropped connection
            log.exception("cluster.defect %s %s", self.command, self.path)
            reply = error_answer(ApiError(500, "InternalError", "the stand-in has a defect, see its log", {}))
        info = request_info(request.method, request.path, request.query)
        now = timestamp(self.cluster.store.now())
        self.cluster.records.add(now, user, info, self.path, reply.status if reply else 0)
        if reply is None:
            self.close_connection = True
        elif reply.stream is not None:
            self._write_stream(reply.stream)
        else:
            self._write(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = handle_any  # noqa: N815  # names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # as inherited
        """To the log, at debug: tests read /requests instead."""
        log.debug(format, *args)

    def _reply(self, user: User, request: Request) -> Answer | None:
        """None: the client hung up while its request was held, and nothing is to be written."""
        fault = self.cluster.faults.meet(request.method, request.path)
        if fault is None:
            return answer(self.cluster.store, user, request)
        match fault.action:
            case Action.STATUS:
                return error_answer(ApiError(fault.status, fault.reason, fault.message))
            case Action.HOLD_BEFORE:
                return answer(self.cluster.store, user, request) if self._held(fault) else None
            case Action.HOLD_AFTER:
                reply = answer(self.cluster.store, user, request)
                return reply if self._held(fault) else None

    def _held(self, fault: Fault) -> bool:
        waited = self.cluster.faults.hold(fault, lambda: peer_is_gone(self.connection))
        return waited and not self.cluster.store.closed

    def _with_body(self, request: Request) -> Request:
        if "transfer-encoding" in request.headers:
            body = self._chunks()
        else:
            length = request.headers.get("content-length", "0")
            if not (length.isascii() and length.isdigit()):
                self.close_connection = True
                raise bad_request("Content-Length is no number")
            body = self.rfile.read(self._bounded(int(length)))
        return Request(request.method, request.path, request.query, request.headers, body)

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while size := self._chunk_size():
            self._bounded(size + sum(map(len, parts)))
            parts.append(self.rfile.read(size))
            self.rfile.readline(8)
        while self.rfile.readline(8192).strip():
            pass  # trailers
        return b"".join(parts)

    def _chunk_size(self) -> int:
        digits = self.rfile.readline(64).partition(b";")[0].strip()
        try:
            return int(digits, 16)
        except ValueError as error:
            self.close_connection = True
            raise bad_request("a chunk has no size") from error

    def _bounded(self, length: int) -> int:
        if length > LONGEST_BODY:
            self.close_connection = True
            text = f"Request entity too large: limit is {LONGEST_BODY}"
            raise ApiError(413, "RequestEntityTooLarge", text, {})
        return length

    def _write(self, reply: Answer) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)
        self.wfile.flush()

    def _write_stream(self, stream: Iterator[Json | None]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", JSON)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for event in stream:
            if event is not None:
                line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
                self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
                self.wfile.flush()
            elif peer_is_gone(self.connection):
                self.close_connection = True
                return
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
