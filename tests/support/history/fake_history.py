"""A datagrepper that behaves like the real one, a sink and a ledger, all in memory."""

from __future__ import annotations

import builtins
import json
import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hubbub.collector.event import Frame
from hubbub.collector.history.client import History
from hubbub.collector.history.gather import Gathered, gather
from hubbub.collector.history.retry import RetryPolicy

T0 = 1_795_000_000  # 2026-11-18
NO_PAUSES = RetryPolicy(pause=lambda _: None)


def at(second: float) -> datetime:
    """`second` seconds after T0."""
    return datetime.fromtimestamp(T0 + second, UTC)


def message(second: float, name: str, *, topic: str = "org.example.git.push", **body: Any) -> Any:
    """Return the time of a message and its row as in /v2/search."""
    when = T0 + second
    sent_at = datetime.fromtimestamp(when, UTC).isoformat()
    row = {
        "body": {"n": name, **body},
        "headers": {"sent-at": sent_at, "fedora_messaging_severity": 20},
        "id": name,
        "priority": 0,
        "queue": None,
        "topic": topic,
    }
    return when, row


@dataclass
class FakeDatagrepper:
    """Serves rows sorted by time; the order of ties changes with each request, as in PostgreSQL."""

    rows: list[Any] = field(default_factory=list)
    raw_only: bool = False
    before: Callable[[FakeDatagrepper, int], None] = lambda *_: None  # adds late rows, fails
    mutate: Callable[[dict[str, Any], dict[str, str]], Any] = lambda page, _: page
    queries: list[dict[str, str]] = field(default_factory=list)

    def get(self, path: str, query: list[tuple[str, str]]) -> tuple[int, bytes]:
        """Answer a request with a status and a body."""
        parameters = dict(query)
        self.queries.append(parameters)
        self.before(self, len(self.queries))
        if self.raw_only and path == "/v2/search":
            return 404, b'{"error": "not_found"}'
        size, number = int(parameters["rows_per_page"]), int(parameters["page"])
        if size > 100:
            return 400, b"<!doctype html>\n<title>400 Bad Request</title>\n<h1>Bad Request</h1>"
        start, end = float(parameters["start"]), float(parameters["end"])
        within = [
            entry for entry in self.rows if start <= entry[0] and (not start or entry[0] <= end)
        ]
        matching = self._matching(within, query)
        random.Random(len(self.queries)).shuffle(matching)
        matching.sort(key=lambda row: row[0], reverse=parameters["order"] == "desc")
        rows = matching[size * (number - 1) :][:size] if size else matching
        pages = math.ceil(len(matching) / size) if size else 1
        page = {
            "raw_messages": [as_raw(*row) if path == "/raw" else row[1] for row in rows],
            "total": len(rows) if pages == 1 else len(matching),
            "pages": pages,
            "count": len(rows),
            "arguments": {"start": start, "end": end, "rows_per_page": size},
        }
        return 200, json.dumps(self.mutate(page, parameters)).encode()

    @staticmethod
    def _matching(rows: list[Any], query: list[tuple[str, str]]) -> list[Any]:
        topics = {value for kind, value in query if kind == "topic"}
        categories = {value for kind, value in query if kind == "category"}
        return [
            (when, row)
            for when, row in rows
            if (not topics or row["topic"] in topics)
            and (not categories or row["topic"].split(".")[2] in categories)
        ]


def as_raw(when: float, row: Any) -> Any:
    """Return the same message as a row of /raw."""
    return {
        "i": 0,
        "msg_id": row["id"],
        "topic": row["topic"],
        "timestamp": float(math.floor(when)),
        "msg": row["body"],
        "headers": row["headers"],
        "users": [],
    }


class FakeHistory(History):
    """The real client, with a `FakeDatagrepper` in place of the network."""

    def __init__(self, datagrepper: FakeDatagrepper, url: str = "http://history.example") -> None:
        super().__init__(url, retry=NO_PAUSES)
        self._datagrepper = datagrepper

    def _get(self, path: str, query: list[tuple[str, str]]) -> tuple[int, bytes]:
        with self._lock:
            self.requests += 1
            self._local.wait = None
            status, body = self._datagrepper.get(path, query)
        return status, b"".join(self._limited([body]))


class MemorySink:
    """Frames that were flushed, and those that a crash would lose."""

    def __init__(self) -> None:
        self.durable: list[Frame] = []
        self.waiting: list[Frame] = []

    def put(self, frame: Frame) -> None:
        self.waiting.append(frame)

    def flush(self) -> None:
        self.durable += self.waiting
        self.waiting.clear()

    def ids(self) -> list[str]:
        rows = [json.loads(frame.body) for frame in self.durable]
        return [row.get("msg_id") or row["id"] for row in rows]


class MemoryLedger:
    """A ledger whose values pass through JSON; never loses any."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.recorded: list[tuple[str, str, int, int, str, str]] = []

    def get(self, key: str) -> Any:
        return json.loads(self.values.get(key, "null"))

    def set(self, key: str, value: Any) -> None:
        self.values[key] = json.dumps(value)
        if value is None:
            del self.values[key]

    def keys(self, prefix: str = "") -> list[str]:
        return sorted(key for key in self.values if key.startswith(prefix))

    def span(self, source: str, filters: str, start: int, end: int, state: str, proof: str) -> None:
        assert start < end
        self.recorded.append((source, filters, start, end, state, proof))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        before = dict(self.values), list(self.recorded)
        try:
            yield
        except BaseException:
            self.values, self.recorded = before
            raise

    def spans(self, source: str, filters: str) -> list[tuple[int, int, str]]:
        return sorted(span[2:5] for span in self.recorded if span[:2] == (source, filters))

    def seconds(self, state: str) -> builtins.set[int]:
        """Return the seconds after T0 whose last recorded state is this one."""
        states: dict[int, str] = {}
        for _, _, start, end, recorded, _ in self.recorded:
            states.update(dict.fromkeys(range(start // 10**6 - T0, end // 10**6 - T0), recorded))
        return {second for second, last in states.items() if last == state}


def steady(rows: int, span: int = 1000) -> list[Any]:
    """Return messages at equal intervals over `span` seconds."""
    return [message(n * span / rows, f"m{n}") for n in range(rows)]


def run(
    datagrepper: FakeDatagrepper,
    sink: MemorySink | None = None,
    ledger: MemoryLedger | None = None,
    end: float = 1000,
    **options: Any,
) -> tuple[Gathered, MemorySink, MemoryLedger]:
    """Gather [T0, T0 + end), by default long after it, one request at a time."""
    sink, ledger = sink or MemorySink(), ledger or MemoryLedger()
    options = {"start": at(0), "end": at(end), "jobs": 1, "settle": timedelta(0), **options}
    options.setdefault("clock", lambda: T0 + 10**7)
    return gather(FakeHistory(datagrepper), sink, ledger, **options), sink, ledger
