"""The listener with a fake receiver and failing sinks: nothing is lost, everything is counted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from hubbub.collector.decode.message import decode
from hubbub.collector.event import Frame, Stop
from hubbub.collector.listening import listener as listen
from hubbub.collector.listening.backlog import Backlog, Batch
from hubbub.collector.listening.listener import Counts, Listener
from hubbub.collector.listening.receiver import Notice
from hubbub.collector.zeromq.receiver import Receiver
from hubbub.errors import MessageError, NoRoomError, SourceError
from tests.support.processes import wait_until

FULL = NoRoomError("the disk is full", where="/spool", hint="make room")


class FakeReceiver(Receiver):
    """Delivers the given batches; its run then ends, unless `endless` is set."""

    def __init__(self, batches: list[Batch]) -> None:
        super().__init__(["tcp://127.0.0.1:9"])
        self.batches = batches
        self.endless = False

    def run(self, put: Callable[[Batch], object], stop: Stop) -> None:
        for batch in self.batches:
            self._deliver(self.endpoints[0], batch, put)
        while self.endless and not stop.wait(0.01):
            self.beat = time.monotonic()

    def watch(self, timeout: float, warn_after: float = 10) -> list[Notice]:
        time.sleep(0.01)
        return []


class MemorySink:
    """A sink that records what is durable; `fail` may return an error for each call."""

    def __init__(self, fail: Callable[[str, int], BaseException | None] = lambda *_: None) -> None:
        self.taken: list[Frame] = []
        self.durable = 0
        self.flushes: list[int] = []
        self.fail, self.calls = fail, 0

    def _maybe(self, method: str) -> None:
        self.calls += 1
        if (error := self.fail(method, self.calls)) is not None:
            raise error

    def put(self, frame: Frame) -> None:
        self._maybe("put")
        self.taken.append(frame)

    def flush(self) -> None:
        self._maybe("flush")
        if len(self.taken) > self.durable:
            self.flushes.append(len(self.taken) - self.durable)
        self.durable = len(self.taken)


class BulkSink(MemorySink):
    """A sink that accepts packed batches."""

    unpackable = 0  # packing a batch of this many messages fails

    def __init__(self, fail: Callable[[str, int], BaseException | None] = lambda *_: None) -> None:
        super().__init__(fail)
        self.singles = 0

    def put(self, frame: Frame) -> None:
        self.singles += 1
        super().put(frame)

    def pack(self, source: str, arrived: int, parts: Sequence[bytes]) -> bytes:
        if len(parts) // 2 == self.unpackable:
            raise MessageError("too-large", "a message")
        remaining = iter(parts)
        return msgspec.json.encode(
            [
                Frame(source, arrived, topic, body)
                for topic, body in zip(remaining, remaining, strict=True)
            ]
        )

    def put_packed(self, records: bytes, n: int) -> None:
        self._maybe("put_packed")
        frames = msgspec.json.decode(records, type=list[Frame])
        assert len(frames) == n
        self.taken += frames


def batches(*sizes: int, reason: str = "") -> list[Batch]:
    result, n = [], 0
    for size in sizes:
        parts = [part for k in range(n, n + size) for part in (b"t", b"%d" % k)]
        result.append(Batch("zmq:tcp://bus:1", 7, parts, sum(map(len, parts)), reason))
        n += size
    return result


def run(receiver: FakeReceiver, sink: Any, **options: Any) -> Counts:
    """Run a listener until the receiver has ended and everything is written."""
    listener = Listener([receiver], sink, **options)

    def end() -> None:
        if not receiver.endless and listener.backlog.done:
            listener.stop()

    listener.on_tick = end
    return listener.run()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "_BACK_OFF", (0.001, 0.01))
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)


def test_messages_are_flushed_in_order_at_most_a_thousand_at_once() -> None:
    sink = MemorySink()
    counts = run(FakeReceiver(batches(1000, 1, 999, 1, 1000, 400)), sink)
    assert [f.body for f in sink.taken] == [b"%d" % n for n in range(3401)]
    assert sink.taken[0] == Frame("zmq:tcp://bus:1", 7, b"t", b"0", 0)
    assert sink.durable == 3401
    assert max(sink.flushes) <= 1000
    assert (counts.received, counts.stored, counts.waiting, counts.overflow) == (3401, 3401, 0, 0)


def test_a_bulk_sink_gets_packed_batches_and_refused_messages_one_by_one() -> None:
    sink = BulkSink()
    counts = run(FakeReceiver([*batches(1000, 400), *batches(2, reason="too-large")]), sink)
    assert [f.body for f in sink.taken[:1400]] == [b"%d" % n for n in range(1400)]
    assert sink.taken[0] == Frame("zmq:tcp://bus:1", 7, b"t", b"0", 0)
    assert (sink.singles, sink.durable) == (2, 1402)
    assert (counts.stored, counts.refused) == (1400, {"too-large": 2})


def test_failed_packing_or_writing_neither_loses_nor_repeats_messages() -> None:
    """The disk is full three times, and the second batch cannot be packed."""

    def fail(method: str, call: int) -> BaseException | None:
        return FULL if call <= 3 else None

    sink = BulkSink(fail)
    sink.unpackable = 6
    counts = run(FakeReceiver(batches(5, 6, 7)), sink)
    assert [int(f.body) for f in sink.taken] == list(range(18))
    assert sink.singles == 6, "the messages of the second batch"
    assert (counts.stored, counts.failures, counts.refused) == (18, 3, {})


def test_a_few_messages_are_durable_soon_although_none_follow() -> None:
    sink, receiver = MemorySink(), FakeReceiver(batches(3))
    receiver.endless = True
    listener = Listener([receiver], sink)
    thread = threading.Thread(target=listener.run)
    thread.start()
    try:
        wait_until(lambda: sink.durable == 3)
    finally:
        listener.stop()
        thread.join(60)


def test_refused_frames_are_kept_and_marked() -> None:
    sink = MemorySink()
    counts = run(FakeReceiver([*batches(2), *batches(1, reason="bad-frame-count")]), sink)
    assert [f.source for f in sink.taken] == [
        "zmq:tcp://bus:1",
        "zmq:tcp://bus:1",
        "refused:bad-frame-count:1 zmq:tcp://bus:1",
    ]
    assert sink.durable == 3
    assert (counts.received, counts.stored, counts.refused) == (3, 2, {"bad-frame-count": 1})


def test_decode_refuses_a_refused_frame_with_the_same_reason() -> None:
    good = b'{"i": 1, "msg": {}, "msg_id": "2026-1", "timestamp": 1, "topic": "t", "username": "u"}'
    assert decode(Frame("zmq:tcp://bus:1", 7, b"t", good)).id == "2026-1"
    with pytest.raises(MessageError) as caught:
        decode(Frame("refused:bad-frame-count zmq:tcp://bus:1", 7, b"t", good))
    assert caught.value.reason == "bad-frame-count"
    assert caught.value.where == "zmq:tcp://bus:1"


def test_a_frame_too_large_for_the_sink_stops_nothing() -> None:
    def fail(method: str, call: int) -> BaseException | None:
        return MessageError("too-large") if (method, call) == ("put", 2) else None

    sink = MemorySink(fail)
    counts = run(FakeReceiver(batches(4)), sink)
    assert [f.body for f in sink.taken] == [b"0", b"1", b"2", b"3"], (
        "the refused message is kept too"
    )
    assert sink.taken[1].source == "refused:too-large:1 zmq:tcp://bus:1"
    assert (counts.stored, counts.refused, counts.waiting) == (3, {"too-large": 1}, 0)
    assert sink.durable == 4


@pytest.mark.parametrize("failing", ["put", "flush"])
def test_writes_to_a_full_disk_are_retried(failing: str) -> None:
    failures = 0

    def fail(method: str, _call: int) -> BaseException | None:
        nonlocal failures
        if method == failing and failures < 5:
            failures += 1
            return FULL
        return None

    sink = MemorySink(fail)
    with capture_logs() as logs:
        counts = run(FakeReceiver(batches(1500, 700)), sink)
    assert [f.body for f in sink.taken] == [b"%d" % n for n in range(2200)], "each once, in order"
    assert (sink.durable, counts.stored, counts.failures, counts.blocked) == (2200, 2200, 5, "")
    events = [log["event"] for log in logs]
    assert events.count("cannot write, messages wait") == 1
    assert events.count("writing again") == 1


def test_a_disk_that_stays_full_overflows_and_ends_with_an_error() -> None:
    receiver, sink = (
        FakeReceiver(batches(10, 10, 10)),
        MemorySink(lambda method, _: FULL if method == "flush" else None),
    )
    with capture_logs() as logs, pytest.raises(NoRoomError, match="could not be written") as caught:
        run(receiver, sink, backlog=Backlog(messages=10), grace=0.1)
    assert caught.value.exit_code == SourceError.exit_code, (
        "systemd restarts the service after this exit code"
    )
    last = logs[-1]
    assert last["event"] == "stopped"
    assert last["blocked"] == "the disk is full"
    assert last["log_level"] == "warning"
    assert last["waiting"] + last["overflow"] == 30
    assert last["stored"] == 0


def test_a_broken_sink_ends_the_run_with_its_error() -> None:
    receiver = FakeReceiver(batches(3))
    receiver.endless = True
    with pytest.raises(ZeroDivisionError):
        run(receiver, MemorySink(lambda *_: ZeroDivisionError()))


def test_a_broken_receiver_ends_the_run_and_received_messages_are_durable() -> None:
    class Broken(FakeReceiver):
        def run(self, put: Callable[[Batch], object], stop: Stop) -> None:
            super().run(put, stop)
            raise ZeroDivisionError

    sink = MemorySink()
    with pytest.raises(ZeroDivisionError):
        run(Broken(batches(3)), sink)
    assert sink.durable == 3


def test_the_status_line_counts_since_the_previous_one() -> None:
    sink, receiver = MemorySink(), FakeReceiver([*batches(5), *batches(2, reason="too-large")])
    receiver.endless = True
    listener = Listener([receiver], sink, every=0.1, on_minute=lambda: {"new": 4})

    def end() -> None:
        if len([log for log in logs if log["event"] == "listening"]) >= 2:
            listener.stop()

    listener.on_tick = end
    with capture_logs() as logs:
        listener.run()
    lines = [log for log in logs if log["event"] in {"listening", "stopped"}]
    assert sum(line["received"] for line in lines) == 7
    assert sum(line["stored"] for line in lines) == 5
    assert lines[0]["refused"] == {"too-large": 2}
    assert lines[1]["refused"] == {}
    assert lines[-1]["total"] == 7
    assert lines[-1]["event"] == "stopped"
    assert lines[0]["new"] == 4
    assert lines[0]["endpoints"] == {"tcp://127.0.0.1:9": "lost"}


def test_systemd_is_notified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        receiver = FakeReceiver(batches(5))
        receiver.endless = True
        listener = Listener([receiver], MemorySink())
        thread = threading.Thread(target=listener.run)
        thread.start()
        sent = [manager.recv(4096).decode() for _ in range(4)]
        listener.stop()
        thread.join(60)
        while not sent[-1].startswith("STATUS=stopped"):
            sent.append(manager.recv(4096).decode())
    assert sent[0].splitlines()[0] == "READY=1"
    assert "WATCHDOG=1" in sent
    assert "STOPPING=1" in sent
    assert "5 received" in sent[-1]


def test_the_watchdog_is_not_fed_when_the_receiver_is_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "_STUCK", 0.0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        receiver = FakeReceiver(batches(5))
        receiver.endless = True
        listener = Listener([receiver], MemorySink())
        thread = threading.Thread(target=listener.run)
        thread.start()
        time.sleep(0.2)
        listener.stop()
        thread.join(60)
        sent = [manager.recv(4096).decode()]
        while not sent[-1].startswith("STATUS=stopped"):
            sent.append(manager.recv(4096).decode())
    assert "WATCHDOG=1" not in sent
