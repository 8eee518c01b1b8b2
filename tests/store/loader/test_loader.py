"""The loader: each message once, whatever is wrong with some, whatever crashes in between."""

import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import Event, Frame
from hubbub.errors import StoreError
from hubbub.store import Store, Waiting
from hubbub.store.delta import table
from hubbub.store.loader import loader
from hubbub.store.loader.loader import Loaded
from hubbub.store.spool.folder import segments

Make = Callable[..., Any]
Ids = Callable[[Store], list[str]]


def put(store: Store, *frames: Frame) -> None:
    with store.spool("test") as writer:
        for frame in frames:
            writer.put(frame)


def test_frames_become_events_and_segments_go(store: Store, frame: Make, ids: Ids) -> None:
    assert store.load() == Loaded()
    put(store, *(frame(n) for n in range(10)))
    waiting = store.waiting()
    assert (waiting.segments, waiting.records) == (1, 10)
    assert store.load() == Loaded(new=10)
    assert store.waiting() == Waiting()
    assert segments(store.spool_folder) == []
    assert ids(store) == sorted(f"id-{n}" for n in range(10))
    assert store.state.rows("SELECT * FROM segments") == []
    assert store.state.rows("SELECT * FROM pending") == []


def test_a_repeat_is_known_whatever_its_time_and_batch(store: Store, frame: Make, ids: Ids) -> None:
    put(store, frame(1), frame(1), frame(2))
    assert store.load() == Loaded(new=2, known=1)
    put(store, frame(1), frame(2, timestamp=1_000_000_000), frame(3), frame(3, timestamp=5e8))
    assert store.load() == Loaded(new=1, known=3)
    assert ids(store) == ["id-1", "id-2", "id-3"]
    bounds = store.bounds()
    assert bounds is not None
    assert bounds[0] > 1_700_000_000_000_000, "the first time won"


def test_counts_are_kept_by_source_whoever_loads(store: Store, frame: Make) -> None:
    put(store, frame(1, source="jsonl:a"), frame(1, source="jsonl:b"), frame(2, source="jsonl:b"))
    put(store, Frame("jsonl:b", 10**15, b"", b"nonsense", 1))
    store.load()
    assert store.state.counts() == {
        "jsonl:a": {"new": 1},
        "jsonl:b": {"known": 1, "new": 1, "refused:not-json": 1},
    }


def test_poison_goes_to_the_dead_letters_and_stops_nothing(
    store: Store, frame: Make, ids: Ids
) -> None:
    from hubbub.collector.people.extract import understand

    def fragile(one: Frame) -> Event:
        event = understand(one)
        if one.seq == 2:
            raise ZeroDivisionError("a fault of ours")
        if one.seq == 3:
            return Event(**{**_fields(event), "topic": "half a pair \ud800"})
        if one.seq == 4:
            return Event(**{**_fields(event), "time": -1})
        if one.seq == 5:
            return Event(**{**_fields(event), "seq": 2**63})
        return event

    bad = Frame("jsonl:test", frame(0).arrived, b"topic", b"{", 9)
    put(store, frame(1), bad, *(frame(n) for n in range(2, 7)))
    done = store.load(understand=fragile)
    assert done.new == 2
    assert done.refused == {"bad-time": 1, "bad-value": 2, "fault": 1, "not-json": 1}
    assert ids(store) == ["id-1", "id-6"]
    letters = {one.seq: one for one in store.dead_letters()}
    assert letters[2].what == "ZeroDivisionError: a fault of ours"
    assert letters[2].body == frame(2).body
    assert (letters[9].topic, letters[9].body, letters[9].source) == (b"topic", b"{", "jsonl:test")
    assert segments(store.spool_folder) == []


def _fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_a_flipped_bit_costs_one_record_and_is_kept(store: Store, frame: Make, ids: Ids) -> None:
    put(store, *(frame(n) for n in range(5)))
    (one,) = segments(store.spool_folder)
    data = bytearray(one.path.read_bytes())
    data[data.index(b"id-2") + 3] ^= 1
    one.path.write_bytes(data)
    assert store.load() == Loaded(new=4, refused={"damaged": 1})
    assert ids(store) == ["id-0", "id-1", "id-3", "id-4"]
    (letter,) = store.dead_letters(reason="damaged")
    assert b"id-3" in letter.body
    assert b"id-4" not in letter.body


def test_an_open_segment_is_read_as_far_as_it_goes(store: Store, frame: Make, ids: Ids) -> None:
    writer = store.spool("live")
    writer.put(frame(1))
    writer.flush()
    assert store.load() == Loaded(new=1)
    assert store.load() == Loaded()
    writer.put(frame(2))
    writer.flush()
    assert store.waiting().records == 1
    assert store.load() == Loaded(new=1)
    writer.close()
    assert store.load() == Loaded()
    assert segments(store.spool_folder) == []
    assert ids(store) == ["id-1", "id-2"]


def test_many_batches_in_one_run(
    store: Store, frame: Make, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader.Loader.__init__, "__kwdefaults__", {"events": 7})
    for start in (0, 20, 40):
        put(store, *(frame(n) for n in range(start, start + 20)))
    asked = count(1)
    done = store.load(stop=lambda: next(asked) > 2)
    assert done == Loaded(new=21), "stops between two batches"
    assert len(segments(store.spool_folder)) == 2
    assert store.load() == Loaded(new=39)
    assert ids(store) == sorted(f"id-{n}" for n in range(60))
    assert store.table.version() == 1 + 2 + 6


