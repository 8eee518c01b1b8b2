"""Rollups after a kill that left them at different versions; weeks are the sums of days."""

import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubbub.store import Selection, Store
from hubbub.store.maintenance.retention import prune
from hubbub.store.rollups import refresh
from hubbub.store.rollups.refresh import DAY, HOUR
from tests.support.stores.crash import run_and_crash
from tests.support.stores.rollup_events import (
    NAMES,
    START,
    add,
    answers,
    batches,
    make,
    sum_by_week,
)

CRASH = """
import os, signal, sys
from hubbub.store import Store
from hubbub.store.delta import data_file, table
from hubbub.store.rollups import refresh
from tests.support.stores.crash import run_and_crash

left = int(sys.argv[3])

def dies(owner, name, after):
    real = getattr(owner, name)
    def call(*args, **kwargs):
        global left
        left -= 1
        if left == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, call)

{
    "before a commit": lambda: dies(refresh.Rollup, "append_rows", False),
    "after a commit": lambda: dies(refresh.Rollup, "append_rows", True),
    "before the log is synced": lambda: dies(table.Table, "_sync_log", False),
    "after a file": lambda: dies(data_file.DataFileWriter, "close", True),
    "before a replacement": lambda: dies(table.Table, "replace", False),
    "after a replacement": lambda: dies(table.Table, "replace", True),
}[sys.argv[2]]()
store = Store.open(sys.argv[1])
(refresh.rebuild if "replacement" in sys.argv[2] else refresh.catch_up)(store)
raise SystemExit("it did not die")
"""


@pytest.mark.parametrize(
    ("place", "nth"),
    [("before a commit", 2), ("after a commit", 2), ("before the log is synced", 2),
     ("after a file", 2), ("before a replacement", 2), ("after a replacement", 2)],
)  # fmt: skip
def test_a_killed_refresh_counts_nothing_twice(store: Store, place: str, nth: int) -> None:
    add(store, make(0), make(1, DAY))
    refresh.catch_up(store)
    add(store, make(2), make(3, DAY))
    add(store, make(4, HOUR))
    run_and_crash(CRASH, store.path, place, nth)
    direct = answers(store, Selection(), direct=True)
    assert answers(store, Selection()) == direct, "for readers in between"
    add(store, make(5))
    direct = answers(store, Selection(), direct=True)
    refresh.catch_up(store)
    assert set(batches(store)) == {4}
    assert answers(store, Selection()) == direct


def days_and_weeks(store: Store) -> tuple[refresh.Rollup, refresh.Rollup]:
    rollups = {rollup.name: rollup for rollup in store.rollups}
    return rollups["daily_users"], rollups["weekly_users"]


def test_weeks_end_with_their_month_and_follow_the_days(store: Store) -> None:
    """In a store from before there were weeks, and after a kill between days and weeks."""
    for first in (0, 20):
        numbers = range(first, first + 20)
        add(store, *(make(n, n * DAY, users=("ann",), agent=None) for n in numbers))
    refresh.catch_up(store)
    days, weeks = days_and_weeks(store)
    starts = [f"{t:%m-%d}" for t in weeks.combined(read_rows(weeks))["time"].to_pylist()]
    assert starts == ["01-12", "01-19", "01-26", "02-01", "02-02", "02-09", "02-16", "02-23"]
    shutil.rmtree(weeks.folder)
    weeks.entries.reset()
    assert answers(store, Selection()) == answers(store, Selection(), direct=True)
    refresh.catch_up(store)
    assert set(batches(store)) == {2}
    add(store, make(40, 3 * DAY))
    days.append_rows(list(days.parts(days.count(store.table.added(3, 3), 0))), 3)
    assert answers(store, Selection()) == answers(store, Selection(), direct=True)
    add(store, make(41, 4 * DAY))
    refresh.catch_up(store)
    assert set(batches(store)) == {4}
    assert answers(store, Selection()) == answers(store, Selection(), direct=True)


def test_weeks_stay_the_sums_of_days_when_retention_cuts_a_week(store: Store) -> None:
    add(store, *(make(n, n * DAY // 2) for n in range(40)))
    refresh.catch_up(store)
    before = answers(store, Selection())
    for hour in (0, 5):  # a cut between two days, and within one: Wednesday, January 21
        now = datetime(2026, 1, 22, hour, tzinfo=UTC)
        prune(store, now=now, events=timedelta(days=1), bodies=None)
        left = answers(store, Selection())
        assert left == before, "also for the day that retention cut"
        for since in (5, 6, 7):
            chosen = Selection(since=START + since * DAY)
            sums = answers(store, chosen)
            assert sums["weekly_users"] == sum_by_week(sums["daily_users"])
        assert sums == answers(store, chosen, direct=True)
        assert left["weekly_users"] == sum_by_week(left["daily_users"])
        refresh.rebuild(store)
        assert answers(store, Selection()) == left
        assert not any(refresh.differences(store, rollup) for rollup in store.rollups)


def read_rows(table: refresh.Rollup) -> Any:
    return pa.concat_tables(
        [pq.read_table(f.uri, partitioning=None).cast(table.schema) for f in table.files()]
    )


def test_rollups_at_different_versions_give_consistent_sums(store: Store) -> None:
    for n in range(3):
        add(store, make(n))
        if not n:
            refresh.catch_up(store)
    (users,) = (rollup for rollup in store.rollups if rollup.name == "daily_users")
    files = store.table.added(2, 2)
    users.append_rows(list(users.parts(users.count(files, 0))), 2)
    assert sorted(batches(store))[-2:] == [1, 2], "one has counted two commits, the others one"
    events = store.events()
    built = {name: getattr(events, name)() for name in NAMES}  # lazy: read below
    sums = {name: table.messages.sum().to_pyarrow().as_py() for name, table in built.items()}
    assert sums == {"daily_users": 6, "hourly_users": 6, "daily_topics": 3, "weekly_users": 6}
