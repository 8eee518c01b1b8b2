"""The contract of the ZeroMQ source: a publisher keeps nothing for a listener that is away.

What is sent then is missed. It is a gap in the ledger, and comes from a history service.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import zmq

from hubbub.store import Store
from hubbub.times import from_micros, iso
from tests.contract import captured as captures
from tests.contract.harness import MAX_MESSAGE, TOPIC, Harness, Run, nested, noisy
from tests.contract.suite import SourceContract
from tests.support.history.served_rows import RowServer, row
from tests.support.processes import free_port, reported
from tests.support.stores import small_disk

#: More than wait for the disk; then messages are dropped.
TOO_MANY = 250_000
_ENVELOPE: dict[str, Any] = {"i": 1, "msg": {}, "msg_id": "x", "timestamp": 1, "topic": TOPIC}


class ZmqHarness(Harness):
    """A publisher, and the history of what it published."""

    is_live = True
    keeps_messages = False
    absence = frozenset({"gap"})

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.XPUB)
        self._socket.set(zmq.SNDHWM, 0)
        self._socket.set(zmq.XPUB_VERBOSE, 1)
        self._socket.bind("tcp://127.0.0.1:*")
        self._address = self._socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")
        self._history = RowServer()
        self._started, self.port = int(time.time()), free_port()

    @property
    def source(self) -> str:
        """Of the publisher."""
        return f"zmq:{self._address}"

    def arguments(self) -> list[object]:
        """Listen."""
        return [
            "listen", "--zmq", self._address, "--max-message", MAX_MESSAGE,
            "--metrics-port", self.port,
        ]  # fmt: skip

    def await_ready(self, run: Run) -> None:
        """Wait for the subscription."""
        run.until(lambda: self._socket.poll(100) and self._socket.recv()[:1] == b"\x01")

    def send(self, numbers: Iterable[int], noise: int = 0) -> None:
        """Publish, and archive."""
        rows = []
        for n in numbers:
            now, body = int(time.time()), {"noise": noisy(noise)}
            envelope = _ENVELOPE | {"i": n + 1, "msg": body, "msg_id": f"m{n}", "timestamp": now}
            self.publish(TOPIC.encode(), json.dumps(envelope).encode())
            rows.append((now, row(f"m{n}", now, TOPIC, body)))
        self._history.add(rows)

    def publish(self, *frames: bytes) -> None:
        """Publish one message."""
        self._socket.send_multipart(frames)

    def send_unreadable(self) -> Counter[str]:
        """Publish what is no message."""
        topic = TOPIC.encode()
        for frames in (
            (b"lonely",),
            (topic, b"two", b"three"),
            (topic, b"\xff" * 30),
            (topic, b"null"),
            (topic, b"x" * (MAX_MESSAGE + 1)),
            (topic, json.dumps(_ENVELOPE | {"msg": 0}).encode().replace(b"0", nested(200), 1)),
            (b"", json.dumps(_ENVELOPE | {"topic": None}).encode()),
            (b"other", json.dumps(_ENVELOPE).encode()),
            (topic, json.dumps(_ENVELOPE | {"msg_id": None}).encode()),
            (topic, json.dumps(_ENVELOPE | {"timestamp": "soon"}).encode()),
        ):
            self.publish(*frames)
        return Counter({
            "bad-frame-count": 2, "not-json": 1, "not-an-object": 1, "too-large": 1, "too-deep": 1,
            "no-topic": 1, "topic-mismatch": 1, "no-id": 1, "bad-time": 1,
        })  # fmt: skip

    def recover(self) -> None:
        """Gather what was missed."""
        since = iso(from_micros(self._started * 1_000_000 - 1_000_000))
        self.run(["gather", "--url", self._history.url, "--since", since]).end(0)

    def close(self) -> None:
        """Close the sockets."""
        super().close()
        self._context.destroy(linger=0)
        self._history.close()


@pytest.fixture
def make_harness() -> Callable[[Path], ZmqHarness]:
    return ZmqHarness


@pytest.fixture
def captured(harness: ZmqHarness) -> tuple[Callable[[], None], list[dict[str, Any]]]:
    messages = captures.fedmsg()

    def send() -> None:
        for message in messages:
            harness.publish(message.topic.encode(), message.body)

    return send, captures.events(messages)


def overflow(port: int) -> int:
    """Return how many messages a listener has dropped, by its metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
        found = re.search(
            rb"^hubbub_overflow_messages_total ([\d.e+]+)$", response.read(), re.MULTILINE
        )
    assert found
    return int(float(found[1]))


class TestZmq(SourceContract):
    """The contract."""

    def test_what_a_full_disk_made_it_drop_is_a_gap(self, tmp_path: Path) -> None:
        with small_disk.disk(tmp_path / "disk", 64) as disk:
            harness = ZmqHarness(disk.path)
            try:
                Store.open(harness.store).close()
                run = harness.start()
                disk.fill()
                body = json.dumps(_ENVELOPE).encode()
                for _ in range(TOO_MANY):
                    harness.publish(TOPIC.encode(), body)
                run.until(lambda: overflow(harness.port) > 0)
                disk.room()
                run.until(lambda: run.log("writing again"))
                run.until(lambda: "gap" in harness.states())
                harness.stop(run)
            finally:
                harness.close()
        (last,) = run.log("stopped")
        assert last["total"] == TOO_MANY
        counts = reported([*run.log("listening"), last])
        assert counts["overflow"] > 0
        assert counts["stored"] + counts["overflow"] == TOO_MANY
