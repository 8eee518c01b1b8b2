"""The contract of the source of files: JSON lines that are imported, and a log that is followed."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.contract import captured as captures
from tests.contract.harness import MAX_MESSAGE, TOPIC, Harness, nested, noisy
from tests.contract.suite import SourceContract

_START = datetime(2026, 11, 20, tzinfo=UTC)
_PADDING = 1200  # bytes of a line of a log: one read has fewer lines than the sink writes at once


class FileHarness(Harness):
    """A file that is written."""

    form = ""
    follow = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder.parent / f"{folder.name}-input"
        self.path.touch()

    @property
    def source(self) -> str:
        """Of the file."""
        return f"{self.form}:{self.path}"

    def arguments(self) -> list[object]:
        """Import."""
        followed = ["--follow"] if self.follow else []
        return ["import", self.path, "--format", self.form, "--max-message", MAX_MESSAGE, *followed]

    def line(self, number: int, noise: int) -> bytes:
        """Return a line."""
        raise NotImplementedError

    def write(self, lines: Iterable[bytes]) -> None:
        """Append lines."""
        with self.path.open("ab") as file:
            file.writelines(line + b"\n" for line in lines)

    def send(self, numbers: Iterable[int], noise: int = 0) -> None:
        """Append to the file."""
        self.write(self.line(n, noise) for n in numbers)


class JsonLines(FileHarness):
    """JSON lines, which are imported."""

    form = "jsonl"
    ends = True
    stop_code = 130  # interrupted

    def line(self, number: int, noise: int) -> bytes:
        """Return a line."""
        facts = {"id": f"m{number}", "timestamp": (_START + timedelta(seconds=number)).isoformat(),
                 "topic": TOPIC, "users": ["alice"], "body": noisy(noise)}  # fmt: skip
        return json.dumps(facts).encode()

    def send_unreadable(self) -> Counter[str]:
        """Append what is no message."""
        good = self.line(99_999, 0)
        self.write((
            b"not json", b"\xff\xff", b"[]", good[:-1], b"x" * (MAX_MESSAGE + 1),
            good.replace(b'"body": ""', b'"body": ' + nested(200)),
            good.replace(TOPIC.encode(), b""),
            good.replace(b"2026-", b"2926-"),
            good.replace(b'"timestamp"', b'"time"'),
            good.replace(b'["alice"]', b'"alice"'),
        ))  # fmt: skip
        return Counter({"not-json": 3, "not-an-object": 1, "too-large": 1, "too-deep": 1,
                        "no-topic": 1, "bad-time": 1, "no-time": 1, "bad-users": 1})  # fmt: skip


class AccessLog(FileHarness):
    """The log of a web server, which is followed."""

    form = "access-log"
    follow = True

    def line(self, number: int, noise: int) -> bytes:
        """Return a line; its time is its number."""
        when = _START + timedelta(seconds=number)
        agent = noisy(max(noise, _PADDING))
        return (
            f"192.0.2.1 - alice [{when:%d/%b/%Y:%H:%M:%S +0000}] "
            f'"GET /section/page HTTP/1.1" 200 512 "-" "{agent}"'
        ).encode()

    def number(self, event: dict[str, Any]) -> int:
        """Return the number of the message of an event."""
        return int((event["time"] - _START).total_seconds())

    def send_unreadable(self) -> Counter[str]:
        """Append what is no request."""
        good = self.line(99_999, 0)
        self.write((
            b"nonsense", b"\xff\xff", b"x" * (MAX_MESSAGE + 1), good.replace(b"/Nov/", b"/Foo/"),
        ))  # fmt: skip
        return Counter({"malformed": 3, "too-large": 1})


@pytest.fixture
def make_harness(request: pytest.FixtureRequest) -> Callable[[Path], FileHarness]:
    kind: type[FileHarness] = request.cls.kind
    return kind


@pytest.fixture
def captured(harness: FileHarness) -> tuple[Callable[[], None], list[dict[str, Any]]]:
    """Captured envelopes and rows, as the command imports them."""
    messages = [*captures.fedmsg(), *captures.amqp()]
    harness.form = "fedmsg"
    rows = [m.body if m.properties is None else m.row for m in messages]
    return lambda: harness.write(rows), captures.events(messages)


class TestJsonLines(SourceContract):
    """The contract."""

    kind = JsonLines


class TestAccessLog(SourceContract):
    """The contract."""

    kind = AccessLog

    @pytest.fixture
    def captured(self, harness: AccessLog) -> tuple[Callable[[], None], list[dict[str, Any]]]:
        """Lines, and their events as an import of the same log in gzip reads them."""
        lines = [harness.line(n, 0) for n in (*range(20), 19, 19)]
        rotated = harness.path.with_name(f"{harness.path.name}.1.gz")
        rotated.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines)))
        folder = harness.folder / "other"
        folder.mkdir()
        other = AccessLog(folder)
        other.run(["import", rotated, "--format", "access-log"]).end(0)
        expected = other.events()
        assert len(expected) == len(lines)
        return lambda: harness.write(lines), expected
