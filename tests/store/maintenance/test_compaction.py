"""Compaction: the same rows in fewer files, also after a kill, and unnoticed by readers."""

import json
import os
import time
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubbub.collector.event import Event, Frame
from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta import data_file, merge
from hubbub.store.delta.merge import merge_files, row_groups
from hubbub.store.loader.loader import Loaded
from hubbub.store.maintenance import compaction
from hubbub.store.tables.bodies import Body
from hubbub.store.tables.event_rows import to_arrow
from hubbub.store.tables.events import Events
from tests.support.examples import examples
from tests.support.stores.crash import run_and_crash
from tests.support.stores.filling import MakeFrame, ReadIds, put

DAY = 86_400_000_000


def all_rows(table: Events) -> list[str]:
    rows = [pq.ParquetFile(f.uri).read(columns=table.schema.names) for f in table.files()]
    return sorted(map(repr, pa.concat_tables(rows).to_pylist()))


def test_many_files_become_one_with_the_same_rows(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    for n in (3, 0, 2, 1):
        put(store, *(frame(i) for i in range(10 * n, 10 * n + 12)), bodies=True, load=True)
    before, batch = all_rows(store.table), store.table.batch()
    assert len(store.table.files()) == 4
    done = compaction.compact(store)
    assert (done.files, done.into, done.rows) == (8, 2, 84), "events and bodies"
    (merged_file,) = store.table.files()
    assert all_rows(store.table) == before
    rows = pq.read_table(merged_file.uri, partitioning=None)
    assert rows["seq"].to_pylist() == sorted(rows["seq"].to_pylist())
    assert (merged_file.rows, store.table.batch()) == (42, batch)
    times = rows["time"].cast("int64").to_pylist()
    assert (merged_file.first, merged_file.last) == (times[0], times[-1])
    assert store.bodies.find(["id-7", "id-41"]) == {"id-7": frame(7).body, "id-41": frame(41).body}
    version = store.table.version()
    assert compaction.compact(store) == compaction.Compacted()
    assert store.table.version() == version, "without work there is no commit"
    put(store, *(frame(i) for i in range(50)), load=True)
    assert len(ids(store)) == 50, "the id index has the compacted rows"


def test_the_log_states_that_no_data_changed(store: Store, frame: MakeFrame) -> None:
    for n in range(3):
        put(store, frame(n), load=True)
    runs = len(list((store.path / "ids").iterdir()))
    compaction.compact(store)
    entry = store.table.log / f"{store.table.version():020d}.json"
    actions = [json.loads(line) for line in entry.read_text().splitlines()]
    changes = [a[k]["dataChange"] for a in actions for k in ("add", "remove") if k in a]
    assert changes == [False] * 4
    assert store.table.added(1, store.table.version()) == [
        str(p) for p in sorted(store.table.folder.rglob("*.parquet"))
        if str(p) != store.table.files()[0].uri
    ]  # fmt: skip
    assert sum(p.stat().st_size for p in (store.path / "ids").iterdir()) == 3 * 8
    assert len(list((store.path / "ids").iterdir())) <= runs + 1


def test_a_crash_before_the_id_index_is_updated_repeats_no_hash(
    store: Store, frame: MakeFrame
) -> None:
    for n in range(3):
        put(store, frame(n), load=True)
    compaction.fold(store.table, store.table.files())
    put(store, frame(3), frame(0), load=True)
    assert store.rows() == 4
    assert sum(p.stat().st_size for p in (store.path / "ids").iterdir()) == 4 * 8


def test_months_are_not_mixed_and_names_stay_out_of_statistics(
    store: Store, frame: MakeFrame
) -> None:
    for n in range(4):
        put(store, frame(n), frame(100 + n, timestamp=1_768_435_200 + 86_400 * 40), load=True)
    compaction.compact(store)
    files = store.table.files()
    assert [Path(f.uri).parent.name for f in files] == ["month=2026-01", "month=2026-02"]
    assert [f.rows for f in files] == [4, 4]
    metadata = pq.ParquetFile(files[0].uri).metadata.row_group(0)
    columns = [metadata.column(i) for i in range(metadata.num_columns)]
    assert [c.path_in_schema for c in columns if c.is_stats_set] == ["time"]


def test_old_files_and_entries_are_deleted_after_the_grace(
    store: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    for n in range(5):
        put(store, frame(n), load=True)
    lazy = store.events().select("id")
    old = [Path(f.uri) for f in store.table.files()]
    compaction.compact(store)
    assert all(p.exists() for p in old)
    assert lazy.count().to_pyarrow().as_py() == 5, "running queries can finish"
    late = time.time() - compaction.GRACE - 1
    for path in (*old, *store.table.log.iterdir()):
        os.utime(path, (late, late))
    with store.loader_lock():
        assert compaction.clean(store) == 5
    assert not any(p.exists() for p in old)
    assert len(ids(store)) == 5
    put(store, *(frame(n) for n in range(7)), load=True)
    assert len(ids(store)) == 7


def test_the_log_is_trimmed_up_to_an_old_checkpoint(
    store: Store, frame: MakeFrame, ids: ReadIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "ENTRIES", 3)
    for n in range(6):
        put(store, frame(n), load=True)
    assert compaction.trim_log(store.table) == 0, "too young"
    assert (store.table.log / f"{6:020d}.checkpoint.parquet").exists()
    late = time.time() - compaction.GRACE - 1
    for path in store.table.log.iterdir():
        os.utime(path, (late, late))
    put(store, frame(6), load=True)
    assert compaction.trim_log(store.table) == 6
    left = sorted(p.name for p in store.table.log.glob("0*"))
    assert left == [f"{6:020d}.checkpoint.parquet", f"{6:020d}.json", f"{7:020d}.json"]
    assert len(ids(store)) == 7
    assert store.table.batch() == 7
    put(store, *(frame(n) for n in range(9)), load=True)
    assert len(ids(store)) == 9


def test_a_stop_changes_nothing(store: Store, frame: MakeFrame) -> None:
    for n in range(3):
        put(store, frame(n), load=True)
    before = sorted(store.table.folder.rglob("*"))
    assert compaction.fold(store.table, store.table.files(), lambda: True) is None
    assert sorted(store.table.folder.rglob("*")) == before


def test_no_room_and_damage_change_nothing(
    store: Store, frame: MakeFrame, monkeypatch: pytest.MonkeyPatch, ids: ReadIds
) -> None:
    for n in range(3):
        put(store, *(frame(i) for i in range(50 * n, 50 * n + 50)), load=True)
    before = sorted(store.table.folder.rglob("*.parquet"))

    def full(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as m:
        m.setattr(data_file, "sync_file", full)
        with pytest.raises(StoreError, match="the disk is full"):
            compaction.compact(store)
    assert sorted(store.table.folder.rglob("*.parquet")) == before
    assert len(ids(store)) == 150
    bad = Path(store.table.files()[1].uri)
    bad.write_bytes(bad.read_bytes()[:-40])
    with pytest.raises(StoreError, match="cannot compact events"):
        compaction.compact(store)
    assert sorted(store.table.folder.rglob("*.parquet")) == before


def file(uri: str, size: int, first: int = 0) -> data_file.File:
    return data_file.File(uri, 1, size, first, first)


def test_the_plan(tmp_path: Path) -> None:
    def many(n: int, size: int, month: str = "month=2026-01") -> list[data_file.File]:
        (tmp_path / month).mkdir(exist_ok=True)
        paths = [tmp_path / month / f"{size}-{i}" for i in range(n)]
        for path in paths:
            path.touch()
        return [file(str(p), size, i) for i, p in enumerate(paths)]

    kilo, mega = 1 << 10, 1 << 20
    assert compaction.plan(many(15, kilo) + many(15, mega), whole=False) == []
    assert compaction.plan(many(16, kilo) + many(15, mega), whole=False) == many(16, kilo)
    assert compaction.plan(many(8, kilo) + many(8, kilo, "month=2026-02"), whole=False) == []
    assert len(compaction.plan(many(2, kilo), whole=False, now=time.time() + 90_000)) == 2
    assert len(compaction.plan(many(2, kilo), whole=True)) == 2
    assert compaction.plan(many(1, kilo) + many(9, 70 * mega), whole=True) == []
    assert len(compaction.plan(many(40, 10 * mega), whole=True)) == 12, "a step is bounded"


@settings(max_examples=examples(60))
@given(st.lists(st.lists(st.integers(0, 12), max_size=9), min_size=1, max_size=6),
       st.integers(1, 4))  # fmt: skip
def test_merging_is_sorting(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[int]], rows: int
) -> None:
    table = Events(tmp_path_factory.mktemp("merge") / "events")
    n = 0
    for batch, times in enumerate(filter(None, parts), 1):
        table.append([_event(n := n + 1, t) for t in times], batch)
    sorted_parts = list(merge_files(table, table.files(), rows=rows))
    got = [(r["time"], r["seq"]) for part in sorted_parts for r in part.to_pylist()]
    assert got == sorted(got)
    assert len({seq for _, seq in got}) == len(got) == n
    edges = [(p["time"][0].as_py(), p["time"][-1].as_py()) for p in sorted_parts]
    assert all(a[1] < b[0] for a, b in pairwise(edges)), "rows of equal time are in one part"


def _event(n: int, at: int) -> Event:
    return Event(f"id-{n}", DAY + at, "a.b", "a", None, (), (), None, 1, "s", n)


def test_row_groups_are_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [to_arrow([_event(n, n)]) for n in range(10)]
    with monkeypatch.context() as m:
        m.setattr(merge, "ROWS", 4)
        assert [g.num_rows for g in row_groups(store.table, parts)] == [4, 4, 2]
    with monkeypatch.context() as m:
        m.setattr(merge, "BYTES", 1)
        assert [g.num_rows for g in row_groups(store.table, parts)] == [1] * 10
    large = [store.bodies.to_arrow([Body(n, f"id-{n}", bytes(1 << 20))]) for n in range(10)]
    assert [g.num_rows for g in row_groups(store.bodies, large)] == [4, 4, 2]


CRASH = """
import sys
from hubbub.store import Store
from hubbub.store.delta import data_file, rewrite, table
from hubbub.store.maintenance import compaction
from hubbub.store.tables import id_index
from tests.support.stores.crash import kill_at

where = sys.argv[2]
{
    "while the file is written": lambda: kill_at(data_file.DataFileWriter, "write", after=True),
    "after the file": lambda: kill_at(data_file.DataFileWriter, "close", after=True),
    "after the log entry": lambda: kill_at(table.Table, "_sync_log"),
    "before old files are marked": lambda: kill_at(compaction, "retire"),
    "before the id index is updated": lambda: kill_at(compaction, "update_index"),
    "while ids are written": lambda: kill_at(id_index, "sync_file"),
    "before old files are deleted": lambda: kill_at(compaction, "vacuum"),
    "while old files are deleted": lambda: kill_at(rewrite, "sync_folder"),
    "after old files are deleted": lambda: kill_at(compaction, "vacuum", after=True),
}[where]()
compaction.GRACE = 0.0
compaction.clean.__defaults__ = (0.0,)
compaction.compact(Store.open(sys.argv[1]))
raise SystemExit("it did not die")
"""
PLACES = [
    *("while the file is written", "after the file", "after the log entry"),
    *("before old files are marked", "before the id index is updated", "while ids are written"),
    *("before old files are deleted", "while old files are deleted", "after old files are deleted"),
]


@pytest.mark.parametrize("place", PLACES)
def test_a_compaction_that_is_killed_neither_loses_nor_duplicates_rows(
    store: Store, frame: MakeFrame, ids: ReadIds, place: str
) -> None:
    for n in range(4):
        put(store, *(frame(i) for i in range(5 * n, 5 * n + 5)), bodies=True, load=True)
    put(store, Frame("jsonl:test", frame(0).arrived, b"", b"{"), load=True)
    run_and_crash(CRASH, store.path, place)
    assert ids(store) == sorted(f"id-{n}" for n in range(20)), "readers meanwhile"
    put(store, *(frame(n) for n in range(25)), bodies=True)
    assert store.load() == Loaded(new=5, known=20)
    compaction.compact(store)
    assert ids(store) == sorted(f"id-{n}" for n in range(25))
    bodies = store.bodies.find([f"id-{n}" for n in range(25)])
    assert len(bodies) == sum(f.rows for f in store.bodies.files()) == 25
    with store.loader_lock():
        compaction.clean(store, 0.0)
    live = {f.uri for table in (store.table, store.bodies) for f in table.files()}
    assert {str(p) for p in store.path.rglob("*.parquet") if "_delta_log" not in p.parts} == live
