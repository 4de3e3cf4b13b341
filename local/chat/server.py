"""The stand-in on the network: HTTPS on the loopback, in a thread of its own."""

import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast, override
from urllib.parse import parse_qsl, urlsplit

from local.chat.exchange import Answer, Request, json_answer
from local.chat.messages import Conversation, Message
from local.chat.stand_in import StandIn

LOOPBACK = "127.0.0.1"
BODY_LIMIT = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RunningChat:
    """Where a running stand-in is to be found, and what it keeps."""

    port: int
    conversation: Conversation

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self.port}"


@contextmanager
def running_chat(
    certificate: Path,
    key: Path,
    bot_token: str,
    port: int = 0,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    on_kept: Callable[[Message], None] = lambda _: None,
    page_token: str = "",
) -> Iterator[RunningChat]:
    """Run the stand-in while the context lasts.

    `certificate` (PEM, with its chain) and `key` are for 127.0.0.1; `port` 0 lets the system choose;
    `on_kept` is called with each message; `page_token` is what Messenger's senders must show. Raises OSError
    when the port is taken or a file cannot be used.
    """
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    server = _Server(port, tls)
    conversation = Conversation(now, on_kept=on_kept)
    server.stand_in = StandIn(
        bot_token=bot_token,
        port=server.server_port,
        now=now,
        conversation=conversation,
        page_token=page_token,
    )
    accepting = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="chat")
    accepting.start()
    try:
        yield RunningChat(server.server_port, conversation)
    finally:
        server.shutdown()
        accepting.join()
        conversation.close()
        server.hang_up()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for them
    stand_in: StandIn

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__((LOOPBACK, port), _Exchange)

    @override
    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection; its handshake happens in its own thread, with the first read."""
        plain, address = self.socket.accept()
        secured = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._open_lock:
            self._open.add(secured)
        return secured, address

    @override
    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        with self._open_lock:
            self._open.discard(cast(socket.socket, request))
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open, so that their threads end."""
        with self._open_lock:
            for each in self._open:
                with suppress(OSError):
                    # Only reading ends: an answer on its way still gets out. And not by SSLSocket's own
                    # shutdown, which would pull the session from under the thread that uses it.
                    socket.socket.shutdown(each, socket.SHUT_RD)

    @override
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may hang up as they like; what is ours to mend is shown."""
        if not isinstance(sys.exception(), OSError):  # ssl.SSLError and TimeoutError are OSErrors
            super().handle_error(cast(socket.socket, request), client_address)


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30  # seconds a connection may lie idle
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._reply(self._answer())

    def do_POST(self) -> None:
        self._reply(self._answer())

    def do_DELETE(self) -> None:
        self._reply(self._answer())

    def _answer(self) -> Answer:
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            return json_answer({"ok": False, "error": "Content-Length required"}, 411)
        if int(length) > BODY_LIMIT:
            self.close_connection = True
            return json_answer({"ok": False, "error": "request_too_large"}, 413)
        body = self.rfile.read(int(length))
        target = urlsplit(self.path)
        return self.server.stand_in.answer(
            Request(
                method=self.command,
                path=target.path,
                query=dict(parse_qsl(target.query, keep_blank_values=True)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=body,
            )
        )

    def _reply(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a request line may carry a response_url's secret."""
