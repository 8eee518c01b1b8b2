"""Forgetting on a full disk, with a reader of an old snapshot, and killed at any step."""

from typing import Any

import pytest

from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta import data_file
from hubbub.store.loader.loader import Loaded
from hubbub.store.privacy import scrub_state
from hubbub.store.privacy.forget import entries, forget
from tests.support.stores.crash import run_and_crash
from tests.support.stores.filled_store import NAME, fill_state, history, places, rows
from tests.support.stores.filling import MakeFrame, put


def test_a_full_disk_is_reported_and_the_next_load_finishes(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, *history(frame))
    store.load()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(data_file.DataFileWriter, "close", full)
        with pytest.raises(StoreError, match="the disk is full"):
            forget(store, NAME)
    assert not entries(store.state)[0].done
    assert len(list(store.table.folder.glob("month=*/*"))) == len(store.table.files())
    store.load()
    assert entries(store.state)[0].done
    assert places(store.path, NAME) == []


def test_a_reader_that_holds_an_old_snapshot_is_reported(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    monkeypatch.setattr(scrub_state, "_PATIENCE", 0.2)
    store.state.set("x", NAME)
    store.state.execute("PRAGMA busy_timeout = 100")
    reader = sqlite3.connect(store.state.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM checkpoints").fetchall()
    with pytest.raises(StoreError, match="reads an older state"):
        forget(store, NAME)
    reader.close()
    store.load()
    assert places(store.path, NAME) == []


CRASH = """
import sys
from hubbub.store import Store
from hubbub.store.delta.data_file import DataFileWriter
from hubbub.store.delta.table import Table
from hubbub.store.privacy import forget, scrub_state
from tests.support.stores.crash import kill_at

owner, name, after = sys.argv[2:5]
place = {"forget": forget, "scrub_state": scrub_state, "store": Store, "table": Table,
         "file": DataFileWriter}[owner]
kill_at(place, name, after=after == "after")
forget.forget(Store.open(sys.argv[1]), sys.argv[5])
raise SystemExit("it did not die")
"""
PLACES = [
    ("forget", "finish", "before"),
    ("store", "drain", "after"),
    ("file", "close", "after"),
    ("table", "_sync_log", "after"),
    ("forget", "vacuum", "before"),
    ("forget", "drop_history", "before"),
    ("forget", "drop_history", "after"),
    ("forget", "update_index", "before"),
    ("forget", "update_index", "after"),
    ("scrub_state", "_scrub_letters", "after"),
    ("scrub_state", "scrub_state", "after"),
    ("scrub_state", "purge", "after"),
    ("scrub_state", "blank_spool", "after"),
]


@pytest.mark.parametrize(("owner", "name", "when"), PLACES)
def test_a_run_that_is_killed_is_finished_by_the_next_load(
    store: Store, frame: MakeFrame, owner: str, name: str, when: str
) -> None:
    frames = history(frame)
    put(store, *frames[:13])
    store.load()
    fill_state(store)
    put(store, *frames[13:], bodies=True)
    run_and_crash(CRASH, store.path, owner, name, when, NAME)
    store.load()
    assert places(store.path, NAME) == []
    assert [entry.done for entry in entries(store.state)] == [True]
    put(store, *frames)
    assert store.load() == Loaded(known=19, refused={"not-json": 1})
    assert store.rows() == 19
    assert len({row["id"] for row in rows(store)}) == 19
    assert sum(f.rows for f in store.bodies.files()) == 6
