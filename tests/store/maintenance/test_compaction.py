"""Compaction: the same rows in fewer files, whatever is killed meanwhile, and no reader notices."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

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
from hubbub.store.tables.events import Events, to_arrow

Make = Callable[..., Any]
Ids = Callable[[Store], list[str]]
DAY = 86_400_000_000


def put(store: Store, *frames: Frame, bodies: bool = False) -> None:
    with store.spool("test", bodies=bodies) as writer:
        for frame in frames:
            writer.put(frame)
    store.load()


def everything(table: Events) -> list[str]:
    rows = [pq.ParquetFile(f.uri).read(columns=table.schema.names) for f in table.files()]
    return sorted(map(repr, pa.concat_tables(rows).to_pylist()))


def test_many_files_become_one_with_the_same_rows(store: Store, frame: Make, ids: Ids) -> None:
    for n in (3, 0, 2, 1):
        put(store, *(frame(i) for i in range(10 * n, 10 * n + 12)), bodies=True)
    before, batch = everything(store.table), store.table.batch()
    assert len(store.table.files()) == 4
    done = compaction.compact(store)
    assert (done.files, done.into, done.rows) == (8, 2, 84), "events and bodies"
    (one,) = store.table.files()
    assert everything(store.table) == before
    rows = pq.read_table(one.uri, partitioning=None)
    assert rows["seq"].to_pylist() == sorted(rows["seq"].to_pylist())
    assert (one.rows, store.table.batch()) == (42, batch)
    times = rows["time"].cast("int64").to_pylist()
    assert (one.first, one.last) == (times[0], times[-1])
    assert store.bodies.find(["id-7", "id-41"]) == {"id-7": frame(7).body, "id-41": frame(41).body}
    version = store.table.version()
    assert compaction.compact(store) == compaction.Compacted()
    assert store.table.version() == version, "nothing to do makes no commit"
    put(store, *(frame(i) for i in range(50)))
    assert len(ids(store)) == 50, "the set of ids knows the compacted rows"


def test_the_log_says_that_no_data_changed(store: Store, frame: Make) -> None:
    for n in range(3):
        put(store, frame(n))
    names = len(list((store.path / "ids").iterdir()))
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
    assert len(list((store.path / "ids").iterdir())) <= names + 1


def test_a_crash_before_the_ids_know_doubles_no_hash(store: Store, frame: Make) -> None:
    for n in range(3):
        put(store, frame(n))
    compaction.fold(store.table, store.table.files())
    put(store, frame(3), frame(0))
    assert store.rows() == 4
    assert sum(p.stat().st_size for p in (store.path / "ids").iterdir()) == 4 * 8


def test_months_are_not_mixed_and_names_stay_out_of_statistics(store: Store, frame: Make) -> None:
    for n in range(4):
        put(store, frame(n), frame(100 + n, timestamp=1_768_435_200 + 86_400 * 40))
    compaction.compact(store)
    files = store.table.files()
    assert [Path(f.uri).parent.name for f in files] == ["month=2026-01", "month=2026-02"]
    assert [f.rows for f in files] == [4, 4]
    metadata = pq.ParquetFile(files[0].uri).metadata.row_group(0)
    columns = [metadata.column(i) for i in range(metadata.num_columns)]
    assert [c.path_in_schema for c in columns if c.is_stats_set] == ["time"]


def test_old_files_and_entries_go_after_the_grace(store: Store, frame: Make, ids: Ids) -> None:
    for n in range(5):
        put(store, frame(n))
    lazy = store.events().select("id")
    old = [Path(f.uri) for f in store.table.files()]
    compaction.compact(store)
    assert all(p.exists() for p in old)
    assert lazy.count().to_pyarrow().as_py() == 5, "whoever began may finish"
    late = time.time() - compaction.GRACE - 1
    for path in (*old, *store.table.log.iterdir()):
        os.utime(path, (late, late))
    with store.loader_lock():
        assert compaction.clean(store) == 5
    assert not any(p.exists() for p in old)
    assert len(ids(store)) == 5
    put(store, *(frame(n) for n in range(7)))
    assert len(ids(store)) == 7


def test_the_log_is_shortened_behind_an_old_checkpoint(
    store: Store, frame: Make, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "ENTRIES", 3)
    for n in range(6):
        put(store, frame(n))
    assert compaction.trim_log(store.table) == 0, "too young"
    assert (store.table.log / f"{6:020d}.checkpoint.parquet").exists()
    late = time.time() - compaction.GRACE - 1
    for path in store.table.log.iterdir():
        os.utime(path, (late, late))
    put(store, frame(6))
    assert compaction.trim_log(store.table) == 6
    left = sorted(p.name for p in store.table.log.glob("0*"))
    assert left == [f"{6:020d}.checkpoint.parquet", f"{6:020d}.json", f"{7:020d}.json"]
    assert len(ids(store)) == 7
    assert store.table.batch() == 7
    put(store, *(frame(n) for n in range(9)))
    assert len(ids(store)) == 9


def test_a_stop_changes_nothing(store: Store, frame: Make) -> None:
    for n in range(3):
        put(store, frame(n))
    before = sorted(store.table.folder.rglob("*"))
    assert compaction.fold(store.table, store.table.files(), lambda: True) is None
    assert sorted(store.table.folder.rglob("*")) == before


def test_no_room_and_damage_change_nothing(
    store: Store, frame: Make, monkeypatch: pytest.MonkeyPatch, ids: Ids
) -> None:
    for n in range(3):
        put(store, *(frame(i) for i in range(50 * n, 50 * n + 50)))
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


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), max_size=9), min_size=1, max_size=6),
       st.integers(1, 4))  # fmt: skip
def test_merging_is_sorting(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[int]], rows: int
) -> None:
    table = Events(tmp_path_factory.mktemp("merge") / "events")
    n = 0
    for batch, times in enumerate(filter(None, parts), 1):
        table.append([_event(n := n + 1, t) for t in times], batch)
    found = list(merge_files(table, table.files(), rows=rows))
    got = [(r["time"], r["seq"]) for part in found for r in part.to_pylist()]
    assert got == sorted(got)
    assert len({seq for _, seq in got}) == len(got) == n
    edges = [(p["time"][0].as_py(), p["time"][-1].as_py()) for p in found]
    assert all(a[1] < b[0] for a, b in pairwise(edges)), "times stay together"


def _event(n: int, at: int) -> Event:
    return Event(f"id-{n}", DAY + at, "a.b", "a", None, (), (), None, 1, "s", n)


def test_groups_have_a_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
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
import os, signal, sys
from hubbub.store import Store
from hubbub.store.delta import data_file, rewrite, table as delta
from hubbub.store.maintenance import compaction as compact
from hubbub.store.tables import id_index as ids

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def dies(owner, name, after=False):
    real = getattr(owner, name)
    def call(*args, **kwargs):
        if after:
            real(*args, **kwargs)
        die()
    setattr(owner, name, call)

where = sys.argv[2]
{
    "while the file is written": lambda: dies(data_file.DataFileWriter, "write", after=True),
    "after the file": lambda: dies(data_file.DataFileWriter, "close", after=True),
    "after the log entry": lambda: dies(delta.Table, "_sync_log"),
    "before old files are marked": lambda: dies(compact, "retire"),
    "before the ids know": lambda: dies(compact, "update_index"),
    "while ids are written": lambda: dies(ids, "sync_file"),
    "before old files go": lambda: dies(compact, "vacuum"),
    "while old files go": lambda: dies(rewrite, "sync_folder"),
    "after old files went": lambda: dies(compact, "vacuum", after=True),
}[where]()
compact.GRACE = 0.0
compact.clean.__defaults__ = (0.0,)
compact.compact(Store.open(sys.argv[1]))
raise SystemExit("it did not die")
"""
PLACES = [
    *("while the file is written", "after the file", "after the log entry"),
    *("before old files are marked", "before the ids know", "while ids are written"),
    *("before old files go", "while old files go", "after old files went"),
]


