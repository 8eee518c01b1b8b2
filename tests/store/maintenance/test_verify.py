"""Verification: all kinds of damage are detected, derived data is rebuilt, no event is lost."""

from collections.abc import Callable
from dataclasses import dataclass, replace
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
from hubbub.store.maintenance import uniqueness
from hubbub.store.maintenance.checks import check_file
from hubbub.store.maintenance.compaction import compact
from hubbub.store.maintenance.verify import Report, verify
from hubbub.store.rollups import refresh
from hubbub.store.spool.folder import segments
from hubbub.store.tables.id_index import Hashes, hashes
from tests.support.stores.filling import MakeFrame, ReadIds, put


@pytest.fixture
def full(store: Store, frame: MakeFrame) -> Store:
    """A store with events, bodies, a dead letter and spans of coverage."""
    for n in range(3):
        put(store, *(frame(i) for i in range(20 * n, 20 * n + 20)), bodies=True, load=True)
    put(store, Frame("jsonl:test", frame(0).arrived, b"", b"{"), frame(3), bodies=True, load=True)
    store.state.span("history:x", "", 100, 200, "complete", "5 of 5")
    store.state.span("history:x", "", 300, 400, "gap", "")
    store.state.span("history:x", "user=bob", 100, 400, "complete", "1 of 1")
    return store


def faults(report: Report) -> list[tuple[str, str]]:
    return [(fault.part, fault.what) for fault in report.faults]


