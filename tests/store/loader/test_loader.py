"""The loader stores each message once, whatever is wrong with others and wherever it crashes."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hubbub.collector.event import Event, Frame
from hubbub.errors import StoreError
from hubbub.store import Store, Waiting
from hubbub.store.delta import data_file
from hubbub.store.loader import loader
from hubbub.store.loader.loader import Loaded
from hubbub.store.spool.folder import segments
from tests.support.stores.crash import run_and_crash
from tests.support.stores.filling import MakeFrame, ReadIds, put


def test_frames_become_events_and_segments_are_deleted(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
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


def test_a_repeat_is_known_whatever_its_time_and_batch(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    put(store, frame(1), frame(1), frame(2))
    assert store.load() == Loaded(new=2, known=1)
    put(store, frame(1), frame(2, timestamp=1_000_000_000), frame(3), frame(3, timestamp=5e8))
    assert store.load() == Loaded(new=1, known=3)
    assert ids(store) == ["id-1", "id-2", "id-3"]
    bounds = store.bounds()
    assert bounds is not None
    assert bounds[0] > 1_700_000_000_000_000, "the first time won"


def test_counts_are_kept_by_source_not_by_writer(store: Store, frame: MakeFrame) -> None:
    put(store, frame(1, source="jsonl:a"), frame(1, source="jsonl:b"), frame(2, source="jsonl:b"))
    put(store, Frame("jsonl:b", 10**15, b"", b"nonsense", 1))
    store.load()
    assert store.state.counts() == {
        "jsonl:a": {"new": 1},
        "jsonl:b": {"known": 1, "new": 1, "refused:not-json": 1},
    }


def test_poison_goes_to_the_dead_letters_and_stops_nothing(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    from hubbub.collector.people.extract import understand

    def fragile(received: Frame) -> Event:
        event = understand(received)
        if received.seq == 2:
            raise ZeroDivisionError("a fault of ours")
        if received.seq == 3:
            return Event(**{**_fields(event), "topic": "half a pair \ud800"})
        if received.seq == 4:
            return Event(**{**_fields(event), "time": -1})
        if received.seq == 5:
            return Event(**{**_fields(event), "seq": 2**63})
        return event

    bad = Frame("jsonl:test", frame(0).arrived, b"topic", b"{", 9)
    put(store, frame(1), bad, *(frame(n) for n in range(2, 7)))
    loaded = store.load(understand=fragile)
    assert loaded.new == 2
    assert loaded.refused == {"bad-time": 1, "bad-value": 2, "fault": 1, "not-json": 1}
    assert ids(store) == ["id-1", "id-6"]
    letters = {letter.seq: letter for letter in store.dead_letters()}
    assert letters[2].what == "ZeroDivisionError: a fault of ours"
    assert letters[2].body == frame(2).body
    assert (letters[9].topic, letters[9].body, letters[9].source) == (b"topic", b"{", "jsonl:test")
    assert segments(store.spool_folder) == []


def _fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_a_flipped_bit_costs_one_record_and_is_kept(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    put(store, *(frame(n) for n in range(5)))
    (segment,) = segments(store.spool_folder)
    data = bytearray(segment.path.read_bytes())
    data[data.index(b"id-2") + 3] ^= 1
    segment.path.write_bytes(data)
    assert store.load() == Loaded(new=4, refused={"damaged": 1})
    assert ids(store) == ["id-0", "id-1", "id-3", "id-4"]
    (letter,) = store.dead_letters(reason="damaged")
    assert b"id-3" in letter.body
    assert b"id-4" not in letter.body


def test_an_open_segment_is_loaded_up_to_its_end(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
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
    store: Store, frame: MakeFrame, ids: ReadIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader.Loader.__init__, "__kwdefaults__", {"events": 7})
    for start in (0, 20, 40):
        put(store, *(frame(n) for n in range(start, start + 20)))
    polls = count(1)
    loaded = store.load(stop=lambda: next(polls) > 2)
    assert loaded == Loaded(new=21), "stops between two batches"
    assert len(segments(store.spool_folder)) == 2
    assert store.load() == Loaded(new=39)
    assert ids(store) == sorted(f"id-{n}" for n in range(60))
    assert store.table.version() == 1 + 2 + 6


def test_repeats_in_later_batches_of_one_run(
    store: Store, frame: MakeFrame, ids: ReadIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader.Loader.__init__, "__kwdefaults__", {"events": 4})
    put(store, *(frame(n % 5) for n in range(23)))
    assert store.load() == Loaded(new=5, known=18)
    assert ids(store) == [f"id-{n}" for n in range(5)]


@pytest.mark.parametrize("timestamp", [1_000_000_000, 2_000_000_000])
def test_a_repeat_far_from_its_first_time(
    store: Store, frame: MakeFrame, ids: ReadIds, timestamp: int
) -> None:
    put(store, frame(1))
    store.load()
    put(store, frame(1, timestamp=timestamp), frame(2, timestamp=timestamp))
    assert store.load() == Loaded(new=1, known=1)
    assert ids(store) == ["id-1", "id-2"]
    runs = (store.path / "ids").glob("*.run")
    assert sum(run.stat().st_size for run in runs) == 2 * 8, "known ids are not added again"


def test_a_position_is_deleted_with_its_segment(store: Store, frame: MakeFrame) -> None:
    """A loader may be killed between the deletion of a segment and that of its position."""
    with store.state.transaction() as db:
        db.execute("INSERT INTO segments VALUES ('0-test-1-00', 16)")
    put(store, frame(1))
    store.load()
    assert store.state.rows("SELECT name FROM segments") == []


def test_one_loader_at_a_time(store: Store, frame: MakeFrame) -> None:
    put(store, frame(1))
    with Store.open(store.path) as other, other.loader_lock() as acquired:
        assert acquired
        assert store.load(wait=False) == Loaded(busy=True)
        assert store.rows() == 0
    assert store.load(wait=False) == Loaded(new=1)


def test_no_room_for_the_table_keeps_the_segment(
    store: Store, frame: MakeFrame, ids: ReadIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, frame(1))

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(data_file, "sync_file", full)
        with pytest.raises(StoreError, match="the disk is full"):
            store.load()
    assert store.waiting().records == 1
    assert store.state.counts() == {}
    assert store.load() == Loaded(new=1)
    assert ids(store) == ["id-1"]


CRASH = """
import sys
from hubbub.store import Store
from hubbub.store.loader import loader, recovery
from hubbub.store.tables import event_rows, events, id_index
from tests.support.stores.crash import kill_at

