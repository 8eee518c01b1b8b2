"""Forgetting when the disk is full, when a reader holds on, and when it is killed at any step."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta import data_file
from hubbub.store.loader.loader import Loaded
from hubbub.store.privacy import scrub_state
from hubbub.store.privacy.forget import entries, forget
from tests.support.filled_store import NAME, fill_state, history, places, put, rows

Make = Callable[..., Any]


def test_no_room_is_said_and_the_next_load_finishes(
    store: Store, frame: Make, monkeypatch: pytest.MonkeyPatch
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


def test_a_reader_that_does_not_let_go_is_said(
    store: Store, frame: Make, monkeypatch: pytest.MonkeyPatch
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
import os, signal, sys
from hubbub.store import Store, delta, forget, rewrite, scrub, state

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def dies(owner, name, after=False):
    real = getattr(owner, name)
    def call(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        die()
    setattr(owner, name, call)

owner, name, after = sys.argv[2:5]
place = {"forget": forget, "rewrite": rewrite, "scrub": scrub, "store": Store,
         "table": delta.Table, "file": delta.DataFile}[owner]
dies(place, name, after == "after")
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
    ("forget", "keep_up", "before"),
    ("forget", "keep_up", "after"),
    ("scrub", "_letters", "after"),
    ("scrub", "scrub_state", "after"),
    ("scrub", "purge", "after"),
    ("scrub", "blank_spool", "after"),
]


@pytest.mark.parametrize(("owner", "name", "when"), PLACES)
def test_a_run_that_is_killed_is_finished_by_the_next_load(
    store: Store, frame: Make, owner: str, name: str, when: str
) -> None:
    half = history(frame)
    put(store, *half[:13])
    store.load()
    fill_state(store)
    put(store, *half[13:], bodies=True)
    done = subprocess.run(
        [sys.executable, "-c", CRASH, store.path, owner, name, when, NAME],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr.decode()
    store.load()
    assert places(store.path, NAME) == []
    assert [entry.done for entry in entries(store.state)] == [True]
    put(store, *half)
    assert store.load() == Loaded(known=19, refused={"not-json": 1})
    assert store.rows() == 19
    assert len({row["id"] for row in rows(store)}) == 19
    assert sum(f.rows for f in store.bodies.files()) == 6
