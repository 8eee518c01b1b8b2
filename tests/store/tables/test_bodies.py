"""Bodies are stored on request only, byte for byte, and once like their events."""

import pyarrow.parquet as pq
import pytest

from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.loader import loader
from hubbub.store.loader.loader import Loaded
from hubbub.store.tables import event_rows
from tests.support.stores.crash import run_and_crash
from tests.support.stores.filling import MakeFrame, put


def stored(store: Store) -> list[tuple[str, bytes | None]]:
    files = store.bodies.files()
    rows = [row for f in files for row in pq.ParquetFile(f.uri).read().to_pylist()]
    return sorted((row["id"], row["body"]) for row in rows)


def test_bodies_are_stored_on_request_and_byte_for_byte(store: Store, frame: MakeFrame) -> None:
    put(store, frame(1))
    assert store.load() == Loaded(new=1)
    assert not store.bodies.exists()
    put(store, frame(2), frame(1), frame(2, topic="x"), bodies=True)
    put(store, frame(3), load=True)
    assert stored(store) == [("id-2", frame(2).body)], "of new events only, the first of each"
    assert store.bodies.find(["id-2", "id-3"]) == {"id-2": frame(2).body}
    (file,) = store.bodies.files()
    (event,) = (f for f in store.table.files() if f.rows == 2)
    assert file.first == event.first


def test_the_order_survives_an_unsealed_segment(store: Store, frame: MakeFrame) -> None:
    writer = store.spool("live", bodies=True)
    writer.put(frame(1))
    writer.flush()
    store.load()
    writer.put(frame(2))
    writer.close()
    store.load()
    assert [id_ for id_, _ in stored(store)] == ["id-1", "id-2"]


def test_statistics_hold_no_id_and_no_body(store: Store, frame: MakeFrame) -> None:
    put(store, frame(1), bodies=True, load=True)
    metadata = pq.ParquetFile(store.bodies.files()[0].uri).metadata
    columns = [metadata.row_group(0).column(i) for i in range(metadata.num_columns)]
    assert [c.path_in_schema for c in columns if c.is_stats_set] == ["time"]


def test_large_bodies_end_a_batch(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "HELD", 3000)
    put(store, *(frame(n, note="x" * 1000) for n in range(7)), bodies=True, load=True)
    assert store.table.batch() == 3, "memory is bounded by bytes, not by messages"
    assert len(stored(store)) == 7


def test_events_that_cannot_be_written_leave_no_body_behind(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, frame(1), bodies=True, load=True)
    put(store, frame(2), frame(3), bodies=True)
    with monkeypatch.context() as m:
        m.setattr(event_rows, "to_arrow", lambda _: (_ for _ in ()).throw(OSError(28, "No space")))
        with pytest.raises(StoreError):
            store.load()
    # the batch was tried again in parts, of which the first failed in the same way
    assert [id_ for id_, _ in stored(store)] == ["id-1", "id-2"], "bodies come first"
    assert store.load() == Loaded(new=2)
    assert [id_ for id_, _ in stored(store)] == ["id-1", "id-2", "id-3"]


CRASH = """
import os, signal, sys
from hubbub.store import Store
from hubbub.store.loader import recovery
from hubbub.store.tables import bodies, events

def dies(owner, name, after):
    real = getattr(owner, name)
    def call(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, call)

owner, name, after = sys.argv[2:]
owners = {"bodies": bodies.Bodies, "events": events.Events, "recovery": recovery}
dies(owners[owner], name, after == "after")
Store.open(sys.argv[1]).load()
raise SystemExit("it did not die")
"""


@pytest.mark.parametrize(
    ("owner", "name", "when"),
    [
        ("bodies", "append", "before"),
        ("bodies", "append", "after"),
        ("events", "append", "before"),
        ("events", "append", "after"),
        ("recovery", "finish", "before"),
        ("recovery", "finish", "after"),
    ],
)
def test_a_killed_loader_neither_repeats_nor_loses_bodies(
    store: Store, frame: MakeFrame, owner: str, name: str, when: str
) -> None:
    put(store, frame(0), bodies=True, load=True)
    put(store, *(frame(n) for n in range(1, 9)), bodies=True)
    run_and_crash(CRASH, store.path, owner, name, when)
    put(store, frame(9), bodies=True, load=True)  # the next batch is not the one that died
    assert stored(store) == sorted((f"id-{n}", frame(n).body) for n in range(10))
    assert store.rows() == 10
    assert store.bodies.batch() <= store.table.batch()
