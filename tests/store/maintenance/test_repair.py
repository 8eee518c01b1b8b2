"""A torn end of a Delta log: set aside, nothing lost, nothing twice; a torn middle is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hubbub.collector.event import Frame
from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta.table import Table
from hubbub.store.disk.quarantine import quarantined
from hubbub.store.maintenance import compaction, repair
from hubbub.store.maintenance.repair import repair_logs
from hubbub.store.maintenance.verify import verify
from hubbub.store.rollups import refresh

Make = Callable[..., Any]
Ids = Callable[[Store], list[str]]
Tear = Callable[[Path], object]

TEARS: dict[str, Tear] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "cut at a line": lambda path: path.write_bytes(path.read_bytes().splitlines(True)[0]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
}
tears = pytest.mark.parametrize("tear", TEARS.values(), ids=TEARS.keys())


def put(store: Store, *frames: Frame, load: bool = True) -> None:
    with store.spool("test", bodies=True) as writer:
        for frame in frames:
            writer.put(frame)
    if load:
        store.load()


def last(table: Table) -> Path:
    return max(table.log.glob("*.json"))


@pytest.fixture
def full(store: Store, frame: Make) -> Store:
    for n in range(3):
        put(store, *(frame(i) for i in range(20 * n, 20 * n + 20)))
    return store


@pytest.mark.parametrize("name", ["events", "bodies"])
@tears
def test_a_commit_that_was_never_finished_is_loaded_again(
    full: Store, frame: Make, ids: Ids, monkeypatch: pytest.MonkeyPatch, tear: Tear, name: str
) -> None:
    """Power was lost before the entry was durable: batch and segment are still there."""
    table: Table = full.table if name == "events" else full.bodies
    with monkeypatch.context() as m:

        def dies(*_: Any) -> None:
            raise OSError(5, "power is lost")

        m.setattr(type(table), "_sync_log", dies)
        put(full, *(frame(i) for i in range(60, 80)), load=False)
        with pytest.raises(StoreError):
            full.load()
    tear(last(table))
    with Store.open(full.path) as again:
        with pytest.raises(StoreError, match="log is damaged") as e:
            (again.table if name == "events" else again.bodies).files()
        assert "verify --repair" in e.value.hint
        put(again, frame(80))
        assert ids(again) == sorted(f"id-{n}" for n in range(81))
        assert len(again.bodies.find(ids(again))) == 81
        assert again.state.counts("jsonl:test")["jsonl:test"] == {"new": 81}
        assert len(quarantined(again.path)) == 1
        done = verify(again)
        assert done.clean, done.faults
        assert done.checked["bodies:rows"] == 81
        assert done.checked["aside"] == 1


@pytest.mark.parametrize("name", ["events", "bodies"])
@tears
def test_a_finished_commit_whose_entry_is_cut_comes_back_from_its_files(
    full: Store, frame: Make, ids: Ids, tear: Tear, name: str
) -> None:
    """Its segment is gone, its data files are not."""
    refresh.catch_up(full)
    table: Table = full.table if name == "events" else full.bodies
    tear(last(table))
    with Store.open(full.path) as again:
        done = verify(again)
        assert [one.part for one in done.faults] == [name]
        assert "verify --repair" in done.faults[0].hint
        assert quarantined(again.path) == [], "nothing is touched unless asked for"
        done = verify(again, repair=True)
        assert done.clean, done.faults
        assert "20 rows are back" in next(f for f in done.repaired if f.part == name).what
        assert ids(again) == sorted(f"id-{n}" for n in range(60))
        assert len(again.bodies.find(ids(again))) == 60
        assert verify(again).clean
        put(again, *(frame(n) for n in range(70)))
        assert ids(again) == sorted(f"id-{n}" for n in range(70))
        assert verify(again).checked["bodies:rows"] == 70


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_rollups_torn_log_is_counted_again(full: Store, which: int) -> None:
    refresh.catch_up(full)
    TEARS["empty"](last(full.rollups[which]))
    with Store.open(full.path) as again:
        done = verify(again, repair=True)
        assert done.clean, done.faults
        assert again.rollups[which].batch() == again.table.version()
        assert verify(again).clean


def test_a_rollup_whose_log_nobody_can_mend_is_counted_again(full: Store, frame: Make) -> None:
    refresh.catch_up(full)
    put(full, frame(60))
    refresh.catch_up(full)
    full.rollups[0].entries.entry(1).write_bytes(b"")
    with Store.open(full.path) as again:
        assert [f.part for f in verify(again).faults] == ["hourly_users"]
        done = verify(again, repair=True)
        assert done.clean, done.faults
        assert verify(again).clean


def test_a_rollup_that_outlived_its_events_is_not_thrown_away(full: Store) -> None:
    refresh.catch_up(full)
    full.state.set(refresh.FROZEN, 1)
    full.rollups[0].entries.entry(0).write_bytes(b"")
    with Store.open(full.path) as again:
        done = verify(again, repair=True)
        assert [f.part for f in done.faults] == ["hourly_users"]
        assert "backup" in done.faults[0].hint
        assert quarantined(again.path) == []


def test_files_that_killed_writers_left_are_not_brought_back_twice(
    full: Store, frame: Make, ids: Ids
) -> None:
    """Of one batch: a copy under another name, a half one, and one that a commit took out."""
    file = Path(full.table.files()[-1].uri)
    rows = pq.read_table(file, partitioning=None)
    pq.write_table(rows, file.with_name("copy.parquet"))
    file.with_name("half.parquet").write_bytes(file.read_bytes()[:500])
    compaction.compact(full)
    put(full, *(frame(n) for n in range(60, 65)))
    TEARS["empty"](last(full.table))
    with Store.open(full.path) as again, again.loader_lock():
        (done,) = repair_logs(again)
        assert done.rows == 5
        assert ids(again) == sorted(f"id-{n}" for n in range(65))
    assert verify(full).clean


def test_a_torn_compaction_is_undone(full: Store, ids: Ids) -> None:
    compaction.compact(full)
    assert len(full.table.files()) == 1
    TEARS["cut at a line"](last(full.table))
    with Store.open(full.path) as again:
        assert verify(again, repair=True).clean
        assert len(again.table.files()) == 3
        assert len(ids(again)) == 60


def test_a_torn_end_whose_files_before_are_gone_stays_as_it_is(full: Store) -> None:
    compaction.compact(full)
    compaction.clean(full, grace=-1.0)
    path = last(full.table)
    TEARS["empty"](path)
    with Store.open(full.path) as again:
        done = verify(again, repair=True)
        assert "files from before it are gone" in done.faults[0].what
        assert path.exists()
        assert quarantined(again.path) == []


@tears
def test_a_torn_entry_in_the_middle_is_refused(full: Store, frame: Make, tear: Tear) -> None:
    tear(full.table.entries.entry(2))
    with Store.open(full.path) as again:
        put(again, frame(60), load=False)
        for ask in (again.load, again.rows, again.events):
            with pytest.raises(StoreError, match="log is damaged") as e:
                ask()
            assert "backup" in e.value.hint
        done = verify(again, repair=True)
        assert [f.part for f in done.faults] == ["events"]
        assert "backup" in done.faults[0].hint
        assert again.waiting().records == 1


def test_an_entry_that_is_gone_from_the_middle_is_refused(full: Store) -> None:
    full.table.entries.entry(2).unlink()
    with Store.open(full.path) as again, pytest.raises(StoreError, match="an entry is missing"):
        again.rows()


@pytest.mark.parametrize("cut", [0, 100])
def test_a_torn_checkpoint_is_set_aside(full: Store, frame: Make, ids: Ids, cut: int) -> None:
    full.table.table().create_checkpoint()
    (point,) = full.table.log.glob("*.checkpoint.parquet")
    point.write_bytes(point.read_bytes()[:cut])
    with Store.open(full.path) as again:
        with pytest.raises(StoreError, match="a checkpoint cannot be read"):
            again.rows()
        put(again, frame(60))
        assert ids(again) == sorted(f"id-{n}" for n in range(61))
        assert len(quarantined(again.path)) == 2
        assert verify(again).clean


@tears
def test_a_checkpoint_and_its_entry_that_are_torn_together(
    full: Store, frame: Make, ids: Ids, tear: Tear
) -> None:
    """The table library writes both before anybody syncs them."""
    full.table.table().create_checkpoint()
    (point,) = full.table.log.glob("*.checkpoint.parquet")
    point.write_bytes(b"")
    tear(last(full.table))
    with Store.open(full.path) as again:
        done = verify(again, repair=True)
        assert done.clean, done.faults
        assert ids(again) == sorted(f"id-{n}" for n in range(60))
        assert len(quarantined(again.path)) == 3
        put(again, frame(60))
        assert len(ids(again)) == 61


def test_a_torn_checkpoint_without_the_entries_before_it_is_refused(full: Store) -> None:
    full.table.table().create_checkpoint()
    (point,) = full.table.log.glob("*.checkpoint.parquet")
    point.write_bytes(b"")
    full.table.entries.entry(0).unlink()
    with Store.open(full.path) as again:
        done = verify(again, repair=True)
        assert "backup" in done.faults[0].hint
        assert point.exists()


@pytest.mark.parametrize("left", [b"", b'{"ver'])
def test_a_torn_note_of_the_newest_checkpoint_harms_nobody(full: Store, left: bytes) -> None:
    full.table.table().create_checkpoint()
    (full.table.log / "_last_checkpoint").write_bytes(left)
    with Store.open(full.path) as again:
        assert again.rows() == 60
        assert verify(again).clean


def test_whoever_is_killed_while_mending_is_gone_on_from(
    full: Store, ids: Ids, monkeypatch: pytest.MonkeyPatch
) -> None:
    TEARS["empty"](last(full.table))
    with Store.open(full.path) as again, again.loader_lock(), monkeypatch.context() as m:
        m.setattr(repair, "_restore", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            repair_logs(again)
        assert again.rows() == 40, "set aside, and not brought back yet"
    with Store.open(full.path) as again:
        assert verify(again, repair=True).clean
        assert ids(again) == sorted(f"id-{n}" for n in range(60))
        with again.loader_lock():
            assert repair_logs(again) == []


def test_entries_say_how_much_they_hold(full: Store) -> None:
    lines = last(full.table).read_text().splitlines()
    assert json.loads(lines[0])["commitInfo"]["hubbub.actions"] == str(len(lines) - 1)


def test_a_bit_in_any_byte_of_the_last_entry_never_loses_rows_in_silence(full: Store) -> None:
    path = last(full.table)
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at])
        with Store.open(full.path) as again, pytest.raises(StoreError):
            again.rows()
    path.write_bytes(data)
    assert full.rows() == 60


def test_a_service_mends_at_its_start_though_nothing_waits(full: Store) -> None:
    from hubbub.collector.people.reader import ReaderConfig
    from hubbub.store.loader_process import LoaderProcess

    TEARS["empty"](last(full.table))
    with LoaderProcess(full.path, ReaderConfig(), every=0.1) as process:
        process.stop(20)
    with Store.open(full.path) as again:
        assert again.rows() == 60
        assert len(quarantined(again.path)) == 1
