"""The listener with a fake receiver and sinks that fail: nothing is lost, everything is counted."""

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

from hubbub.collector.bus import listener as listen
from hubbub.collector.bus import systemd
from hubbub.collector.bus.backlog import Backlog, Batch
from hubbub.collector.bus.endpoint import Notice
from hubbub.collector.bus.listener import Counts, Listener
from hubbub.collector.bus.receiver import Receiver
from hubbub.collector.decode.message import decode
from hubbub.collector.event import Frame
from hubbub.errors import MessageError, NoRoomError, SourceError

FULL = NoRoomError("the disk is full", where="/spool", hint="make room")


class Bus(Receiver):
    """A receiver that is given its messages; it stops the listener when they are used up."""

    def __init__(self, batches: list[Batch]) -> None:
        super().__init__(["tcp://127.0.0.1:9"])
        self.batches = batches
        self.endless = False

    def run(self, put: Callable[[Batch], object], stop: threading.Event) -> None:
        for batch in self.batches:
            self._hand(self.endpoints[0], batch, put)
        while self.endless and not stop.wait(0.01):
            self.beat = time.monotonic()

    def watch(self, timeout: float, patience: float = 10) -> list[Notice]:
        time.sleep(0.01)
        return []


class Memory:
    """A sink that tells what is durable, and fails when it is told to."""

    def __init__(self, fail: Callable[[str, int], BaseException | None] = lambda *_: None) -> None:
        self.taken: list[Frame] = []
        self.durable = 0
        self.flushes: list[int] = []
        self.fail, self.calls = fail, 0

    def _maybe(self, what: str) -> None:
        self.calls += 1
        if (error := self.fail(what, self.calls)) is not None:
            raise error

    def put(self, frame: Frame) -> None:
        self._maybe("put")
        self.taken.append(frame)

    def flush(self) -> None:
        self._maybe("flush")
        if len(self.taken) > self.durable:
            self.flushes.append(len(self.taken) - self.durable)
        self.durable = len(self.taken)


class Whole(Memory):
    """One that takes many at once."""

    too_many = 0  # together: of so many, one is too large

    def __init__(self, fail: Callable[[str, int], BaseException | None] = lambda *_: None) -> None:
        super().__init__(fail)
        self.singles = 0

    def put(self, frame: Frame) -> None:
        self.singles += 1
        super().put(frame)

    def pack(self, source: str, arrived: int, parts: Sequence[bytes]) -> bytes:
        if len(parts) // 2 == self.too_many:
            raise MessageError("too-large", "a message")
        each = iter(parts)
        return msgspec.json.encode(
            [Frame(source, arrived, topic, body) for topic, body in zip(each, each, strict=True)]
        )

    def put_packed(self, records: bytes, n: int) -> None:
        self._maybe("put_packed")
        frames = msgspec.json.decode(records, type=list[Frame])
        assert len(frames) == n
        self.taken += frames


def batches(*sizes: int, reason: str = "") -> list[Batch]:
    out, n = [], 0
    for size in sizes:
        parts = [part for k in range(n, n + size) for part in (b"t", b"%d" % k)]
        out.append(Batch("zmq:tcp://bus:1", 7, parts, sum(map(len, parts)), reason))
        n += size
    return out


def run(bus: Bus, sink: Any, **more: Any) -> Counts:
    """Run until the bus has nothing more to say and all is written."""
    listener = Listener(bus, sink, **more)

    def end() -> None:
        if not bus.endless and listener.backlog.done:
            listener.stop()

    listener.on_tick = end
    return listener.run()


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "_BACK_OFF", (0.001, 0.01))
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)


def test_everything_is_durable_in_order_at_most_a_thousand_at_once() -> None:
    sink = Memory()
    counts = run(Bus(batches(1000, 1, 999, 1, 1000, 400)), sink)
    assert [f.body for f in sink.taken] == [b"%d" % n for n in range(3401)]
    assert sink.taken[0] == Frame("zmq:tcp://bus:1", 7, b"t", b"0", 0)
    assert sink.durable == 3401
    assert max(sink.flushes) <= 1000
    assert (counts.received, counts.stored, counts.waiting, counts.overflow) == (3401, 3401, 0, 0)