where, nth = sys.argv[2], int(sys.argv[3])

def dies(owner, name, after=False):
    kill_at(owner, name, after=after, nth=nth)

{
    "before the data file": lambda: dies(event_rows, "to_arrow"),
    "after the data file": lambda: dies(events.Events, "_write", after=True),
    "after the log entry": lambda: dies(events.Events, "_sync_log"),
    "after the commit": lambda: dies(events.Events, "append", after=True),
    "while ids are written": lambda: dies(id_index, "sync_file"),
    "after the ids": lambda: dies(id_index.IdIndex, "add", after=True),
    "before positions": lambda: dies(recovery, "finish"),
    "after positions": lambda: dies(recovery, "finish", after=True),
    "before segments are deleted": lambda: dies(loader.Loader, "_delete"),
    "while segments are deleted": lambda: dies(loader, "sync_folder"),
    "after segments are deleted": lambda: dies(loader.Loader, "_delete", after=True),
}[where]()
loader.Loader.__init__.__kwdefaults__["events"] = 7
Store.open(sys.argv[1]).load()
raise SystemExit("it did not die")
"""
PLACES = [
    *("before the data file", "after the data file", "after the log entry", "after the commit"),
    *("while ids are written", "after the ids", "before positions", "after positions"),
    *("before segments are deleted", "while segments are deleted", "after segments are deleted"),
]


@pytest.mark.parametrize(
    ("place", "nth"),
    [(p, 1) for p in PLACES] + [(p, 2) for p in ("after the data file", "while ids are written")],
)
def test_a_loader_that_is_killed_neither_loses_nor_duplicates_messages(
    store: Store, frame: MakeFrame, ids: ReadIds, place: str, nth: int
) -> None:
    put(store, *(frame(n) for n in range(5)))
    put(store, *(frame(n) for n in range(3, 20)), Frame("jsonl:test", frame(0).arrived, b"", b"{"))
    run_and_crash(CRASH, store.path, place, nth)
    readable = ids(store)
    assert len(readable) == len(set(readable)), "a reader never sees a repeat"
    store.load()
    assert ids(store) == sorted(f"id-{n}" for n in range(20))
    assert segments(store.spool_folder) == []
    assert store.state.counts() == {"jsonl:test": {"known": 2, "new": 20, "refused:not-json": 1}}
    assert len(store.dead_letters()) == 1
    put(store, *(frame(n) for n in range(25)))
    assert store.load() == Loaded(new=5, known=20), "the id index is complete, too"
    assert store.state.rows("SELECT * FROM pending") == []


def test_lost_positions_cost_only_a_second_reading(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
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
