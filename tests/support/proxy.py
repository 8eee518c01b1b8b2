"""A reverse proxy for tests: under a prefix, and with a network that can be cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["Proxy", "proxying"]

_CHUNK = 1 << 16


class Proxy:
    """Passes connections on; a connection has one request.

    Args:
        port: of the server behind it.
        prefix: of the paths that are passed on, without it; others are answered with 404.
    """

    def __init__(self, port: int, prefix: str = "") -> None:
        self.port, self.prefix = port, prefix.encode()
        self.frozen = threading.Event()  # set: nothing passes, and nobody is told
        self._refusing = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}{prefix}"
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Close all connections, and refuse further ones."""
        self._refusing = True
        self.drop()

    def drop(self) -> None:
        """Close all connections."""
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Pass everything on again; what was frozen is gone."""
        if self.frozen.is_set():
            self.drop()
        self._refusing = False
        self.frozen.clear()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self._refusing:
                client.close()
            else:
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (part := client.recv(_CHUNK)):
                    return
                head += part
            head, _, body = head.partition(b"\r\n\r\n")
            first, *fields = head.split(b"\r\n")
            method, path, protocol = first.split(b" ")
            if self.prefix and not path.startswith(self.prefix + b"/"):
                client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                return
            path = path[len(self.prefix) :]
            kept = [f for f in fields if not f.lower().startswith(b"connection:")]
            lines = [b" ".join((method, path, protocol)), *kept, b"Connection: close", b"", body]
            with socket.create_connection(("127.0.0.1", self.port)) as server:
                with self._lock:
                    self._open |= {client, server}
                server.sendall(b"\r\n".join(lines))
                self._pass_on(server, client)
                with self._lock:
                    self._open -= {client, server}

    def _pass_on(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while part := server.recv(_CHUNK):
                if not self.frozen.is_set():
                    client.sendall(part)


@contextmanager
def proxying(port: int, prefix: str = "") -> Iterator[Proxy]:
    """Run a proxy while the block runs."""
    proxy = Proxy(port, prefix)
    try:
        yield proxy
    finally:
        proxy.cut()
        proxy.listener.close()