@pytest.mark.parametrize("place", PLACES)
def test_a_compaction_that_is_killed_loses_and_doubles_nothing(
    store: Store, frame: Make, ids: Ids, place: str
) -> None:
    for n in range(4):
        put(store, *(frame(i) for i in range(5 * n, 5 * n + 5)), bodies=True)
    put(store, Frame("jsonl:test", frame(0).arrived, b"", b"{"))
    done = subprocess.run(
        [sys.executable, "-c", CRASH, store.path, place], capture_output=True, check=False
    )
    assert done.returncode == -9, done.stderr.decode()
    assert ids(store) == sorted(f"id-{n}" for n in range(20)), "readers meanwhile"
    with store.spool("test", bodies=True) as writer:
        for n in range(25):
            writer.put(frame(n))
    assert store.load() == Loaded(new=5, known=20)
    compaction.compact(store)
    assert ids(store) == sorted(f"id-{n}" for n in range(25))
    found = store.bodies.find([f"id-{n}" for n in range(25)])
    assert len(found) == sum(f.rows for f in store.bodies.files()) == 25
    with store.loader_lock():
        compaction.clean(store, 0.0)
    live = {f.uri for table in (store.table, store.bodies) for f in table.files()}
    assert {str(p) for p in store.path.rglob("*.parquet") if "_delta_log" not in p.parts} == live
