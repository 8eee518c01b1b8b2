"""Verification: every kind of damage is found, what is derived is built again, no event is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from hubbub.collector.event import Frame
from hubbub.store import Store
from hubbub.store.delta import data_file
from hubbub.store.loader import recovery
from hubbub.store.loader.loader import Loaded
from hubbub.store.maintenance import checks
from hubbub.store.maintenance.checks import compare
from hubbub.store.maintenance.compaction import compact
from hubbub.store.maintenance.verify import Report, verify
from hubbub.store.rollups import refresh
from hubbub.store.spool.folder import segments
from hubbub.store.tables.id_index import hashes

Make = Callable[..., Any]
Ids = Callable[[Store], list[str]]


@pytest.fixture
def full(store: Store, frame: Make) -> Store:
    """A store with some of everything."""
    for n in range(3):
        put(store, *(frame(i) for i in range(20 * n, 20 * n + 20)))
    put(store, Frame("jsonl:test", frame(0).arrived, b"", b"{"), frame(3))
    store.state.span("history:x", "", 100, 200, "complete", "5 of 5")
    store.state.span("history:x", "", 300, 400, "gap", "")
    store.state.span("history:x", "user=bob", 100, 400, "complete", "1 of 1")
    return store


def put(store: Store, *frames: Frame, bodies: bool = True, load: bool = True) -> None:
    with store.spool("test", bodies=bodies) as writer:
        for frame in frames:
            writer.put(frame)
    if load:
        store.load()


def said(report: Report) -> list[tuple[str, str]]:
    return [(one.part, one.what) for one in report.faults]


def test_what_a_loader_died_over_is_no_fault(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events are in the table, and its counts are only noted: as the next loader reads it."""

    body = b'{"i": 7, "msg": {}, "msg_id": "2026-x", "timestamp": 1772359200, "topic": "a"}'
    heard = Frame("zmq:tcp://bus", 1_772_359_200_000_000, b"a", body)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as m:
        m.setattr(recovery, "finish", die)
        with pytest.raises(KeyboardInterrupt):
            put(full, heard)
    assert full.state.rows("SELECT count(*) FROM pending") == [(1,)]
    done = verify(full)
    assert done.clean, done.faults
    assert done.checked["minutes"] == 1
    assert done.checked["spool:records"] == 0
    assert full.load() == Loaded()


def test_a_good_store_is_clean(full: Store, frame: Make) -> None:
    put(full, frame(99), load=False)
    done = verify(full)
    assert done.clean, done.faults
    assert done.checked == {
        "dead-letters": 1, "spans": 3, "spool:records": 1, "events:files": 3, "events:rows": 60,
        "bodies:files": 3, "bodies:rows": 60, "ids": 60, "ids:spare": 0, "minutes": 0,
        "hourly_users:rows": 2, "daily_users:rows": 2, "weekly_users:rows": 2,
        "daily_topics:rows": 1,
    }  # fmt: skip
    full.load()
    compact(full)
    assert verify(full).checked["events:rows"] == 61


def test_an_empty_store_is_clean(store: Store) -> None:
    assert verify(store).clean


@pytest.mark.parametrize("table", ["events", "bodies"])
def test_a_flipped_bit_in_any_page_is_found(full: Store, table: str) -> None:
    one = Path((full.table if table == "events" else full.bodies).files()[1].uri)
    column = pq.ParquetFile(one).metadata.row_group(0).column(0 if table == "events" else 2)
    data = bytearray(one.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 2] ^= 4
    one.write_bytes(data)
    done = verify(full, repair=True)
    assert [f.part for f in done.faults] == [table]
    assert "cannot be read" in done.faults[0].what
    assert done.faults[0].where == str(one)


def test_a_file_that_is_gone_or_cut_or_another(full: Store) -> None:
    gone, cut, other = (Path(f.uri) for f in full.table.files())
    data = gone.read_bytes()
    gone.unlink()
    cut.write_bytes(cut.read_bytes()[:-7])
    done = verify(full)
    assert len(done.faults) == 2
    assert "No such file" in done.faults[0].what
    assert f"has {cut.stat().st_size:,}" in done.faults[1].what
    gone.write_bytes(data)
    other.write_bytes(data)
    assert len(verify(full).faults) >= 1


def _replaced(store: Store, change: Callable[[Any], Any]) -> None:
    """The first file of events, with other rows, committed behind the loader's back."""
    old = store.table.files()[0]
    rows = pq.ParquetFile(old.uri).read(columns=store.table.schema.names).cast(store.table.schema)
    new = data_file.DataFileWriter(store.table, "2026-01", "other")
    new.write(change(rows))
    store.table.replace([old], [new.close()], data_change=False)


def test_rows_out_of_order(full: Store) -> None:
    _replaced(full, lambda rows: rows.take(list(reversed(range(rows.num_rows)))))
    assert said(verify(full)) == [("events", "its rows are not sorted by time")]


