"""Maintenance by the loader process: in small steps, and not while loading is behind."""

import time
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from hubbub.collector.event import Frame
from hubbub.collector.people.reader import ReaderConfig
from hubbub.store import Store
from hubbub.store.loader_process import LoaderProcess
from hubbub.store.maintenance import compaction, scheduler
from hubbub.store.maintenance.scheduler import Scheduler
from hubbub.store.policy import RetentionPolicy
from tests.support.stores.filling import MakeFrame, put


def test_enough_small_files_are_merged_between_two_loads(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "FILES", 4)
    scheduled = Scheduler(store)
    for n in range(3):
        put(store, frame(n), load=True)
    assert not scheduled.step()
    put(store, frame(3), load=True)
    assert not scheduled.step(lambda: True)
    assert len(store.table.files()) == 4
    with Store.open(store.path) as other, other.loader_lock():
        assert not scheduled.step(), "another loader holds the lock"
    with store.spool("test") as writer, monkeypatch.context() as m:
        writer.put(frame(4))
        writer.flush()
        m.setattr(scheduler, "BUSY", 1)
        assert not scheduled.step(), "loading has priority"
    assert scheduled.step()
    assert [f.rows for f in store.table.files()] == [4]
    assert not scheduled.step()


def test_old_files_are_deleted_at_intervals(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [time.time()]
    cleaned: list[Store] = []
    monkeypatch.setattr(compaction, "clean", cleaned.append)
    scheduled = Scheduler(store, clock=lambda: seconds[0])
    put(store, frame(0), load=True)
    scheduled.step()
    assert cleaned == []
    seconds[0] += scheduler.CLEAN
    scheduled.step()
    scheduled.step()
    assert cleaned == [store]


def test_retention_runs_once_a_day_also_across_processes(store: Store, frame: MakeFrame) -> None:
    put(store, *(frame(n) for n in range(10)), load=True)
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
    put(store, frame(0), load=True)
    seconds[0] -= 10 * 86_400
    assert Scheduler(store, keep, lambda: seconds[0]).step(), "a clock that was set back"
    assert store.rows() == 1


def test_a_clock_that_jumps_years_ahead_deletes_nothing(store: Store, frame: MakeFrame) -> None:
    put(store, *(frame(n) for n in range(10)), Frame("jsonl:test", 1, b"", b"{"), load=True)
    today = 1_768_435_200.0
    seconds = [today]
    scheduled = Scheduler(store, RetentionPolicy(events=timedelta(days=30)), lambda: seconds[0])
    assert scheduled.step()
    seconds[0] += 20 * 365 * 86_400
    with capture_logs() as logged:
        assert not scheduled.step()
        assert not scheduled.step()
    assert [line["event"] for line in logged] == ["retention is paused: the clock is not plausible"]
    assert "2046-01-10" in logged[0]["why"]
    assert store.rows() == 10
    seconds[0] = today + 86_400
    assert scheduled.step(), "it was corrected"
    assert store.rows() == 10
    # three months without a run: an event of about now confirms the clock
    seconds[0] += 90 * 86_400
    assert not scheduled.step()
    put(store, frame(11, timestamp=seconds[0] + 3e9), load=True)  # far ahead: proves nothing
    assert not scheduled.step()
    put(store, frame(10, timestamp=seconds[0] - 60), load=True)
    assert scheduled.step()
    assert store.rows() == 2


def test_a_clock_that_jumps_before_retention_ever_ran(store: Store, frame: MakeFrame) -> None:
    seconds = [1_768_435_200.0]
    scheduled = Scheduler(store, RetentionPolicy(events=timedelta(days=1)), lambda: seconds[0])
    put(store, *(frame(n) for n in range(10)), load=True)
    seconds[0] += 20 * 365 * 86_400
    assert not scheduled.step()
    assert store.rows() == 10
    seconds[0] -= 20 * 365 * 86_400
    assert scheduled.step()
    assert store.rows() == 10


def test_dead_letters_are_kept_while_the_clock_is_not_plausible(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, Frame("jsonl:test", 1, b"", b"{"), load=True)
    store.state.set("retention:last", time.time_ns() // 1000)
    later = time.time_ns() + 40 * 86_400 * 10**9
    with monkeypatch.context() as m:
        m.setattr(time, "time_ns", lambda: later)
        put(store, Frame("jsonl:test", 1, b"", b"{{"), load=True)
        assert len(store.dead_letters()) == 2
        store.state.set("retention:last", later // 1000)
        put(store, Frame("jsonl:test", 1, b"", b"{{{"), load=True)
    assert [letter.body for letter in store.dead_letters()] == [b"{{{", b"{{"]


def test_the_loader_process_compacts_and_prunes(store: Store, frame: MakeFrame) -> None:
    for n in range(compaction.FILES):
        put(store, frame(n), load=True)
    old = frame(99, timestamp=1_000_000_000)
    with LoaderProcess(
        store.path, ReaderConfig(), keep=RetentionPolicy(events=timedelta(days=3650)), every=0.1
    ):
        put(store, old)
        until = time.monotonic() + 30
        while time.monotonic() < until and (
            len(store.table.files()) > 2 or store.state.get("retention:last") is None
        ):
            time.sleep(0.05)
    rows = sorted(f.rows for f in store.table.files())
    assert rows[-1] == compaction.FILES
    assert store.state.get("retention:last") is not None
