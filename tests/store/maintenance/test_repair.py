"""A torn end of a Delta log is repaired without loss or duplicates; a torn middle is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta.table import Table
from hubbub.store.disk.quarantine import quarantined
from hubbub.store.maintenance import compaction, repair
from hubbub.store.maintenance.repair import repair_logs
from hubbub.store.maintenance.verify import verify
from hubbub.store.rollups import refresh
from tests.support.stores.filling import MakeFrame, ReadIds, put

Tear = Callable[[Path], object]

TEARS: dict[str, Tear] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "cut at a line": lambda path: path.write_bytes(path.read_bytes().splitlines(True)[0]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
}
tears = pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS.keys())
#: A tear is recognised in the same way in both tables.
each_table = pytest.mark.parametrize(
    ("name", "tear"),
    [*(("events", tear) for tear in TEARS.values()), ("bodies", TEARS["cut at a line"])],
    ids=[*TEARS, "cut at a line, of bodies"],
)


def last(table: Table) -> Path:
    return max(table.log.glob("*.json"))


@pytest.fixture
def full(store: Store, frame: MakeFrame) -> Store:
    for n in range(3):
        put(store, *(frame(i) for i in range(20 * n, 20 * n + 20)), bodies=True, load=True)
    return store


@each_table
def test_a_commit_that_was_never_finished_is_loaded_again(
    full: Store,
    frame: MakeFrame,
    ids: ReadIds,
    monkeypatch: pytest.MonkeyPatch,
    tear: Tear,
    name: str,
) -> None:
    """Power was lost before the entry was durable: the batch is pending, its segment exists."""
    table: Table = full.table if name == "events" else full.bodies
    with monkeypatch.context() as m:

        def dies(*_: Any) -> None:
            raise OSError(5, "power is lost")

        m.setattr(type(table), "_sync_log", dies)
        put(full, *(frame(i) for i in range(60, 80)), bodies=True)
        with pytest.raises(StoreError):
            full.load()
    tear(last(table))
    with Store.open(full.path) as reopened:
        with pytest.raises(StoreError, match="log is damaged") as e:
            (reopened.table if name == "events" else reopened.bodies).files()
        assert "verify --repair" in e.value.hint
        put(reopened, frame(80), bodies=True, load=True)
        assert ids(reopened) == sorted(f"id-{n}" for n in range(81))
        assert len(reopened.bodies.find(ids(reopened))) == 81
        assert reopened.state.counts("jsonl:test")["jsonl:test"] == {"new": 81}
        assert len(quarantined(reopened.path)) == 1
        report = verify(reopened)
        assert report.clean, report.faults
        assert report.checked["bodies:rows"] == 81
        assert report.checked["aside"] == 1


@each_table
def test_a_finished_commit_whose_entry_is_cut_is_restored_from_its_files(
    full: Store, frame: MakeFrame, ids: ReadIds, tear: Tear, name: str
) -> None:
    """Its segment is deleted; its data files are not."""
    refresh.catch_up(full)
    table: Table = full.table if name == "events" else full.bodies
    tear(last(table))
    with Store.open(full.path) as reopened:
        report = verify(reopened)
        assert [fault.part for fault in report.faults] == [name]
        assert "verify --repair" in report.faults[0].hint
        assert quarantined(reopened.path) == [], "nothing is changed without `repair`"
        report = verify(reopened, repair=True)
        assert report.clean, report.faults
        assert "20 rows are restored" in next(f for f in report.repaired if f.part == name).what
        assert ids(reopened) == sorted(f"id-{n}" for n in range(60))
        assert len(reopened.bodies.find(ids(reopened))) == 60
        assert verify(reopened).clean
        put(reopened, *(frame(n) for n in range(70)), bodies=True, load=True)
        assert ids(reopened) == sorted(f"id-{n}" for n in range(70))
        assert verify(reopened).checked["bodies:rows"] == 70


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_rollup_with_a_torn_log_is_rebuilt(full: Store, which: int) -> None:
    refresh.catch_up(full)
    TEARS["empty"](last(full.rollups[which]))
    with Store.open(full.path) as reopened:
        report = verify(reopened, repair=True)
        assert report.clean, report.faults
        assert reopened.rollups[which].batch() == reopened.table.version()
        assert verify(reopened).clean


def test_a_rollup_whose_log_cannot_be_repaired_is_rebuilt(full: Store, frame: MakeFrame) -> None:
    refresh.catch_up(full)
    put(full, frame(60), bodies=True, load=True)
    refresh.catch_up(full)
    full.rollups[0].entries.entry(1).write_bytes(b"")
    with Store.open(full.path) as reopened:
        assert [f.part for f in verify(reopened).faults] == ["hourly_users"]
        report = verify(reopened, repair=True)
        assert report.clean, report.faults
        assert verify(reopened).clean


def test_a_rollup_that_outlived_its_events_is_not_rebuilt(full: Store) -> None:
    refresh.catch_up(full)
    full.state.set(refresh.FROZEN, 1)
    full.rollups[0].entries.entry(0).write_bytes(b"")
    with Store.open(full.path) as reopened:
        report = verify(reopened, repair=True)
        assert [f.part for f in report.faults] == ["hourly_users"]
        assert "backup" in report.faults[0].hint
        assert quarantined(reopened.path) == []


def test_files_left_by_killed_writers_are_not_committed_twice(
    full: Store, frame: MakeFrame, ids: ReadIds
) -> None:
    """Files of one batch: a copy, a truncated one, and one that a commit removed."""
    file = Path(full.table.files()[-1].uri)
    rows = pq.read_table(file, partitioning=None)
    pq.write_table(rows, file.with_name("copy.parquet"))
    file.with_name("half.parquet").write_bytes(file.read_bytes()[:500])
    compaction.compact(full)
    put(full, *(frame(n) for n in range(60, 65)), bodies=True, load=True)
    TEARS["empty"](last(full.table))
    with Store.open(full.path) as reopened, reopened.loader_lock():
        (repaired,) = repair_logs(reopened)
        assert repaired.rows == 5
        assert ids(reopened) == sorted(f"id-{n}" for n in range(65))
    assert verify(full).clean


def test_a_torn_compaction_is_undone(full: Store, ids: ReadIds) -> None:
    compaction.compact(full)
    assert len(full.table.files()) == 1
    TEARS["cut at a line"](last(full.table))
    with Store.open(full.path) as reopened:
        assert verify(reopened, repair=True).clean
        assert len(reopened.table.files()) == 3
        assert len(ids(reopened)) == 60


def test_a_torn_end_is_not_repaired_if_files_of_the_version_before_are_missing(full: Store) -> None:
    compaction.compact(full)
    compaction.clean(full, grace=-1.0)
    path = last(full.table)
    TEARS["empty"](path)
    with Store.open(full.path) as reopened:
        report = verify(reopened, repair=True)
        assert "files of the version before it are missing" in report.faults[0].what
        assert path.exists()
        assert quarantined(reopened.path) == []


@tears
def test_a_torn_entry_in_the_middle_is_refused(full: Store, frame: MakeFrame, tear: Tear) -> None:
    tear(full.table.entries.entry(2))
    with Store.open(full.path) as reopened:
        put(reopened, frame(60), bodies=True)
        for read in (reopened.load, reopened.rows, reopened.events):
            with pytest.raises(StoreError, match="log is damaged") as e:
                read()
            assert "backup" in e.value.hint
        report = verify(reopened, repair=True)
        assert [f.part for f in report.faults] == ["events"]
        assert "backup" in report.faults[0].hint
        assert reopened.waiting().records == 1


def test_a_missing_entry_in_the_middle_is_refused(full: Store) -> None:
    full.table.entries.entry(2).unlink()
    with Store.open(full.path) as reopened, pytest.raises(StoreError, match="an entry is missing"):
        reopened.rows()


@pytest.mark.parametrize("cut", [0, 100])
def test_a_torn_checkpoint_is_quarantined(
    full: Store, frame: MakeFrame, ids: ReadIds, cut: int
) -> None:
    full.table.table().create_checkpoint()
    (point,) = full.table.log.glob("*.checkpoint.parquet")
    point.write_bytes(point.read_bytes()[:cut])
    with Store.open(full.path) as reopened:
        with pytest.raises(StoreError, match="a checkpoint cannot be read"):
            reopened.rows()
        put(reopened, frame(60), bodies=True, load=True)
        assert ids(reopened) == sorted(f"id-{n}" for n in range(61))
        assert len(quarantined(reopened.path)) == 2
        assert verify(reopened).clean


@tears
def test_a_checkpoint_and_its_entry_are_torn_together(
    full: Store, frame: MakeFrame, ids: ReadIds, tear: Tear
) -> None:
    """The table library writes both before they are synced."""
    full.table.table().create_checkpoint()
    (point,) = full.table.log.glob("*.checkpoint.parquet")
    point.write_bytes(b"")
    tear(last(full.table))
    with Store.open(full.path) as reopened:
        report = verify(reopened, repair=True)
        assert report.clean, report.faults
        assert ids(reopened) == sorted(f"id-{n}" for n in range(60))
        assert len(quarantined(reopened.path)) == 3
        put(reopened, frame(60), bodies=True, load=True)
        assert len(ids(reopened)) == 61


def test_a_torn_checkpoint_without_the_entries_before_it_is_refused(full: Store) -> None:
    full.table.table().create_checkpoint()
    (point,) = full.table.log.glob("*.checkpoint.parquet")
    point.write_bytes(b"")
    full.table.entries.entry(0).unlink()
    with Store.open(full.path) as reopened:
        report = verify(reopened, repair=True)
        assert "backup" in report.faults[0].hint
        assert point.exists()


@pytest.mark.parametrize("left", [b"", b'{"ver'])
def test_a_torn_pointer_to_the_newest_checkpoint_is_harmless(full: Store, left: bytes) -> None:
    full.table.table().create_checkpoint()
    (full.table.log / "_last_checkpoint").write_bytes(left)
    with Store.open(full.path) as reopened:
        assert reopened.rows() == 60
        assert verify(reopened).clean


def test_a_repair_that_was_killed_is_continued(
    full: Store, ids: ReadIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    TEARS["empty"](last(full.table))
    with Store.open(full.path) as reopened, reopened.loader_lock(), monkeypatch.context() as m:
        m.setattr(repair, "_restore", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            repair_logs(reopened)
        assert reopened.rows() == 40, "quarantined and not restored yet"
    with Store.open(full.path) as reopened:
        assert verify(reopened, repair=True).clean
        assert ids(reopened) == sorted(f"id-{n}" for n in range(60))
        with reopened.loader_lock():
            assert repair_logs(reopened) == []


def test_entries_state_their_number_of_actions(full: Store) -> None:
    lines = last(full.table).read_text().splitlines()
    assert json.loads(lines[0])["commitInfo"]["hubbub.actions"] == str(len(lines) - 1)


def test_a_last_entry_cut_at_any_byte_never_loses_rows_silently(full: Store) -> None:
    path = last(full.table)
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at])
        with Store.open(full.path) as reopened, pytest.raises(StoreError):
            reopened.rows()
    path.write_bytes(data)
    assert full.rows() == 60


def test_a_service_repairs_at_its_start_although_the_spool_is_empty(full: Store) -> None:
    from hubbub.collector.people.reader import ReaderConfig
    from hubbub.store.loader_process import LoaderProcess

    TEARS["empty"](last(full.table))
    with LoaderProcess(full.path, ReaderConfig(), every=0.1) as process:
        process.stop(20)
    with Store.open(full.path) as reopened:
        assert reopened.rows() == 60
        assert len(quarantined(reopened.path)) == 1
