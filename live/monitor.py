"""Serve `/healthz` and `/metrics` of a listener over HTTP.

The server only reads: neither the requests nor slow clients delay receiving and writing.
"""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Lock, Thread
from types import TracebackType
from typing import Any, Self

import msgspec
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from hubbub.errors import SourceError, UsageError
from hubbub.live.health import faults, status_of
from hubbub.live.metrics import Metrics
from hubbub.live.vitals import Vitals
from hubbub.logger import get_logger

__all__ = ["Monitor"]

_MAX_CONNECTIONS = 8  # for another the oldest is cut off; monitors poll every few seconds
_TIMEOUT = 5.0  # s for a request and its response together, however slowly they come
_SHARE = 0.1  # s that another waits for a place; a probe needs some ms
_PATIENCE = 1.0  # s for a client that was cut off to end
_MAX_PORT = 65535
_log = get_logger("hubbub.monitor")

_HINTS = {
    errno.EADDRINUSE: "another process uses this port: choose another one with --metrics-port",
    errno.EACCES: "ports below 1024 need privileges: choose a higher one",
    errno.EADDRNOTAVAIL: "not an address of this machine: use 127.0.0.1, or 0.0.0.0 for all",
}  # fmt: skip


class Monitor:
    """An HTTP server that runs in background threads.

    Args:
        vitals: returns the current vitals; called once for each response, from several threads.
        version: hubbub's version.
        port: 0 chooses any free port; see the attribute `port`.
        host: the default accepts connections from this machine only.

    Raises:
        UsageError: the port is out of range or the host unknown.
        SourceError: the address is in use or not available.
    """

    def __init__(
        self, vitals: Callable[[], Vitals], version: str, port: int, host: str = "127.0.0.1"
    ) -> None:
        where = f"--metrics-host {host} --metrics-port {port}"
        if not 0 <= port <= _MAX_PORT:
            raise UsageError(f"the port is not between 0 and {_MAX_PORT}", where=where)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Metrics(vitals, version))
        ProcessCollector(registry=registry)
        handler = partial(_Handler, vitals=vitals, version=version, registry=registry)
        try:
            self._server = _Server(host, port, handler)
        except socket.gaierror as error:
            raise UsageError(f"unknown host: {error.strerror}", where=where) from error
        except OSError as error:
            hint = _HINTS.get(error.errno or 0, "")
            raise SourceError(
                f"cannot listen on this address: {error.strerror}", where=where, hint=hint
            ) from error
        self.port = int(self._server.server_address[1])
        url_host = f"[{host}]" if ":" in host else host
        self.url = f"http://{url_host}:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, name="monitor", daemon=True)

    def start(self) -> None:
        """Start serving."""
        self._thread.start()
        _log.info("answering monitors", metrics=f"{self.url}/metrics", health=f"{self.url}/healthz")

    def stop(self) -> None:
        """Stop serving and close the socket."""
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
    block_on_close = False  # do not wait for slow clients when the listener ends
    request_queue_size = _MAX_CONNECTIONS

    def __init__(self, host: str, port: int, handler: Callable[..., _Handler]) -> None:
        self._slots = BoundedSemaphore(_MAX_CONNECTIONS)
        self._lock = Lock()
        self._open: dict[Any, float] = {}  # socket → when it was accepted, the oldest first
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        self.address_family = addresses[0][0]
        super().__init__((host, port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a client; of too many, the oldest is cut off after its `_SHARE` of the time."""
        if not self._slots.acquire(timeout=_SHARE):
            self._cut_off(1, 0.0)
            if not self._slots.acquire(timeout=_PATIENCE):
                self.shutdown_request(request)
                return
        with self._lock:
            self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Cut off clients whose time is over; called every half second."""
        self._cut_off(_MAX_CONNECTIONS, _TIMEOUT)

    def _cut_off(self, number: int, age: float) -> None:
        """Shut down the oldest connections that are older than `age` seconds."""
        with self._lock:
            now = time.monotonic()
            for request in [r for r, start in self._open.items() if now - start >= age][:number]:
                with suppress(OSError):  # the client was faster
                    request.shutdown(socket.SHUT_RDWR)  # its thread wakes up, and ends

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - required by the base class
        error = sys.exception()
        if isinstance(error, OSError):  # the client hung up, or was cut off
            _log.debug("monitor client gone", client=client_address[0], why=str(error))
        else:
            _log.exception("monitor request failed", client=client_address[0])


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "hubbub", ""
    timeout = _TIMEOUT

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
                self._respond(HTTPStatus.OK, kind, encode(self._registry))
            case "/healthz":
                self._health()
            case path:
                hint = "request /healthz or /metrics"
                self._error(HTTPStatus.NOT_FOUND, "not-found", f"not found: {path}", hint)

    do_HEAD = do_GET  # noqa: N815 - name required by the base class

    def _health(self) -> None:
        vitals = self._vitals()
        detected = faults(vitals)
        document = {
            "status": status_of(detected),
            "version": self._version,
            "seconds": round(vitals.counts.seconds, 1),
            "endpoints": {peer.address: peer.connected for peer in vitals.peers},
            "connections": {peer.address: peer.report for peer in vitals.peers},
            "faults": [
                {"name": fault.name, "what": fault.what, "hint": fault.hint} for fault in detected
            ],
        }
        failing = document["status"] == "failing"
        status = HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
        self._respond(status, "application/json", msgspec.json.encode(document) + b"\n")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send errors of http.server itself (unknown method, malformed request) as JSON too."""
        status = HTTPStatus(code)
        self.close_connection = True
        name = status.name.lower().replace("_", "-")
        self._error(status, name, message or status.phrase, explain or "GET /healthz or /metrics")

    def _error(self, status: HTTPStatus, code: str, message: str, hint: str) -> None:
        document = {"error": {"code": code, "message": message, "hint": hint}}
        self._respond(status, "application/json", msgspec.json.encode(document) + b"\n")

    def _respond(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - required by the base class
        _log.debug("monitor request", said=format % args)
