"""A threading HTTP server that shakes hands in the connection's own thread and can hang up on everyone."""

from __future__ import annotations

import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

HANDSHAKE_SECONDS = 10.0


class LoopbackServer(ThreadingHTTPServer):
    """One thread for each connection, TLS when there is a context."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self._open: dict[socket.socket, threading.Thread] = {}
        self._open_lock = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without the reverse lookup of the host's name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.socket.getsockname()

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as inherited
        """Handle one connection from handshake to close."""
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection: socket.socket = request
        try:
            if self._tls:
                request.settimeout(HANDSHAKE_SECONDS)
                connection = self._tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
                with self._open_lock:
                    self._open[connection] = threading.current_thread()
                connection.do_handshake()
                connection.settimeout(None)
            else:
                with self._open_lock:
                    self._open[connection] = threading.current_thread()
            self.finish_request(connection, client_address)
        except (OSError, ValueError):
            pass  # the client went away, or never spoke TLS
        finally:
            with self._open_lock:
                self._open.pop(connection, None)
            self.shutdown_request(connection)

    def end(self) -> None:
        """Close the listening socket and every connection, and wait for their threads."""
        self.server_close()
        with self._open_lock:
            still_open = dict(self._open)
        for connection, thread in still_open.items():
            try:
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
            except OSError:
                continue
            finally:
                thread.join(2)


def peer_is_gone(connection: socket.socket) -> bool:
    """Whether the client has closed or reset the connection. Only between a request's body and its answer:
    what a client sends ahead of the answer would be swallowed."""
    timeout = connection.gettimeout()
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except (ssl.SSLWantReadError, BlockingIOError):
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(timeout)
