"""A history service on 127.0.0.1 that behaves like the real one.

    with HistoryServer(Traffic(seed=1, per_day=2000), days=14) as server:
        gather(server.url, …)

`/v2/search`, `/raw`, `/id`, `/v2/id`, `/messagecount` and `/healthz/…` respond as datagrepper 1.1.0
does, verified with captured responses. `Faults` makes it misbehave for tests.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from socket import SHUT_RDWR, socket
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hubbub.closeable import Closeable
from hubbub.errors import SourceError
from hubbub.testing.history.archive import Archive
from hubbub.testing.history.request import ResponseError, html_error, parse
from hubbub.testing.simulator.traffic import Traffic
from hubbub.testing.simulator.wire import raw_row, search_row

__all__ = ["Faults", "HistoryServer"]

_CLOSING = 10.0  # s for the threads of connections to end


def _now() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Faults:
    """Faults of the simulated service.

    Attributes:
        latency: seconds before each response.
        fail_every: every n-th request gets status 502 with an HTML page; 0: none.
        lose_every: every n-th row of a response is omitted, though counted; 0: none.
        no_search: `/v2/search` gets status 404, as on older services.
    """

    latency: float = 0.0
    fail_every: int = 0
    lose_every: int = 0
    no_search: bool = False


class HistoryServer(Closeable):
    """A history service in a background thread, running until `close`.

    Args:
        traffic: the messages that it serves.
        days: how many days of the past.
        port: 0 picks a free port, see the attribute `url`.
        faults: how it misbehaves.
        clock: returns the current time, µs since the epoch.

    Raises:
        SourceError: the port is in use or invalid.
    """

    def __init__(
        self,
        traffic: Traffic,
        *,
        days: float = 14,
        port: int = 0,
        faults: Faults | None = None,
        clock: Callable[[], int] = _now,
    ) -> None:
        self.faults, self.clock = faults or Faults(), clock
        self.archive = Archive(traffic, clock() - int(days * 86_400_000_000), clock)
        self.requests = count(1)
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            raise SourceError(
                f"cannot start the history service: {error}",
                where=f"127.0.0.1:{port}",
                hint="choose another port, or 0 for any free port",
            ) from error
        self._server.service = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(
            target=self._server.serve_forever, args=(0.05,), name="history", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop serving, free the port, and end the threads of all connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.end_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # `end_connections` does, after it has cut the connections
    request_queue_size = 128
    service: HistoryServer

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.closing = Event()
        self._connections: dict[Thread, socket] = {}

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer the requests of a connection in a thread."""
        self._connections = {t: s for t, s in self._connections.items() if t.is_alive()}
        thread = Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        thread.start()
        self._connections[thread] = request

    def end_connections(self) -> None:
        """Cut the connections, and wait for their threads.

        The client of a connection that is kept open would otherwise keep its thread until the
        process ends, and the query engine would report what such a thread holds as leaked.
        """
        self.closing.set()
        end = time.monotonic() + _CLOSING
        for thread, connection in self._connections.items():
            with suppress(OSError):  # it has ended already
                connection.shutdown(SHUT_RDWR)
            thread.join(max(0.0, end - time.monotonic()))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the traceback, except for connections closed by the client."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "hubbub-simulate"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        """Respond to a request."""
        service = self.server.service
        number = next(service.requests)
        if service.faults.latency:
            self.server.closing.wait(service.faults.latency)
        try:
            if service.faults.fail_every and number % service.faults.fail_every == 0:
                raise html_error(502, "Bad Gateway", "The simulated proxy lost its backend.")
            content_type, body = self._respond(service)
            self._send(200, content_type, body)
        except ResponseError as error:
            self._send(error.status, error.content_type, error.body)

    do_HEAD = do_GET  # noqa: N815  (the base class's name)

    def do_POST(self) -> None:
        """Respond that the method is not allowed."""
        self.close_connection = True  # the body of the request is not read
        text = "The method is not allowed for the requested URL."
        error = html_error(405, "Method Not Allowed", text)
        self._send(error.status, error.content_type, error.body)

    do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815  (as above)

    def _respond(self, service: HistoryServer) -> tuple[str, bytes]:
        url = urlsplit(self.path)
        parameters = parse_qs(url.query, keep_blank_values=True)
        match url.path.rstrip("/"):
            case "/v2/search" if not service.faults.no_search:
                return "application/json", _search(service, parameters, search_row)
            case "/raw":
                return "application/json", _search(service, parameters, raw_row)
            case "/v2/id":
                return "application/json", _message(service, parameters, search_row)
            case "/id":
                return "application/json", _message(service, parameters, raw_row)
            case "/messagecount":
                request = parse({}, service.clock() / 1e6)
                total, _ = service.archive.select(
                    None, None, request.filters, descending=False, offset=0, limit=0
                )
                return "application/json", json.dumps({"messagecount": total}).encode()
            case "/healthz/live" | "/healthz/ready":
                return "application/problem+json", b'{"status": 200, "title": "OK"}'
        raise ResponseError(404, "application/json", b'{"error":"not_found"}')

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class's name)
        """Suppress the base class's log on standard error."""


def _search(
    service: HistoryServer, parameters: dict[str, list[str]], encode: Callable[[Any], bytes]
) -> bytes:
    request = parse(parameters, service.clock() / 1e6)
    single_page = request.rows == 0
    total, rows = service.archive.select(
        request.start,
        request.end,
        request.filters,
        descending=request.descending,
        offset=0 if single_page else (request.page - 1) * request.rows,
        limit=None if single_page else request.rows,
    )
    if single_page and request.page > 1:
        rows = []
    pages = min(total, 1) if single_page else -(-total // request.rows)
    if request.page > 1 and pages <= 1:
        total = 0  # the real service reports this for page 2 of a single page
    if lose := service.faults.lose_every:
        rows = [m for k, m in enumerate(rows, 1) if k % lose]
    tail = {"total": total, "pages": pages, "count": len(rows), "arguments": request.arguments}
    encoded = b",".join(encode(message) for message in rows)
    return b'{"raw_messages":[' + encoded + b"]," + json.dumps(tail).encode()[1:] + b"\n"


def _message(
    service: HistoryServer, parameters: dict[str, list[str]], encode: Callable[[Any], bytes]
) -> bytes:
    if not parameters.get("id"):
        text = "The browser (or proxy) sent a request that this server could not understand."
        raise html_error(400, "Bad Request", text)
    message = service.archive.find(parameters["id"][0])
    if message is None:
        raise ResponseError(404, "application/json", b'{"error":"not_found"}')
    return encode(message)
