"""A torn end of a Delta log: what is not brought back, because it went, or is loaded again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import Frame
from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta.table import Table
from hubbub.store.maintenance.repair import repair_logs
from hubbub.store.maintenance.retention import prune
from hubbub.store.maintenance.verify import verify

Make = Callable[..., Any]
Ids = Callable[[Store], list[str]]
#: The time of frame 0, and a second of the month after it.
START = datetime(2026, 1, 15, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 2, tzinfo=UTC).timestamp()
DAY = timedelta(days=1)


def put(store: Store, *frames: Frame, bodies: bool = True) -> None:
    with store.spool("test", bodies=bodies) as writer:
        for frame in frames:
            writer.put(frame)
    store.load()


def tear(table: Table) -> None:
    max(table.log.glob("*.json")).write_bytes(b"")


def dies(*_: Any) -> None:
    raise OSError(5, "power is lost")


@pytest.fixture
def full(store: Store, frame: Make) -> Store:
    for n in range(3):
        put(store, *(frame(i) for i in range(20 * n, 20 * n + 20)))
    return store


def test_what_retention_let_go_does_not_come_back(full: Store, frame: Make, ids: Ids) -> None:
    """Its files are there for an hour: one went whole, one was written anew without 10 rows."""
    before = {file.uri for file in full.table.files()}
    prune(full, now=START + timedelta(seconds=30) + DAY, events=DAY, bodies=None)
    put(full, *(frame(n) for n in range(60, 65)))
    gone = before - {file.uri for file in full.table.files()}
    assert [Path(uri).exists() for uri in gone] == [True, True]
    tear(full.table)
    with Store.open(full.path) as again:
        with again.loader_lock():
            (done,) = repair_logs(again)
        assert done.rows == 5
        assert ids(again) == sorted(f"id-{n}" for n in range(30, 65))
        checked = verify(again)
        assert checked.clean, checked.faults


def test_a_batch_that_is_noted_is_loaded_again_and_not_brought_back(
    full: Store, frame: Make, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its two files is torn too: brought back, half of it would count as the whole."""
    before = {file.uri for file in full.table.files()}
    with monkeypatch.context() as m:
        m.setattr(type(full.table), "_sync_log", dies)
        with pytest.raises(StoreError):
            put(full, *(frame(n) for n in range(60, 70)),
                *(frame(n, timestamp=FEBRUARY + n) for n in range(70, 80)))  # fmt: skip
    _, late = (Path(f.uri) for f in full.table.files() if f.uri not in before)
    assert late.parent.name == "month=2026-02"
    late.write_bytes(late.read_bytes()[:-40])
    tear(full.table)
    with Store.open(full.path) as again:
        with again.loader_lock():
            (done,) = repair_logs(again)
        assert done.rows == 0
        assert again.rows() == 60
        assert again.load().new == 20
        assert ids(again) == sorted(f"id-{n}" for n in range(80))
        assert again.state.counts("jsonl:test")["jsonl:test"] == {"new": 80}
        checked = verify(again)
        assert checked.clean, checked.faults


def test_bodies_of_a_batch_that_never_was_are_not_brought_back(
    full: Store, frame: Make, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch before it has none: brought back, they would bear its number, and be twice."""
    put(full, frame(60), bodies=False)
    with monkeypatch.context() as m:
        m.setattr(type(full.table), "append", dies)
        with pytest.raises(StoreError, match="power is lost"):
            put(full, *(frame(n) for n in range(61, 81)))
    assert (full.bodies.batch(), full.table.batch()) == (5, 4)
    tear(full.bodies)
    with Store.open(full.path) as again:
        assert again.load().new == 20
        assert ids(again) == sorted(f"id-{n}" for n in range(81))
        assert sum(file.rows for file in again.bodies.files()) == 80, "each once"
        checked = verify(again)
        assert checked.clean, checked.faults