def test_ids_that_are_there_twice_are_named(full: Store) -> None:
    _replaced(full, lambda rows: rows.take([0, 0, *range(1, rows.num_rows)]))
    assert said(verify(full, repair=True)) == [("events", "the id 'id-0' is there twice")]
    assert full.rows() == 61, "no event is touched"


def test_bodies_that_are_there_twice(full: Store) -> None:
    file = full.bodies.files()[0]
    rows = pq.ParquetFile(file.uri).read(columns=full.bodies.schema.names)
    full.bodies.append_rows([("2026-01", rows.cast(full.bodies.schema))], full.bodies.batch() + 1)
    with full.state.transaction():
        assert said(verify(full)) == [("bodies", "20 bodies are there twice")]


def test_a_set_of_ids_that_lacks_some_is_built_again(full: Store, frame: Make, ids: Ids) -> None:
    # a run that says that it holds everything, and does not
    for run in (full.path / "ids").iterdir():
        run.unlink()
    (full.path / "ids" / f"0-{full.table.version()}-1-00000000.run").write_bytes(
        hashes(["id-7"]).tobytes()
    )
    assert said(verify(full)) == [("ids", "59 ids of the table are not in the set of ids")]
    done = verify(full, repair=True)
    assert done.clean
    assert [f.part for f in done.repaired] == ["ids"]
    put(full, *(frame(n) for n in range(61)), load=False)
    assert full.load() == Loaded(new=1, known=60)
    assert len(ids(full)) == len(set(ids(full))) == 61


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_rollups_that_say_something_else_are_counted_again(full: Store, which: int) -> None:
    refresh.catch_up(full)
    one = full.rollups[which]
    rows = pq.read_table(one.files()[0].uri, partitioning=None).select(one.schema.names)
    one.append_rows([("2026-01", rows.cast(one.schema))], one.batch() + 1)
    one.replace([], [], full.table.version())
    done = verify(full)
    of = "daily_users" if one.name == "weekly_users" else "events"
    assert said(done) == [(one.name, f"its sums of 2026-01 are not those of {of}")]
    done = verify(full, repair=True)
    assert done.clean
    assert [f.part for f in done.repaired] == [one.name]
    assert verify(full).clean


def test_a_damaged_rollup_is_counted_again(full: Store) -> None:
    refresh.catch_up(full)
    file = Path(full.rollups[1].files()[0].uri)
    file.write_bytes(file.read_bytes()[:-3])
    assert [f.part for f in verify(full).faults] == ["daily_users"]
    assert verify(full, repair=True).clean
    assert verify(full).clean


def test_a_ledger_that_overlaps_is_put_in_order(full: Store) -> None:
    with full.state.transaction() as db:
        db.execute("INSERT INTO spans VALUES ('history:x', '', 150, 350, 'complete', '9 of 9', 1)")
        db.execute("INSERT INTO spans VALUES ('history:y', '', 9, 9, 'complete', '', 1)")
        db.execute("INSERT INTO spans VALUES ('history:z', '', 1, 9, 'perfect', '', 1)")
    done = verify(full)
    assert {f.part for f in done.faults} == {"ledger"}
    assert len(done.faults) == 4
    done = verify(full, repair=True)
    assert done.clean
    assert len(done.repaired) == 4
    assert verify(full).clean
    assert [(s.start, s.end, s.state) for s in full.spans() if not s.filters] == [
        (100, 200, "complete"), (200, 300, "complete"), (300, 400, "gap"),
    ]  # fmt: skip


def test_a_damaged_segment_and_a_shortened_one(full: Store, frame: Make) -> None:
    put(full, *(frame(n) for n in range(90, 95)), load=False)
    (one,) = segments(full.spool_folder)
    data = bytearray(one.path.read_bytes())
    data[data.index(b"id-92") + 3] ^= 1
    one.path.write_bytes(data)
    done = verify(full)
    assert [f.part for f in done.faults] == ["spool"]
    assert "checksum" in done.faults[0].what
    with full.state.transaction() as db:
        db.execute("INSERT INTO segments VALUES (?, ?)", (one.name, len(data) + 1))
    assert "it has fewer" in verify(full).faults[0].what


def test_a_letter_that_is_not_what_it_says(full: Store) -> None:
    with full.state.transaction() as db:
        db.execute("UPDATE dead_letters SET size = size + 1")
    assert [f.part for f in verify(full).faults] == ["dead-letters"]


def test_comparing_in_buckets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"n{i}" for i in range(5000)]
    runs = [np.sort(hashes(names[:3000])), np.sort(hashes([*names[2000:4990], "other"]))]
    for buckets in (1, 2, 16):
        monkeypatch.setattr(checks, "BUCKETS", buckets)
        done = compare([names[:100], names[100:], names[:3]], tmp_path, runs)
        assert (done.ids, done.unknown, done.spare) == (5003, 10, 1)
        assert sorted(done.doubled) == sorted(hashes(names[:3]).tolist())
    assert list(tmp_path.iterdir()) == []
