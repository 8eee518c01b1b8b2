"""`/healthz` and `/metrics` of a listener, for a monitor on the same machine or network.

Comes in: a function that gives `Vitals`, an address. Goes out: HTTP. It only reads: whatever is
asked, and however slowly, receiving and writing do not wait.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from hubbub.errors import SourceError, UsageError
from hubbub.live.health import faults
from hubbub.live.metrics import Metrics
from hubbub.live.vitals import Vitals

__all__ = ["Monitor"]

_AT_ONCE = 8  # answers; more are refused: a monitor asks every few seconds
_PATIENCE = 5.0  # s for a client that does not say what it wants
_PORTS = 65535
_log = structlog.get_logger("hubbub.monitor")

_HINTS = {
    errno.EADDRINUSE: "another process has this port: choose another with --metrics-port",
    errno.EACCES: "ports below 1024 need a privilege: choose a higher one",
    errno.EADDRNOTAVAIL: "this machine has no such address: 127.0.0.1, or 0.0.0.0 for all",
}  # fmt: skip


class Monitor:
    """An HTTP server in threads of its own.

    Args:
        vitals: asked once for each answer, by several threads at once.
        version: of hubbub.
        port: 0: any that is free; `port` says which.
        host: 127.0.0.1: this machine alone.

    Raises:
        UsageError: no such port or host.
        SourceError: it is taken, or not ours.
    """

    def __init__(
        self, vitals: Callable[[], Vitals], version: str, port: int, host: str = "127.0.0.1"
    ) -> None:
        where = f"--metrics-host {host} --metrics-port {port}"
        if not 0 <= port <= _PORTS:
            raise UsageError(f"ports end at {_PORTS}", where=where)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Metrics(vitals, version))
        ProcessCollector(registry=registry)
        handler = partial(_Handler, vitals=vitals, version=version, registry=registry)
        try:
            self._server = _Server(host, port, handler)
        except socket.gaierror as error:
            raise UsageError(f"there is no such host: {error.strerror}", where=where) from error
        except OSError as error:
            hint = _HINTS.get(error.errno or 0, "")
            raise SourceError(
                f"cannot answer there: {error.strerror}", where=where, hint=hint
            ) from error
        self.port = int(self._server.server_address[1])
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, name="monitor", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        _log.info("answering monitors", metrics=f"{self.url}/metrics", health=f"{self.url}/healthz")

    def stop(self) -> None:
        """Answer no more."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # the end of a listener does not wait for a slow monitor
    request_queue_size = _AT_ONCE

    def __init__(self, host: str, port: int, handler: Callable[..., _Handler]) -> None:
        self._free = BoundedSemaphore(_AT_ONCE)
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = found[0][0]
        super().__init__((host, port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - its shape
        _log.exception("a monitor got no answer", client=client_address[0])


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "hubbub", ""
    timeout = _PATIENCE

    def __init__(
        self,
        *args: Any,
        vitals: Callable[[], Vitals],
        version: str,
        registry: CollectorRegistry,
    ) -> None:
        self._vitals, self._version, self._registry = vitals, version, registry
        super().__init__(*args)

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, kind, encode(self._registry))
            case "/healthz":
                self._health()
            case path:
                hint = "there are /healthz and /metrics"
                self._error(HTTPStatus.NOT_FOUND, "not-found", f"there is no {path}", hint)

    do_HEAD = do_GET  # noqa: N815 - as above

    def _health(self) -> None:
        vitals = self._vitals()
        found = faults(vitals)
        document = {
            "status": "failing" if found else "ok",
            "version": self._version,
            "seconds": round(vitals.counts.seconds, 1),
            "endpoints": {peer.address: peer.connected for peer in vitals.peers},
            "faults": [{"name": one.name, "what": one.what, "hint": one.hint} for one in found],
        }
        status = HTTPStatus.SERVICE_UNAVAILABLE if found else HTTPStatus.OK
        self._answer(status, "application/json", msgspec.json.encode(document) + b"\n")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What http.server itself refuses (a method, a broken request): the same shape."""
        status = HTTPStatus(code)
        self.close_connection = True
        name = status.name.lower().replace("_", "-")
        self._error(status, name, message or status.phrase, explain or "GET /healthz or /metrics")

    def _error(self, status: HTTPStatus, code: str, message: str, hint: str) -> None:
        document = {"error": {"code": code, "message": message, "hint": hint}}
        self._answer(status, "application/json", msgspec.json.encode(document) + b"\n")

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its shape
        _log.debug("a monitor asked", said=format % args)