def test_a_pending_batch_of_a_killed_loader_is_no_fault(
    full: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events are in the table and its counts pending, as the next loader expects."""

    body = b'{"i": 7, "msg": {}, "msg_id": "2026-x", "timestamp": 1772359200, "topic": "a"}'
    received = Frame("zmq:tcp://bus", 1_772_359_200_000_000, b"a", body)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as m:
        m.setattr(recovery, "finish", die)
        with pytest.raises(KeyboardInterrupt):
            put(full, received, bodies=True, load=True)
    assert full.state.rows("SELECT count(*) FROM pending") == [(1,)]
    report = verify(full)
    assert report.clean, report.faults
    assert report.checked["minutes"] == 1
    assert report.checked["spool:records"] == 0
    assert full.load() == Loaded()


def test_a_good_store_is_clean(full: Store, frame: MakeFrame) -> None:
    put(full, frame(99), bodies=True)
    report = verify(full)
    assert report.clean, report.faults
    assert report.checked == {
        "dead-letters": 1, "spans": 3, "spool:records": 1, "events:files": 3, "events:rows": 60,
        "bodies:files": 3, "bodies:rows": 60, "ids": 60, "ids:spare": 0, "minutes": 0,
        "hourly_users:rows": 2, "daily_users:rows": 2, "weekly_users:rows": 2,
        "daily_topics:rows": 1, "actions:rows": 6, "monthly_touches:rows": 6,
        "monthly_users:rows": 2, "monthly_objects:rows": 3,
    }  # fmt: skip
    full.load()
    compact(full)
    assert verify(full).checked["events:rows"] == 61


def test_an_empty_store_is_clean(store: Store) -> None:
    assert verify(store).clean


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("table", ["events", "bodies"])
def test_a_flipped_bit_in_a_page_is_detected(full: Store, table: str, quick: bool) -> None:
    path = Path((full.table if table == "events" else full.bodies).files()[1].uri)
    column = pq.ParquetFile(path).metadata.row_group(0).column(0 if table == "events" else 2)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 2] ^= 4
    path.write_bytes(data)
    report = verify(full, repair=True, quick=quick)
    assert [f.part for f in report.faults] == [table]
    assert ("does not match its checksum" if quick else "cannot be read") in report.faults[0].what
    assert report.faults[0].where == str(path)


@pytest.mark.parametrize("quick", [False, True])
def test_a_missing_a_truncated_and_a_swapped_file(full: Store, quick: bool) -> None:
    deleted, cut, other = (Path(f.uri) for f in full.table.files())
    data = deleted.read_bytes()
    deleted.unlink()
    cut.write_bytes(cut.read_bytes()[:-7])
    report = verify(full, quick=quick)
    assert len(report.faults) == 2
    assert "No such file" in report.faults[0].what
    assert f"has {cut.stat().st_size:,}" in report.faults[1].what
    deleted.write_bytes(data)
    other.write_bytes(data)
    assert len(verify(full, quick=quick).faults) >= 1


def test_a_quick_check_covers_all_tables(full: Store) -> None:
    refresh.catch_up(full)
    report = verify(full, quick=True)
    assert report.clean
    assert report.checked["events:rows"] == 60
    assert "ids" not in report.checked
    for rollup in full.rollups:
        assert report.checked[f"{rollup.name}:files"] == 1
        Path(rollup.files()[0].uri).unlink()
    found = verify(full, quick=True).faults
    assert [fault.part for fault in found] == [rollup.name for rollup in full.rollups]
    assert all("--repair" in fault.hint for fault in found)


def test_a_quick_check_compares_files_with_the_log(full: Store) -> None:
    """Files of the right size, with other rows or columns."""
    old = full.table.files()[0]
    rows = pq.read_table(old.uri, partitioning=None)
    for wrong in (rows.slice(1), rows.drop_columns(["seq"]), rows):  # the last without checksums
        pq.write_table(wrong, old.uri, compression="none")
        size = Path(old.uri).stat().st_size
        file = replace(old, bytes=size)
        assert len(list(check_file(full.table, file, lambda _: None, quick=True))) == 1


def _replaced(store: Store, change: Callable[[Any], Any]) -> None:
    """Replace the first file of events by one with other rows, without the loader."""
    old = store.table.files()[0]
    rows = pq.ParquetFile(old.uri).read(columns=store.table.schema.names).cast(store.table.schema)
    new = data_file.DataFileWriter(store.table, "2026-01", "other")
    new.write(change(rows))
    store.table.replace([old], [new.close()], data_change=False)


def test_rows_out_of_order(full: Store) -> None:
    _replaced(full, lambda rows: rows.take(list(reversed(range(rows.num_rows)))))
    assert faults(verify(full)) == [("events", "its rows are not sorted by time")]


def test_ids_that_occur_twice_are_named(full: Store) -> None:
    _replaced(full, lambda rows: rows.take([0, 0, *range(1, rows.num_rows)]))
    assert faults(verify(full, repair=True)) == [("events", "the id 'id-0' occurs twice")]
    assert full.rows() == 61, "no event is changed"


def test_bodies_that_occur_twice(full: Store) -> None:
    file = full.bodies.files()[0]
    rows = pq.ParquetFile(file.uri).read(columns=full.bodies.schema.names)
    full.bodies.append_rows([("2026-01", rows.cast(full.bodies.schema))], full.bodies.batch() + 1)
    with full.state.transaction():
        assert faults(verify(full)) == [("bodies", "20 bodies occur twice")]


def test_an_incomplete_id_index_is_rebuilt(full: Store, frame: MakeFrame, ids: ReadIds) -> None:
    # a run that claims to be complete and is not
    for run in (full.path / "ids").iterdir():
        run.unlink()
    (full.path / "ids" / f"0-{full.table.version()}-1-00000000.run").write_bytes(
        hashes(["id-7"]).tobytes()
    )
    assert faults(verify(full)) == [("ids", "59 ids of the table are not in the id index")]
    report = verify(full, repair=True)
    assert report.clean
    assert [f.part for f in report.repaired] == ["ids"]
    put(full, *(frame(n) for n in range(61)), bodies=True)
    assert full.load() == Loaded(new=1, known=60)
    assert len(ids(full)) == len(set(ids(full))) == 61


@pytest.mark.parametrize("which", [0, 1, 2, 3, 4])
def test_rollups_that_do_not_match_the_events_are_rebuilt(full: Store, which: int) -> None:
    refresh.catch_up(full)
    rollup = full.rollups[which]
    rows = pq.read_table(rollup.files()[0].uri, partitioning=None).select(rollup.schema.names)
    rollup.append_rows([("2026-01", rows.cast(rollup.schema))], rollup.batch() + 1)
    rollup.replace([], [], full.table.version())
    report = verify(full)
    source = "daily_users" if rollup.name == "weekly_users" else "events"
    assert faults(report) == [(rollup.name, f"its sums of 2026-01 do not match {source}")]
    report = verify(full, repair=True)
    assert report.clean
    assert [f.part for f in report.repaired] == [rollup.name]
    assert verify(full).clean


def test_a_damaged_rollup_is_rebuilt(full: Store) -> None:
    refresh.catch_up(full)
    file = Path(full.rollups[1].files()[0].uri)
    file.write_bytes(file.read_bytes()[:-3])
    assert [f.part for f in verify(full).faults] == ["daily_users"]
    assert verify(full, repair=True).clean
    assert verify(full).clean


def test_a_ledger_with_invalid_spans_is_repaired(full: Store) -> None:
    with full.state.transaction() as db:
        db.execute("INSERT INTO spans VALUES ('history:x', '', 150, 350, 'complete', '9 of 9', 1)")
        db.execute("INSERT INTO spans VALUES ('history:y', '', 9, 9, 'complete', '', 1)")
        db.execute("INSERT INTO spans VALUES ('history:z', '', 1, 9, 'perfect', '', 1)")
    report = verify(full)
    assert {f.part for f in report.faults} == {"ledger"}
    assert len(report.faults) == 4
    report = verify(full, repair=True)
    assert report.clean
    assert len(report.repaired) == 4
    assert verify(full).clean
    assert [(s.start, s.end, s.state) for s in full.spans() if not s.filters] == [
        (100, 200, "complete"), (200, 300, "complete"), (300, 400, "gap"),
    ]  # fmt: skip


def test_a_damaged_segment_and_a_shortened_one(full: Store, frame: MakeFrame) -> None:
    put(full, *(frame(n) for n in range(90, 95)), bodies=True)
    (waiting,) = segments(full.spool_folder)
    data = bytearray(waiting.path.read_bytes())
    data[data.index(b"id-92") + 3] ^= 1
    waiting.path.write_bytes(data)
    report = verify(full)
    assert [f.part for f in report.faults] == ["spool"]
    assert "checksum" in report.faults[0].what
    with full.state.transaction() as db:
        db.execute("INSERT INTO segments VALUES (?, ?)", (waiting.name, len(data) + 1))
    assert "it has fewer" in verify(full).faults[0].what


def test_a_dead_letter_with_a_wrong_size(full: Store) -> None:
    with full.state.transaction() as db:
        db.execute("UPDATE dead_letters SET size = size + 1")
    assert [f.part for f in verify(full).faults] == ["dead-letters"]


@dataclass
class Sorted:
    """Hashes as of a file."""

    data: Hashes

    def release(self) -> None:
        """They are in memory."""


def test_comparing_in_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"n{i}" for i in range(5000)]
    files = [Sorted(np.sort(hashes(part))) for part in (names[:100], names[100:], names[:3])]
    index = [Sorted(np.sort(hashes(part))) for part in (names[:3000], [*names[2000:4990], "other"])]
    for ranges in (1, 2, 64):
        monkeypatch.setattr(uniqueness, "RANGES", ranges)
        report = uniqueness.compare(files, index)
        assert (report.ids, report.unknown, report.spare) == (5003, 10, 1)
        assert sorted(report.doubled) == sorted(hashes(names[:3]).tolist())