def test_a_sink_that_takes_many_at_once_gets_them_so_and_the_refused_one_by_one() -> None:
    sink = Whole()
    counts = run(Bus([*batches(1000, 400), *batches(2, reason="too-large")]), sink)
    assert [f.body for f in sink.taken[:1400]] == [b"%d" % n for n in range(1400)]
    assert sink.taken[0] == Frame("zmq:tcp://bus:1", 7, b"t", b"0", 0)
    assert (sink.singles, sink.durable) == (2, 1402)
    assert (counts.stored, counts.refused) == (1400, {"too-large": 2})


def test_where_many_at_once_fail_nothing_is_lost_and_nothing_twice() -> None:
    """The disk is full three times; of the second batch one is too large: they go one by one."""

    def fail(what: str, call: int) -> BaseException | None:
        return FULL if call <= 3 else None

    sink = Whole(fail)
    sink.too_many = 6
    counts = run(Bus(batches(5, 6, 7)), sink)
    assert [int(f.body) for f in sink.taken] == list(range(18))
    assert sink.singles == 6, "the second batch"
    assert (counts.stored, counts.failures, counts.refused) == (18, 3, {})


def test_a_few_messages_are_durable_soon_although_nothing_follows() -> None:
    sink, bus = Memory(), Bus(batches(3))
    bus.endless = True
    listener = Listener(bus, sink)
    thread = threading.Thread(target=listener.run)
    begun = time.monotonic()
    thread.start()
    while sink.durable < 3 and time.monotonic() - begun < 10:
        time.sleep(0.01)
    took = time.monotonic() - begun
    listener.stop()
    thread.join(10)
    assert sink.durable == 3
    assert took < 2, "0.2 s, and what a busy machine adds"


def test_refused_frames_are_kept_and_told_from_the_others() -> None:
    sink = Memory()
    counts = run(Bus([*batches(2), *batches(1, reason="bad-frame-count")]), sink)
    assert [f.source for f in sink.taken] == [
        "zmq:tcp://bus:1",
        "zmq:tcp://bus:1",
        "refused:bad-frame-count:1 zmq:tcp://bus:1",
    ]
    assert sink.durable == 3
    assert (counts.received, counts.stored, counts.refused) == (3, 2, {"bad-frame-count": 1})


def test_a_refused_frame_is_refused_by_decode_with_the_same_reason() -> None:
    good = b'{"i": 1, "msg": {}, "msg_id": "2026-1", "timestamp": 1, "topic": "t", "username": "u"}'
    assert decode(Frame("zmq:tcp://bus:1", 7, b"t", good)).id == "2026-1"
    with pytest.raises(MessageError) as caught:
        decode(Frame("refused:bad-frame-count zmq:tcp://bus:1", 7, b"t", good))
    assert caught.value.reason == "bad-frame-count"
    assert caught.value.where == "zmq:tcp://bus:1"


def test_a_frame_that_the_sink_can_never_take_stops_nothing() -> None:
    def fail(what: str, call: int) -> BaseException | None:
        return MessageError("too-large") if (what, call) == ("put", 2) else None

    sink = Memory(fail)
    counts = run(Bus(batches(4)), sink)
    assert [f.body for f in sink.taken] == [b"0", b"1", b"2", b"3"], "nothing refused is lost"
    assert sink.taken[1].source == "refused:too-large:1 zmq:tcp://bus:1"
    assert (counts.stored, counts.refused, counts.waiting) == (3, {"too-large": 1}, 0)
    assert sink.durable == 4


