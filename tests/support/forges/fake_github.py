"""A server that answers as GitHub's API of a webhook's deliveries does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["PATH", "TOKEN", "FakeGitHub", "Kept", "fake_github"]

TOKEN = "github_pat_0123456789"
PATH = "/repos/o/n/hooks/7/deliveries"


@dataclass
class Kept:
    """A delivery that GitHub keeps."""

    guid: str
    time: float  # s
    status: int = 502
    event: str = "issues"
    payload: Any = field(default_factory=lambda: {"sender": {"login": "anna"}})


class FakeGitHub:
    """What the server keeps, and how it answers."""

    def __init__(self) -> None:
        self.deliveries: list[Kept] = []
        self.page = 100  # at most
        self.asked: list[str] = []  # paths
        #: What to answer next, instead: status, headers, body.
        self.instead: list[tuple[int, dict[str, str], bytes]] = []
        self.url = ""

    def add(self, *deliveries: Kept) -> None:
        """Keep deliveries, the oldest first; their numbers are 1, 2, …"""
        self.deliveries += deliveries

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        self.asked.append(path)
        if self.instead:
            return self.instead.pop(0)
        if authorization != f"Bearer {TOKEN}":
            return 401, {}, b'{"message": "Bad credentials"}'
        url = urlsplit(path)
        if url.path == PATH:
            return self._list(parse_qs(url.query))
        number = url.path.removeprefix(f"{PATH}/")
        if number.isdigit() and 0 < int(number) <= len(self.deliveries):
            return 200, {}, json.dumps(self._full(int(number))).encode()
        return 404, {}, b'{"message": "Not Found"}'

    def _list(self, query: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        newest = int(query.get("cursor", [str(len(self.deliveries))])[0])
        size = min(int(query["per_page"][0]), self.page)
        numbers = range(newest, max(0, newest - size), -1)
        headers = {}
        if newest - size > 0:
            address = f"{self.url}{PATH}?per_page={size}&cursor={newest - size}"
            headers["Link"] = f'<{address}>; rel="next"'
        return 200, headers, json.dumps([self._listed(n) for n in numbers]).encode()

    def _listed(self, number: int) -> dict[str, Any]:
        kept = self.deliveries[number - 1]
        moment = datetime.fromtimestamp(kept.time, UTC)
        return {
            "id": number,
            "guid": kept.guid,
            "delivered_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "redelivery": False,
            "duration": 0.27,
            "status": "OK" if kept.status == 200 else "Invalid HTTP Response",
            "status_code": kept.status,
            "event": kept.event,
            "action": None,
            "installation_id": None,
            "repository_id": 123,
            "throttled_at": None,
        }

    def _full(self, number: int) -> dict[str, Any]:
        kept = self.deliveries[number - 1]
        headers = {"X-GitHub-Delivery": kept.guid, "X-GitHub-Event": kept.event}
        return {
            **self._listed(number),
            "url": "https://example.com/hook/github",
            "request": {"headers": headers, "payload": kept.payload},
            "response": {"headers": {}, "payload": "ok"},
        }


@contextmanager
def fake_github() -> Iterator[FakeGitHub]:
    """Serve while the block runs."""
    github = FakeGitHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = github.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        github.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield github
        finally:
            server.shutdown()
            thread.join()
