"""A server that answers as a hubbub server does, or not at all as one should."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

#: What a function of the peer returns: status, content type, body.
Answer = tuple[int, str, bytes]


def as_json(value: Any, status: int = 200) -> Answer:
    return status, "application/json", json.dumps(value).encode()


def failed(status: int, message: str) -> Answer:
    return as_json({"error": {"code": "failed", "message": message, "hint": ""}}, status)


class Peer:
    """A server in a thread.

    Attributes:
        functions: by address (`query/NAME`) what it answers, given the parameters.
        requests: method, path, parameters and headers of each request.
        raw: writes the answer to `path` itself, if there is an entry for it.
        schema: replaces the schema made of `functions`.
        headers: sent with every answer.
    """

    def __init__(self) -> None:
        self.functions: dict[str, Callable[[dict[str, list[str]]], Answer]] = {}
        self.requests: list[tuple[str, str, dict[str, list[str]], dict[str, str]]] = []
        self.raw: dict[str, Callable[[Any], None]] = {}
        self.schema: Answer | None = None
        self.headers: dict[str, str] = {"Hubbub-Api": "1"}
        self.url = ""

    def listed(self) -> Answer:
        if self.schema is not None:
            return self.schema
        parts = [address.split("/") for address in self.functions]
        return as_json(
            [{"class": kind, "name": name, "doc": f"Doc {name}"} for kind, name in parts]
        )

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.requests]


@contextmanager
def serving(peer: Peer) -> Iterator[Peer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def answer(self, query: str) -> None:
            path = unquote(urlsplit(self.path).path)
            given = parse_qs(query, keep_blank_values=True)
            peer.requests.append((self.command, path, given, dict(self.headers)))
            if path in peer.raw:
                self.close_connection = True
                return peer.raw[path](self.wfile)
            function = peer.functions.get(path[1:])
            status, kind, body = (
                peer.listed()
                if path == "/schema"
                else function(given)
                if function is not None
                else failed(404, "no such function")
            )
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in peer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            return None

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """The client went away, which is what several tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    peer.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def drip(out: Any, data: bytes = b"HTTP/1.1 200 OK\r\nX: ", pause: float = 0.05) -> None:
    """Send a byte now and then, without end."""
    out.write(data)
    for _ in range(2_000):
        out.write(b"x")
        out.flush()
        time.sleep(pause)


def endless(out: Any) -> None:
    """Send 2 GB."""
    out.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
    out.write(b"Content-Length: 2147483648\r\n\r\n")
    for _ in range(2048):
        out.write(b"x" * 2**20)
