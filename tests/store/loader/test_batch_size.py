"""A batch that does not fit is split; a record that does not fit becomes a dead letter."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import Event, Frame
from hubbub.collector.people.extract import understand
from hubbub.errors import NoMemoryError
from hubbub.store import Store
from hubbub.store.loader import batch_size
from hubbub.store.loader.loader import Loaded
from hubbub.store.spool.folder import segments
from hubbub.store.tables.bodies import Bodies
from hubbub.store.tables.events import Events
from tests.support.stores import small_disk
from tests.support.stores.crash import run_and_crash
from tests.support.stores.filling import MakeFrame, ReadIds, put

N = 50


def spool_bytes(store: Store) -> int:
    return sum(s.path.stat().st_size for s in segments(store.spool_folder))


def limited(most: int, append: Callable[..., int], sizes: list[int]) -> Callable[..., int]:
    """A table that has memory for so many rows."""

    def limited_append(self: Any, rows: list[Any], batch: int) -> int:
        sizes.append(len(rows))
        if len(rows) > most:
            raise NoMemoryError("cannot write: it needs more memory than there is")
        return append(self, rows, batch)

    return limited_append


@pytest.mark.parametrize("table", [Events, Bodies])
def test_a_batch_that_needs_too_much_memory_is_split(
    table: Any,
    store: Store,
    frame: MakeFrame,
    ids: ReadIds,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(table, "append", limited(5, table.append, sizes))
    put(store, *(frame(n) for n in range(N)), frame(3), bodies=True)
    before = spool_bytes(store)
    written = []
    monkeypatch.setattr(store, "spool", lambda *a, **k: written.append(a))
    assert store.load() == Loaded(new=N, known=1)
    assert ids(store) == sorted(f"id-{n}" for n in range(N))
    assert sum(f.rows for f in store.bodies.files()) == N
    assert store.state.counts() == {"jsonl:test": {"known": 1, "new": N}}
    assert sizes[0] == N
    assert max(sizes[2:]) <= 10, "larger only by doubling what fitted"
    assert not written
    assert before > spool_bytes(store) == 0
    assert store.state.get(batch_size.KEY) is None
    assert store.state.rows("SELECT * FROM pending") == []


def test_a_record_that_does_not_fit_becomes_a_dead_letter_that_can_be_read_again(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    def heavy(received: Frame) -> Event:
        if received.seq == 42:
            raise MemoryError
        return understand(received)

    put(store, *(frame(n) for n in range(N)))
    assert store.load(understand=heavy) == Loaded(new=N - 1, refused={"no-memory": 1})
    (letter,) = store.dead_letters()
    assert (letter.reason, letter.body, letter.retryable) == ("no-memory", frame(42).body, True)
    assert letter.what == "reading it needs more memory than there is"
    assert "id-42" not in ids(store)

    with store.state.transaction() as db:
        db.execute("UPDATE dead_letters SET again = 1")
    assert store.load(understand=heavy) == Loaded()
    (letter,) = store.dead_letters()
    assert letter.reason == "no-memory"
    with store.state.transaction() as db:
        db.execute("UPDATE dead_letters SET again = 1")
    assert store.load().new == 1
    assert store.state.counts() == {"jsonl:test": {"new": N}}


KILLED = """
import os, signal, sys
from hubbub.collector.people.extract import understand
from hubbub.store import Store

def deadly(received):
    if received.seq == 42:
        os.kill(os.getpid(), signal.SIGKILL)
    return understand(received)

with Store.open(sys.argv[1]) as store:
    store.load(understand=deadly)
"""


def test_a_record_that_kills_loaders_becomes_a_dead_letter(
    tmp_path: Path, frame: MakeFrame, ids: ReadIds
) -> None:
    """The kernel kills a process that takes too much memory, and it can say nothing."""
    with Store.open(tmp_path / "store") as store:
        put(store, *(frame(n) for n in range(N)))
        before = spool_bytes(store)
        deaths, rows = 0, 0
        while (store.state.get(batch_size.KEY) or {}).get("deaths") != 1:
            run_and_crash(KILLED, store.path)
            assert spool_bytes(store) == before, "no retry adds to the spool"
            assert store.rows() >= rows
            deaths, rows = deaths + 1, store.rows()
        assert deaths < 12
        assert rows == 42, "what fits is loaded meanwhile"
        assert store.load() == Loaded(new=N - 43, refused={"no-memory": 1})
        assert store.dead_letters()[0].seq == 42
        assert "id-42" not in ids(store)
        assert store.rows() == N - 1
        assert store.state.get(batch_size.KEY) is None


def test_a_loader_that_is_killed_by_chance_loses_nothing(tmp_path: Path, frame: MakeFrame) -> None:
    with Store.open(tmp_path / "store") as store:
        put(store, *(frame(n) for n in range(N)))
        while (store.state.get(batch_size.KEY) or {}).get("place", "") == "":
            run_and_crash(KILLED, store.path)
        loaded = store.rows()
        assert store.load() == Loaded(new=N - loaded)
        assert store.rows() == N


def test_a_disk_with_little_room_takes_a_part(tmp_path: Path, frame: MakeFrame) -> None:
    with (
        small_disk.disk(tmp_path / "disk", 40) as disk,
        Store.open(disk.path / "store") as store,
    ):
        noise = (frame(n, noise=os.urandom(50_000).hex()) for n in range(40))
        put(store, *noise, bodies=True)
        disk.fill(leave=1 << 20)  # of some 2 MB of bodies
        before = spool_bytes(store)
        with pytest.raises(Exception, match="the disk is full"):
            store.load()
        assert 0 < store.rows() < 40
        assert spool_bytes(store) == before
        disk.room()
        store.load()
        assert store.rows() == 40
        assert store.state.counts() == {"jsonl:test": {"new": 40}}