def test_repeats_in_later_batches_of_one_run(
    store: Store, frame: Make, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader.Loader.__init__, "__kwdefaults__", {"events": 4})
    put(store, *(frame(n % 5) for n in range(23)))
    assert store.load() == Loaded(new=5, known=18)
    assert ids(store) == [f"id-{n}" for n in range(5)]


@pytest.mark.parametrize("timestamp", [1_000_000_000, 2_000_000_000])
def test_a_repeat_far_from_its_first_time(
    store: Store, frame: Make, ids: Ids, timestamp: int
) -> None:
    put(store, frame(1))
    store.load()
    put(store, frame(1, timestamp=timestamp), frame(2, timestamp=timestamp))
    assert store.load() == Loaded(new=1, known=1)
    assert ids(store) == ["id-1", "id-2"]
    runs = (store.path / "ids").glob("*.run")
    assert sum(run.stat().st_size for run in runs) == 2 * 8, "the set does not grow by what it has"


def test_a_position_goes_with_its_segment(store: Store, frame: Make) -> None:
    """A loader may be killed between the end of a segment and that of its position."""
    with store.state.transaction() as db:
        db.execute("INSERT INTO segments VALUES ('0-test-1-00', 16)")
    put(store, frame(1))
    store.load()
    assert store.state.rows("SELECT name FROM segments") == []


def test_one_loader_at_a_time(store: Store, frame: Make) -> None:
    put(store, frame(1))
    with Store.open(store.path) as other, other.loader_lock() as ours:
        assert ours
        assert store.load(wait=False) == Loaded(busy=True)
        assert store.rows() == 0
    assert store.load(wait=False) == Loaded(new=1)


def test_no_room_for_the_table_keeps_the_segment(
    store: Store, frame: Make, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, frame(1))

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(table, "sync_file", full)
        with pytest.raises(StoreError, match="the disk is full"):
            store.load()
    assert store.waiting().records == 1
    assert store.state.counts() == {}
    assert store.load() == Loaded(new=1)
    assert ids(store) == ["id-1"]


CRASH = """
import os, signal, sys
from hubbub.store import Store, batch, disk, ids, loader, pending, state, tables

where, nth = sys.argv[2].rsplit(":", 1)
left = int(nth)

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def dies(owner, name, after=False):
    real = getattr(owner, name)
    def call(*args, **kwargs):
        global left
        left -= 1
        if left == 0 and not after:
            die()
        result = real(*args, **kwargs)
        if left == 0:
            die()
        return result
    setattr(owner, name, call)

{
    "before the data file": lambda: dies(tables, "to_arrow"),
    "after the data file": lambda: dies(tables.Events, "_write", after=True),
    "after the log entry": lambda: dies(tables.Events, "_sync_log"),
    "after the commit": lambda: dies(tables.Events, "append", after=True),
    "while ids are written": lambda: dies(ids, "sync_file"),
    "after the ids": lambda: dies(ids.IdIndex, "add", after=True),
    "before positions": lambda: dies(pending, "finish"),
    "after positions": lambda: dies(pending, "finish", after=True),
    "before the segment goes": lambda: dies(loader.Loader, "_delete"),
    "while segments go": lambda: dies(loader, "sync_folder"),
    "after the segment went": lambda: dies(loader.Loader, "_delete", after=True),
}[where]()
loader.Loader.__init__.__kwdefaults__["events"] = 7
Store.open(sys.argv[1]).load()
raise SystemExit("it did not die")
"""
PLACES = [
    *("before the data file", "after the data file", "after the log entry", "after the commit"),
    *("while ids are written", "after the ids", "before positions", "after positions"),
    *("before the segment goes", "while segments go", "after the segment went"),
]


@pytest.mark.parametrize(
    ("place", "nth"),
    [(p, 1) for p in PLACES] + [(p, 2) for p in ("after the data file", "while ids are written")],
)
def test_a_loader_that_is_killed_loses_and_doubles_nothing(
    store: Store, frame: Make, ids: Ids, place: str, nth: int
) -> None:
    put(store, *(frame(n) for n in range(5)))
    put(store, *(frame(n) for n in range(3, 20)), Frame("jsonl:test", frame(0).arrived, b"", b"{"))
    done = subprocess.run(
        [sys.executable, "-c", CRASH, store.path, f"{place}:{nth}"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr.decode()
    readable = ids(store)
    assert len(readable) == len(set(readable)), "a reader never sees a repeat"
    store.load()
    assert ids(store) == sorted(f"id-{n}" for n in range(20))
    assert segments(store.spool_folder) == []
    assert store.state.counts() == {"jsonl:test": {"known": 2, "new": 20, "refused:not-json": 1}}
    assert len(store.dead_letters()) == 1
    put(store, *(frame(n) for n in range(25)))
    assert store.load() == Loaded(new=5, known=20), "the ids are complete too"
    assert store.state.rows("SELECT * FROM pending") == []


def test_a_lost_state_file_only_costs_a_second_reading(store: Store, frame: Make, ids: Ids) -> None:
    writer = store.spool("live")
    for n in range(3):
        writer.put(frame(n))
    writer.flush()
    store.load()
    with store.state.transaction() as db:
        db.execute("DELETE FROM segments")
    assert store.load() == Loaded(known=3)
    writer.close()
    assert ids(store) == ["id-0", "id-1", "id-2"]
