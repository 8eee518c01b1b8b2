"""The contract of the history source: the service keeps everything, and can be asked again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.history.gather import SETTLE
from hubbub.times import from_micros, iso
from tests.contract import captured as captures
from tests.contract.harness import MAX_MESSAGE, TOPIC, Harness, nested, noisy
from tests.contract.suite import SourceContract
from tests.support.history.served_rows import RowServer, row

_SPAN = 7200  # s
_PER_SECOND = 2
_SETTLE = int(SETTLE.total_seconds())


class HistoryHarness(Harness):
    """A history service whose messages are hours old."""

    ends = True
    stop_code = 130  # interrupted
    absence = frozenset({"complete"})

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = RowServer()
        self.since = self.until = int(time.time()) - 2 * _SPAN

    @property
    def source(self) -> str:
        """Of the service."""
        return f"history:{self.server.url}"

    def arguments(self) -> list[object]:
        """Gather."""
        since, until = (iso(from_micros(at * 10**6)) for at in (self.since, self.until))
        return [
            "gather", "--url", self.server.url, "--since", since, "--until", until,
            "--max-message", MAX_MESSAGE, "--jobs", 2,
        ]  # fmt: skip

    def send(self, numbers: Iterable[int], noise: int = 0) -> None:
        """Archive."""
        times = {n: self.since + n // _PER_SECOND for n in numbers}
        self.until = max(times.values()) + 1 + _SETTLE
        self.server.add(
            (when, row(f"m{n}", when, TOPIC, {"noise": noisy(noise)})) for n, when in times.items()
        )

    def send_unreadable(self) -> Counter[str]:
        """Archive what is no message."""
        when = self.since + 100
        good = row("x", when, TOPIC, {})
        self.server.add((when, bad) for bad in (
            row("1", when, "", {}),
            row("a\nb", when, TOPIC, {}),
            row("3", when, TOPIC, "x" * MAX_MESSAGE),
            good.replace(b'"body": {}', b'"body": ' + nested(200)),
            good.replace(b'"body": {}', b'"else": 1'),
        ))  # fmt: skip
        return Counter({"no-topic": 1, "bad-id": 1, "too-large": 1, "too-deep": 1, "no-body": 1})

    def close(self) -> None:
        """Stop the service."""
        super().close()
        self.server.close()


@pytest.fixture
def make_harness() -> Callable[[Path], HistoryHarness]:
    return HistoryHarness


@pytest.fixture
def captured(harness: HistoryHarness) -> tuple[Callable[[], None], list[dict[str, Any]]]:
    messages = [*captures.fedmsg(), *captures.amqp()]
    harness.since = int(min(message.seconds for message in messages))
    harness.until = int(max(message.seconds for message in messages)) + 1 + _SETTLE

    def send() -> None:
        harness.server.add((message.seconds, message.row) for message in messages)

    return send, captures.events(messages)


class TestHistory(SourceContract):
    """The contract."""

    def test_rows_that_are_counted_and_never_come_are_a_gap(self, harness: HistoryHarness) -> None:
        harness.send(range(50))
        harness.server.add([(harness.since + 3, b"")])
        harness.start().end(3)
        assert harness.numbers() == list(range(50))
        assert harness.states() == {"complete", "gap", "unproven"}

    def test_a_service_that_cannot_be_reached_proves_nothing(self, harness: HistoryHarness) -> None:
        harness.send(range(50))
        harness.server.close()
        harness.start().end(4)
        assert harness.states() == set()