@pytest.mark.parametrize("what", ["put", "flush"])
def test_a_full_disk_is_waited_for(what: str) -> None:
    failures = 0

    def fail(called: str, _call: int) -> BaseException | None:
        nonlocal failures
        if called == what and failures < 5:
            failures += 1
            return FULL
        return None

    sink = Memory(fail)
    with capture_logs() as logs:
        counts = run(Bus(batches(1500, 700)), sink)
    assert [f.body for f in sink.taken] == [b"%d" % n for n in range(2200)], "once each, in order"
    assert (sink.durable, counts.stored, counts.failures, counts.blocked) == (2200, 2200, 5, "")
    said = [log["event"] for log in logs]
    assert said.count("cannot write, messages wait") == 1
    assert said.count("writing again") == 1


def test_a_disk_that_stays_full_overflows_by_number_and_says_so_at_the_end() -> None:
    bus, sink = Bus(batches(10, 10, 10)), Memory(lambda what, _: FULL if what == "flush" else None)
    with capture_logs() as logs, pytest.raises(NoRoomError, match="could not be written") as ended:
        run(bus, sink, backlog=Backlog(messages=10), grace=0.1)
    assert ended.value.exit_code == SourceError.exit_code, "the unit starts it again after this one"
    last = logs[-1]
    assert last["event"] == "stopped"
    assert last["blocked"] == "the disk is full"
    assert last["log_level"] == "warning"
    assert last["waiting"] + last["overflow"] == 30
    assert last["stored"] == 0


def test_a_broken_sink_ends_the_run_with_its_error() -> None:
    bus = Bus(batches(3))
    bus.endless = True
    with pytest.raises(ZeroDivisionError):
        run(bus, Memory(lambda *_: ZeroDivisionError()))


def test_a_broken_receiver_ends_the_run_and_what_came_is_durable() -> None:
    class Broken(Bus):
        def run(self, put: Callable[[Batch], object], stop: threading.Event) -> None:
            super().run(put, stop)
            raise ZeroDivisionError

    sink = Memory()
    with pytest.raises(ZeroDivisionError):
        run(Broken(batches(3)), sink)
    assert sink.durable == 3


def test_the_status_line_counts_since_the_last_one() -> None:
    sink, bus = Memory(), Bus([*batches(5), *batches(2, reason="too-large")])
    bus.endless = True
    listener = Listener(bus, sink, every=0.1, on_minute=lambda: {"new": 4})

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


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        bus = Bus(batches(5))
        bus.endless = True
        listener = Listener(bus, Memory())
        thread = threading.Thread(target=listener.run)
        thread.start()
        told = [manager.recv(4096).decode() for _ in range(4)]
        listener.stop()
        thread.join(10)
        while not told[-1].startswith("STATUS=stopped"):
            told.append(manager.recv(4096).decode())
    assert told[0].splitlines()[0] == "READY=1"
    assert "WATCHDOG=1" in told
    assert "STOPPING=1" in told
    assert "5 received" in told[-1]


def test_the_watchdog_bites_when_the_receiver_is_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "_STUCK", 0.0)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "20000")
        bus = Bus(batches(5))
        bus.endless = True
        listener = Listener(bus, Memory())
        thread = threading.Thread(target=listener.run)
        thread.start()
        time.sleep(0.2)
        listener.stop()
        thread.join(10)
        told = [manager.recv(4096).decode()]
        while not told[-1].startswith("STATUS=stopped"):
            told.append(manager.recv(4096).decode())
    assert "WATCHDOG=1" not in told


def test_without_systemd_nothing_is_told() -> None:
    assert systemd.notify("READY=1", environ={}) is False
    assert systemd.notify("READY=1", environ={"NOTIFY_SOCKET": "/nonexistent/socket"}) is False
    assert systemd.watchdog_interval({}) is None
    assert systemd.watchdog_interval({"WATCHDOG_USEC": "30000000"}) == 15
    assert systemd.watchdog_interval({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    assert systemd.watchdog_interval({"WATCHDOG_USEC": "soon"}) is None


def test_a_manager_that_does_not_read_does_not_hold_us_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify")}
        told = 0
        while systemd.notify("STATUS=x" * 100, environ=environ):
            told += 1
            assert told < 100_000
    assert told
