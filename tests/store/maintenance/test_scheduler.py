"""What the loader's process does beside loading: a little at a time, none while it is behind."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from hubbub.collector.event import Frame
from hubbub.collector.people.reader import ReaderConfig
from hubbub.store import Store
from hubbub.store.loader_process import LoaderProcess
from hubbub.store.maintenance import compaction, scheduler
from hubbub.store.maintenance.scheduler import Scheduler
from hubbub.store.policy import RetentionPolicy

Make = Callable[..., Any]


def put(store: Store, *frames: Frame) -> None:
    with store.spool("test") as writer:
        for frame in frames:
            writer.put(frame)
    store.load()


def test_enough_small_files_are_folded_between_two_loads(
    store: Store, frame: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "FILES", 4)
    work = Scheduler(store)
    for n in range(3):
        put(store, frame(n))
    assert not work.step()
    put(store, frame(3))
    assert not work.step(lambda: True)
    assert len(store.table.files()) == 4
    with Store.open(store.path) as other, other.loader_lock():
        assert not work.step(), "another loader is at work"
    with store.spool("test") as writer, monkeypatch.context() as m:
        writer.put(frame(4))
        writer.flush()
        m.setattr(scheduler, "BUSY", 1)
        assert not work.step(), "loading comes first"
    assert work.step()
    assert [f.rows for f in store.table.files()] == [4]
    assert not work.step()


def test_old_files_are_deleted_now_and_then(
    store: Store, frame: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [time.time()]
    cleaned: list[Store] = []
    monkeypatch.setattr(compaction, "clean", cleaned.append)
    work = Scheduler(store, clock=lambda: seconds[0])
    put(store, frame(0))
    work.step()
    assert cleaned == []
    seconds[0] += scheduler.CLEAN
    work.step()
    work.step()
    assert cleaned == [store]


def test_retention_runs_once_a_day_whoever_did_it_last(store: Store, frame: Make) -> None:
    put(store, *(frame(n) for n in range(10)))
    seconds = [1_768_435_200.0 + 5 + 86_400]
    keep = RetentionPolicy(events=timedelta(days=1))
    assert not Scheduler(store, clock=lambda: seconds[0])._retention(lambda: False)
    assert Scheduler(store, keep, lambda: seconds[0]).step()
    assert store.rows() == 5
    seconds[0] += 3
    assert not Scheduler(store, keep, lambda: seconds[0]).step()
    seconds[0] += 86_400
    assert Scheduler(store, keep, lambda: seconds[0]).step()
    assert store.rows() == 0
    put(store, frame(0))
    seconds[0] -= 10 * 86_400
    assert Scheduler(store, keep, lambda: seconds[0]).step(), "a clock that was put back"
    assert store.rows() == 1


def test_a_clock_that_leaps_years_ahead_lets_go_of_nothing(store: Store, frame: Make) -> None:
    put(store, *(frame(n) for n in range(10)), Frame("jsonl:test", 1, b"", b"{"))
    today = 1_768_435_200.0
    seconds = [today]
    work = Scheduler(store, RetentionPolicy(events=timedelta(days=30)), lambda: seconds[0])
    assert work.step()
    seconds[0] += 20 * 365 * 86_400
    with capture_logs() as said:
        assert not work.step()
        assert not work.step()
    assert [line["event"] for line in said] == ["nothing is let go while the clock is in doubt"]
    assert "2046-01-10" in said[0]["why"]
    assert store.rows() == 10
    seconds[0] = today + 86_400
    assert work.step(), "it was set right"
    assert store.rows() == 10
    # away for months, and the bus says that it is true
    seconds[0] += 90 * 86_400
    assert not work.step()
    put(store, frame(11, timestamp=seconds[0] + 3e9))  # whose date proves nothing
    assert not work.step()
    put(store, frame(10, timestamp=seconds[0] - 60))
    assert work.step()
    assert store.rows() == 2


def test_a_clock_that_leaps_before_retention_ever_ran(store: Store, frame: Make) -> None:
    seconds = [1_768_435_200.0]
    work = Scheduler(store, RetentionPolicy(events=timedelta(days=1)), lambda: seconds[0])
    put(store, *(frame(n) for n in range(10)))
    seconds[0] += 20 * 365 * 86_400
    assert not work.step()
    assert store.rows() == 10
    seconds[0] -= 20 * 365 * 86_400
    assert work.step()
    assert store.rows() == 10


def test_dead_letters_outlive_a_clock_in_doubt(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, Frame("jsonl:test", 1, b"", b"{"))
    store.state.set("retention:last", time.time_ns() // 1000)
    later = time.time_ns() + 40 * 86_400 * 10**9
    with monkeypatch.context() as m:
        m.setattr(time, "time_ns", lambda: later)
        put(store, Frame("jsonl:test", 1, b"", b"{{"))
        assert len(store.dead_letters()) == 2
        store.state.set("retention:last", later // 1000)
        put(store, Frame("jsonl:test", 1, b"", b"{{{"))
    assert [letter.body for letter in store.dead_letters()] == [b"{{{", b"{{"]


def test_the_loaders_process_does_it(store: Store, frame: Make) -> None:
    for n in range(compaction.FILES):
        put(store, frame(n))
    old = frame(99, timestamp=1_000_000_000)
    with LoaderProcess(
        store.path, ReaderConfig(), keep=RetentionPolicy(events=timedelta(days=3650)), every=0.1
    ):
        with store.spool("test") as writer:
            writer.put(old)
        until = time.monotonic() + 30
        while time.monotonic() < until and (
            len(store.table.files()) > 2 or store.state.get("retention:last") is None
        ):
            time.sleep(0.05)
    rows = sorted(f.rows for f in store.table.files())
    assert rows[-1] == compaction.FILES
    assert store.state.get("retention:last") is not None
