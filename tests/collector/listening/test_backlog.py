"""The queue between receiving and writing: order, bounds, overflow."""

from __future__ import annotations

import threading
import time

from hubbub.collector.listening.backlog import Backlog, Batch


def batch(n: int, size: int = 10, mark: bytes = b"t") -> Batch:
    return Batch("zmq:test", 1, [mark, b"b"] * n, size)


def test_first_in_first_out() -> None:
    backlog = Backlog()
    for mark in (b"1", b"2", b"3"):
        assert backlog.put(batch(2, mark=mark))
    assert backlog.messages == 6
    assert [b.parts[0] for b in (backlog.take(0), backlog.take(0), backlog.take(0)) if b] == [
        b"1",
        b"2",
        b"3",
    ]
    assert backlog.take(0) is None
    assert (backlog.messages, backlog.size, backlog.peak) == (0, 0, 6)


def test_overflow_by_messages_is_counted_and_the_oldest_batches_stay() -> None:
    backlog = Backlog(messages=5)
    assert backlog.put(batch(3, mark=b"old"))
    assert not backlog.put(batch(3, size=77))
    assert backlog.put(batch(2))
    assert (backlog.overflow, backlog.overflow_size, backlog.messages) == (3, 77, 5)
    first = backlog.take(0)
    assert first is not None
    assert first.parts[0] == b"old"
    assert backlog.put(batch(3)), "a batch fits again after one was taken"


def test_overflow_by_bytes() -> None:
    backlog = Backlog(size=100)
    assert backlog.put(batch(1, size=60))
    assert not backlog.put(batch(1, size=41))
    assert backlog.put(batch(1, size=40))
    assert (backlog.overflow, backlog.size) == (1, 100)


def test_an_empty_backlog_accepts_a_batch_of_any_size() -> None:
    backlog = Backlog(messages=1, size=1)
    assert backlog.put(batch(5, size=500))
    assert backlog.overflow == 0


def test_take_waits_for_a_batch_and_close_wakes_it() -> None:
    backlog = Backlog()
    threading.Timer(0.05, lambda: backlog.put(batch(1))).start()
    assert backlog.take(60) is not None
    threading.Timer(0.05, backlog.close).start()
    started = time.monotonic()
    assert backlog.take(60) is None
    assert time.monotonic() - started < 50
    assert backlog.done


def test_a_closed_backlog_is_not_done_while_a_batch_waits() -> None:
    backlog = Backlog()
    backlog.put(batch(1))
    backlog.close()
    assert not backlog.done
    assert backlog.take(0) is not None
    assert backlog.done
