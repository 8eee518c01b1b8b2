"""A torn end of a Delta log: rows that are deleted or will be loaded again are not restored."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta.table import Table
from hubbub.store.maintenance.repair import repair_logs
from hubbub.store.maintenance.retention import prune
from hubbub.store.maintenance.verify import verify
from tests.support.stores.filling import MakeFrame, ReadIds, put

#: The time of frame 0, and a second of the month after it.
START = datetime(2026, 1, 15, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 2, tzinfo=UTC).timestamp()
DAY = timedelta(days=1)


def tear(table: Table) -> None:
    max(table.log.glob("*.json")).write_bytes(b"")


def dies(*_: Any) -> None:
    raise OSError(5, "power is lost")


@pytest.fixture
def full(store: Store, frame: MakeFrame) -> Store:
    for n in range(3):
        put(store, *(frame(i) for i in range(20 * n, 20 * n + 20)), bodies=True, load=True)
    return store


def test_rows_deleted_by_retention_are_not_restored(
    full: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    """Their files are kept for an hour: one was dropped, one rewritten without 10 rows."""
    before = {file.uri for file in full.table.files()}
    prune(full, now=START + timedelta(seconds=30) + DAY, events=DAY, bodies=None)
    put(full, *(frame(n) for n in range(60, 65)), bodies=True, load=True)
    removed = before - {file.uri for file in full.table.files()}
    assert [Path(uri).exists() for uri in removed] == [True, True]
    tear(full.table)
    with Store.open(full.path) as reopened:
        with reopened.loader_lock():
            (repaired,) = repair_logs(reopened)
        assert repaired.rows == 5
        assert ids(reopened) == sorted(f"id-{n}" for n in range(30, 65))
        report = verify(reopened)
        assert report.clean, report.faults


def test_a_pending_batch_is_loaded_again_and_not_restored(
    full: Store, frame: MakeFrame, ids: ReadIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its two files is torn, too: restoring would commit only half of the batch."""
    before = {file.uri for file in full.table.files()}
    with monkeypatch.context() as m:
        m.setattr(type(full.table), "_sync_log", dies)
        with pytest.raises(StoreError):
            put(
                full,
                *(frame(n) for n in range(60, 70)),
                *(frame(n, timestamp=FEBRUARY + n) for n in range(70, 80)),
                bodies=True,
                load=True,
            )
    _, late = (Path(f.uri) for f in full.table.files() if f.uri not in before)
    assert late.parent.name == "month=2026-02"
    late.write_bytes(late.read_bytes()[:-40])
    tear(full.table)
    with Store.open(full.path) as reopened:
        with reopened.loader_lock():
            (repaired,) = repair_logs(reopened)
        assert repaired.rows == 0
        assert reopened.rows() == 60
        assert reopened.load().new == 20
        assert ids(reopened) == sorted(f"id-{n}" for n in range(80))
        assert reopened.state.counts("jsonl:test")["jsonl:test"] == {"new": 80}
        report = verify(reopened)
        assert report.clean, report.faults


def test_bodies_of_an_abandoned_batch_are_not_restored(
    full: Store, frame: MakeFrame, ids: ReadIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch before it has none: restored, they would get its number, and exist twice."""
    put(full, frame(60), load=True)
    with monkeypatch.context() as m:
        m.setattr(type(full.table), "append", dies)
        with pytest.raises(StoreError, match="power is lost"):
            put(full, *(frame(n) for n in range(61, 81)), bodies=True, load=True)
    assert (full.bodies.batch(), full.table.batch()) == (5, 4)
    tear(full.bodies)
    with Store.open(full.path) as reopened:
        assert reopened.load().new == 20
        assert ids(reopened) == sorted(f"id-{n}" for n in range(81))
        assert sum(file.rows for file in reopened.bodies.files()) == 80, "each once"
        report = verify(reopened)
        assert report.clean, report.faults
