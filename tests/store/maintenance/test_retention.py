"""Retention: an exact cut, whole files where possible, and a ledger without the deleted times."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hubbub.errors import StoreError, UsageError
from hubbub.store import Store
from hubbub.store.delta import data_file
from hubbub.store.loader.loader import Loaded
from hubbub.store.maintenance import retention
from hubbub.store.maintenance.retention import prune
from hubbub.store.policy import parse_period
from hubbub.times import from_micros, to_micros
from tests.support.stores.filling import MakeFrame, ReadIds, put

#: The time of frame 0.
START = datetime(2026, 1, 15, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_cut_is_exact(store: Store, frame: MakeFrame, ids: ReadIds) -> None:
    put(store, *(frame(n) for n in range(10)), load=True)
    put(store, *(frame(n) for n in range(10, 20)), load=True)
    put(store, *(frame(n) for n in range(20, 23)), load=True)
    before = {f.uri for f in store.table.files()}
    now = START + timedelta(seconds=14) + DAY
    planned = prune(store, now=now, events=DAY, bodies=None, dry=True)
    assert ids(store) == sorted(f"id-{n}" for n in range(23))
    (pruned, _) = prune(store, now=now, events=DAY, bodies=None)
    assert (pruned.table, pruned.rows, pruned.before) == ("events", 14, now - DAY)
    assert planned[0].rows == 14
    assert pruned.bytes > 0
    assert ids(store) == sorted(f"id-{n}" for n in range(14, 23)), (
        "an event at the time of the cut stays"
    )
    after = {f.uri for f in store.table.files()}
    assert len(after) == 2
    assert len(after & before) == 1, "newer files are not touched"
    bounds = store.bounds()
    assert bounds is not None
    assert from_micros(bounds[0]) == now - DAY
    version = store.table.version()
    assert prune(store, now=now, events=DAY, bodies=None)[0].rows == 0
    assert store.table.version() == version


def test_files_of_events_are_kept_for_readers_for_an_hour(store: Store, frame: MakeFrame) -> None:
    put(store, *(frame(n) for n in range(4)), load=True)
    (old,) = (f.uri for f in store.table.files())
    os.utime(old, (0, 0))
    now = START + timedelta(seconds=2) + DAY
    prune(store, now=now, events=DAY, bodies=None)
    assert Path(old).exists(), "running queries can finish"
    late = time.time() - retention.GRACE - 1
    os.utime(old, (late, late))
    prune(store, now=now, events=DAY, bodies=None)
    assert not Path(old).exists()
    assert store.rows() == 2


def test_deleted_events_can_be_loaded_again(store: Store, frame: MakeFrame) -> None:
    put(store, *(frame(n) for n in range(5)), bodies=True, load=True)
    prune(store, now=START + 100 * DAY, events=DAY, bodies=None)
    assert store.rows() == 0
    assert store.bounds() is None
    assert store.events().count_events() == 0
    put(store, *(frame(n) for n in range(3)))
    assert store.load() == Loaded(new=3), "deleted ids are new again"
    assert store.rows() == 3


def test_bodies_are_deleted_at_once_and_never_after_their_events(
    store: Store, frame: MakeFrame
) -> None:
    put(store, *(frame(n) for n in range(10)), bodies=True, load=True)
    (old,) = (f.uri for f in store.bodies.files())
    now = START + timedelta(seconds=4) + DAY
    events, bodies = prune(store, now=now, events=10 * DAY, bodies=DAY)
    assert (events.rows, bodies.rows) == (0, 4)
    assert (store.rows(), sum(f.rows for f in store.bodies.files())) == (10, 6)
    assert not Path(old).exists()
    assert store.bodies.find(["id-3", "id-4"]) == {"id-4": frame(4).body}
    events, bodies = prune(store, now=now + timedelta(seconds=3), events=DAY, bodies=None)
    assert (events.rows, bodies.rows) == (7, 3)
    later = now + timedelta(seconds=4)
    events, bodies = prune(store, now=later, events=DAY, bodies=9 * DAY)
    assert (events.rows, bodies.rows) == (1, 1), "no body outlives its event"
    assert prune(store, now=now + 99 * DAY, events=None, bodies=None) == []
    assert store.rows() == 2


def test_the_ledger_covers_no_deleted_times(store: Store, frame: MakeFrame) -> None:
    at = to_micros(START)
    store.state.span("history:x", "", at - 100, at + 100, "complete", "5 of 5")
    store.state.span("history:x", "user=bob", at - 100, at, "complete", "5 of 5")
    put(store, frame(0), load=True)
    prune(store, now=START + DAY, events=DAY, bodies=DAY, dry=True)
    assert len(store.spans()) == 2
    prune(store, now=START + DAY, events=None, bodies=DAY)
    assert len(store.spans()) == 2, "bodies are not part of coverage"
    prune(store, now=START + DAY, events=DAY, bodies=DAY)
    assert [(s.filters, s.start, s.end) for s in store.spans()] == [("", at, at + 100)]
    assert store.coverage(at, at + 100).state == "complete"
    assert store.coverage(at - 100, at + 100).state == "unproven"


def test_no_room_changes_nothing(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, *(frame(n) for n in range(6)), load=True)
    before = sorted(store.table.folder.rglob("*.parquet"))

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(data_file, "sync_file", full)
        with pytest.raises(StoreError, match="the disk is full"):
            prune(store, now=START + timedelta(seconds=3) + DAY, events=DAY, bodies=None)
    assert sorted(store.table.folder.rglob("*.parquet")) == before
    assert store.rows() == 6


def test_row_groups_of_a_large_file(store: Store, frame: MakeFrame) -> None:
    """A compacted file has several row groups; the rows before a changed one are kept."""
    put(store, *(frame(n) for n in range(20)), load=True)
    (file,) = store.table.files()
    rows = pq.read_table(file.uri, partitioning=None)
    new = data_file.DataFileWriter(store.table, "2026-01", "compacted-x")
    for at in range(0, 20, 5):
        new.write(rows.slice(at, 5).cast(store.table.schema))
    store.table.replace([file], [new.close()])
    store.load()
    prune(store, now=START + timedelta(seconds=7) + DAY, events=DAY, bodies=None)
    (file,) = store.table.files()
    assert pq.read_table(file.uri)["seq"].to_pylist() == list(range(7, 20))
    assert (from_micros(file.first), file.rows) == (START + timedelta(seconds=7), 13)


def test_periods() -> None:
    assert parse_period("30d") == 30 * DAY
    assert parse_period("10y") == 3652.5 * DAY
    assert parse_period(" Forever ") is None
    with pytest.raises(UsageError, match="soon"):
        parse_period("soon")
