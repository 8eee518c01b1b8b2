"""`hubbub plugins handlers` and `restart`."""

import fcntl
import json
from pathlib import Path

from hubbub.collector.event import Frame
from hubbub.store import Store
from hubbub.store.journal.journal import Journal
from hubbub.store.stream import stream
from hubbub.store.stream.places import LOCK, places
from tests.support.commandline import Run

NOW = 1_767_225_600_000_000


def fill(folder: Path) -> None:
    """Let a handler wait for two posted batches and three stored events."""
    with Store.open(folder) as store, Journal(folder) as journal:
        with store.loader_lock():
            stream.register(
                store.table, store.state, folder / stream.FOLDER, "m:h", journal=0, now=NOW
            )
        journal.append(["[{}]", "[{}, {}]"], 1)
        with store.spool("test") as sink:
            for n in range(3):
                line = {"id": f"n{n}", "timestamp": 1_767_225_600, "topic": "t.t"}
                sink.put(Frame("jsonl:x", 1, b"", json.dumps(line).encode(), n))
        store.load()


def test_what_waits_for_a_handler_is_counted(hubbub: Run, store: Path) -> None:
    assert hubbub("plugins", "handlers", "--json", "--store", store).json == []
    fill(store)
    rows = hubbub("plugins", "handlers", "--json", "--store", store).json
    assert rows == [
        {
            "handler": "m:h",
            "posted": 2,
            "stored": 3,
            "failed": 0,
            "skipped": 0,
            "last run": "2026-01-01T00:00:00Z",
            "misses": "",
        }
    ]
    assert "m:h" in hubbub("plugins", "handlers", "--store", store).out


def test_one_that_lapsed_says_what_it_misses(hubbub: Run, store: Path) -> None:
    fill(store)
    with Store.open(store) as opened:
        stream.lapse(opened.state, store / stream.FOLDER, NOW + 100 * 86_400_000_000)
    assert "3 events" in hubbub("plugins", "handlers", "--store", store).err


def test_a_handler_can_begin_anew(hubbub: Run, store: Path) -> None:
    fill(store)
    unknown = hubbub("plugins", "restart", "m:x", "--store", store)
    assert unknown.code == 2
    assert "m:h" in unknown.err
    with (store / LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = hubbub("plugins", "restart", "m:h", "--store", store)
    assert refused.code == 2
    assert "stop it" in refused.err
    assert hubbub("plugins", "restart", "m:h", "--store", store).code == 0
    with Store.open(store) as opened:
        assert places(opened.state) == {}
