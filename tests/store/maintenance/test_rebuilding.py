"""Rollups that are counted again, also where that is interrupted, match the events."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.errors import StoreError
from hubbub.store import Selection, Store
from hubbub.store.maintenance import rebuilding
from hubbub.store.maintenance.compaction import compact
from hubbub.store.maintenance.rebuilding import rebuild
from hubbub.store.maintenance.retention import prune
from hubbub.store.maintenance.verify import verify
from hubbub.store.rollups import refresh
from hubbub.store.rollups.rebuild import write_counted
from tests.support.stores.crash import run_and_crash
from tests.support.stores.rollup_events import add, answers, batches, make

KILL = """
import sys
from hubbub.store import Store
from hubbub.store.delta.table import Table
from hubbub.store.maintenance import rebuilding
from hubbub.store.rollups.rebuild import write_counted
from tests.support.stores.crash import kill_at

with Store.open(sys.argv[1]) as store, store.loader_lock():
    kill_at(Table, "replace", nth=3, after=True)
    rebuilding.rebuild(store)
raise SystemExit("it was not killed")
"""
DAY = 86_400_000_000
Interrupt = Callable[[int], None]


@pytest.fixture
def full(store: Store) -> Store:
    """A store with events in three months, and rollups of them."""
    for part in range(4):
        add(store, *(make(10 * part + n, (10 * part + n) * 3 * DAY // 2) for n in range(10)))
    refresh.catch_up(store)
    return store


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rollups that were counted again, once for each month."""
    names: list[str] = []

    def call(store: Store, rollup: Any, *args: Any) -> Any:
        names.append(rollup.name)
        return write_counted(store, rollup, *args)

    monkeypatch.setattr(rebuilding, "write_counted", call)
    return names


@pytest.fixture
def interrupt(full: Store, monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Rebuild, and interrupt that in the nth month."""

    def until(nth: int) -> None:
        left = nth

        def call(*args: Any) -> Any:
            nonlocal left
            left -= 1
            if not left:
                raise KeyboardInterrupt
            return write_counted(*args)

        with monkeypatch.context() as patch:
            patch.setattr(rebuilding, "write_counted", call)
            with pytest.raises(KeyboardInterrupt):
                rebuild(full)

    return until


def is_sound(store: Store) -> bool:
    report = verify(store)
    same = answers(store, Selection()) == answers(store, Selection(), direct=True)
    return report.clean and same and set(batches(store)) == {store.table.version()}


def test_wrong_sums_are_corrected(full: Store) -> None:
    for rollup in full.rollups:
        rollup.replace(rollup.files()[:1], [])
    assert not verify(full).clean
    rebuild(full)
    assert is_sound(full)
    assert not (full.path / "rebuild").exists()


def test_a_killed_rebuild_is_continued(full: Store, counted: list[str]) -> None:
    run_and_crash(KILL, full.path)
    for rollup in full.rollups:
        rollup.entries.reset()
    assert answers(full, Selection()) == answers(full, Selection(), direct=True)
    rebuild(full)
    months = len(refresh.files_by_month(full, full.rollups[0]))
    # the third month was committed, but not recorded
    assert len(counted) == months * len(full.rollups) - 2
    assert is_sound(full)


def test_an_interrupted_rebuild_is_continued(
    full: Store, interrupt: Interrupt, counted: list[str]
) -> None:
    interrupt(5)
    counted.clear()
    started: list[float] = []
    rebuild(full, note=started.append)
    assert len(started) == 1
    assert len(counted) == 3 * len(full.rollups) - 4
    counted.clear()
    rebuild(full, note=started.append)
    assert len(counted) == 3 * len(full.rollups), "a later one relies on nothing"
    interrupt(5)
    counted.clear()
    rebuild(full, restart=True)
    assert len(counted) == 3 * len(full.rollups)
    assert is_sound(full)


def test_what_was_written_between_the_halves_is_counted_again(
    full: Store, interrupt: Interrupt, counted: list[str]
) -> None:
    interrupt(4)  # all months of the first rollup are done
    first = full.rollups[0]
    damaged = Path(first.files()[0].uri)
    damaged.write_bytes(damaged.read_bytes()[:-5])
    add(full, make(90, 35 * DAY))
    counted.clear()
    rebuild(full)
    assert counted.count(first.name) == 2, "the damaged month, and that of the new event"
    assert is_sound(full)
    interrupt(4)
    compact(full)
    rebuild(full)
    assert is_sound(full)


def test_damaged_events_are_noticed_between_the_halves(full: Store, interrupt: Interrupt) -> None:
    interrupt(5)
    last = Path(full.table.files()[-1].uri)
    data = last.read_bytes()
    last.write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreError, match="cannot be counted"):
        rebuild(full)
    last.write_bytes(data)
    rebuild(full)
    assert is_sound(full)


def test_days_that_no_other_is_counted_from_can_be_damaged(full: Store) -> None:
    days = next(rollup for rollup in full.rollups if rollup.name == "daily_users")
    weeks = next(rollup for rollup in full.rollups if rollup.name == "weekly_users")
    weeks.replace([], [], weeks.batch() + 1)  # as if a run had died between days and weeks
    Path(days.files()[0].uri).write_bytes(b"")
    rebuild(full)
    assert is_sound(full)


def test_sums_of_deleted_events_stay(full: Store, interrupt: Interrupt) -> None:
    before = answers(full, Selection())
    prune(full, now=datetime(2026, 2, 20, 5, tzinfo=UTC), events=timedelta(days=15), bodies=None)
    rebuild(full)
    assert answers(full, Selection()) == before
    interrupt(3)
    rebuild(full)
    assert answers(full, Selection()) == before
    assert verify(full).clean


def test_a_new_store_is_counted_once(store: Store, counted: list[str]) -> None:
    rebuild(store)
    add(store, make(0), make(1, DAY))
    rebuild(store)
    assert counted == []
    assert is_sound(store)
