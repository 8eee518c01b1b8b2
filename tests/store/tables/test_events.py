"""The events table: columns, durability, and statistics without names."""

import errno
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hubbub.errors import NoRoomError, StoreError
from hubbub.store.delta import data_file, format_version, log
from hubbub.store.delta import table as table_module
from hubbub.store.disk.files import sync_file
from hubbub.store.tables.event_rows import SCHEMA
from hubbub.store.tables.events import LOADER, Events
from tests.support.stores.filling import MakeEvent

DAY = 86_400_000_000
SYNCING = (data_file, table_module, log)


@pytest.fixture
def table(tmp_path: Path) -> Events:
    return Events(tmp_path / "events")


def test_rows_are_stored_sorted_with_all_their_columns(table: Events, event: MakeEvent) -> None:
    rows = [event(2), event(1, extra={"host": "h"}, agent=None, users=(), action=None), event(0)]
    assert table.append(rows, 1) == 1
    (file,) = table.files()
    assert file.rows == 3
    assert (file.first, file.last) == (rows[2].time, rows[0].time)
    stored = pq.ParquetFile(file.uri).read()
    assert stored.schema.names == SCHEMA.names
    assert stored["id"].to_pylist() == ["id-0", "id-1", "id-2"]
    row = stored.slice(1, 1).to_pylist()[0]
    assert [row[c] for c in ("agent", "users", "objects", "action")] == [None, [], ["rpms/p"], None]
    assert row["extra"] == [("host", "h")]
    assert stored["time"].cast("int64").to_pylist()[0] == rows[2].time


def test_equal_times_are_ordered_by_sequence_number(table: Events, event: MakeEvent) -> None:
    table.append([event(n, time=event(0).time, id=f"x{n}") for n in (3, 1, 2)], 1)
    assert pq.read_table(table.files()[0].uri)["seq"].to_pylist() == [1, 2, 3]


def test_many_rows_are_several_row_groups(
    table: Events, event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_file, "ROWS", 4)
    times = [event(0).time + n for n in range(17)]
    table.append([event(n, time=times[n]) for n in range(7)], 1)
    table.append([event(n, time=times[n]) for n in range(7, 17)], 2)
    few, many = (pq.ParquetFile(file.uri) for file in table.files())
    assert [few.metadata.row_group(n).num_rows for n in range(few.num_row_groups)] == [7]
    assert [many.metadata.row_group(n).num_rows for n in range(many.num_row_groups)] == [4, 4, 2]
    assert many.read()["time"].cast("int64").to_pylist() == times[7:]
    assert [(file.rows, file.first, file.last) for file in table.files()] == [
        (7, times[0], times[6]),
        (10, times[7], times[16]),
    ]


def test_a_file_for_each_month_and_pruning_by_time(table: Events, event: MakeEvent) -> None:
    start = event(0).time
    table.append([event(n, time=start + n * 30 * DAY) for n in range(4)], 1)
    files = table.files()
    assert [Path(f.uri).parent.name for f in files] == [
        "month=2026-01",
        "month=2026-02",
        "month=2026-03",
        "month=2026-04",
    ]
    assert [f.overlaps(start, start) for f in files] == [False] * 4
    assert [f.overlaps(start, start + 1) for f in files] == [True, False, False, False]
    assert [f.overlaps(start + 1, None) for f in files] == [False, True, True, True]
    assert [f.overlaps(None, start + 30 * DAY) for f in files] == [True, False, False, False]


def test_a_batch_is_committed_once(table: Events, event: MakeEvent) -> None:
    table.append([event(0)], 7)
    assert table.batch() == 7
    for repeat in (7, 6):
        with pytest.raises(StoreError, match="already committed"):
            table.append([event(1)], repeat)
    assert table.version() == 1
    assert table.table().transaction_version(LOADER) == 7


def test_names_are_in_no_statistics(table: Events, event: MakeEvent) -> None:
    name = "zzsecretname"
    table.append(
        [event(0, id=name, agent=name, users=(name,), objects=(name,), topic=name, action=name)], 1
    )
    (file,) = table.files()
    metadata = pq.ParquetFile(file.uri).metadata
    columns = [metadata.row_group(0).column(i) for i in range(metadata.num_columns)]
    assert [c.path_in_schema for c in columns if c.is_stats_set] == ["time"]
    entries = "".join(p.read_text() for p in table.log.glob("*.json"))
    assert name not in entries
    adds = [json.loads(line)["add"] for line in entries.splitlines() if '"add"' in line]
    stats = [json.loads(add["stats"]) for add in adds]
    assert [list(s["minValues"]) for s in stats] == [["time"]]


def test_everything_is_synced_before_append_returns(
    table: Events, event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.append([event(0)], 1)
    synced: list[Path] = []
    for module in SYNCING:
        monkeypatch.setattr(module, "sync_file", synced.append)
        monkeypatch.setattr(module, "sync_folder", synced.append)
    table.append([event(1, time=event(0).time + 40 * DAY)], 2)
    file = Path(table.files()[-1].uri)
    assert synced[:3] == [table.folder, file, file.parent], "the month's folder is new"
    assert synced[3:] == [table.log / f"{2:020d}.json", table.log]


def test_checkpoints_of_the_log_are_synced_too(
    table: Events, event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    properties = format_version.latest_properties() | {"delta.checkpointInterval": "5"}
    monkeypatch.setattr(format_version, "latest_properties", lambda: properties)
    for module in SYNCING:
        monkeypatch.setattr(module, "sync_folder", lambda _: None)
        monkeypatch.setattr(module, "sync_file", synced.append)
    for n in range(1, 13):
        table.append([event(n)], n)
    checkpoints = {p for p in table.log.iterdir() if p.suffix != ".json"}
    assert any("checkpoint.parquet" in p.name for p in checkpoints)
    assert checkpoints <= set(synced)
    assert sum(f.rows for f in table.files()) == 12


def test_a_full_disk_leaves_no_file_behind(
    table: Events, event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.append([event(0)], 1)
    before = sorted(table.folder.rglob("*.parquet"))
    calls: list[Path] = []

    def full(path: Path) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync_file(path)

    two_months = [event(1), event(2, time=event(0).time + 40 * DAY)]
    with monkeypatch.context() as m:
        m.setattr(data_file, "sync_file", full)
        with pytest.raises(NoRoomError, match="the disk is full"):
            table.append(two_months, 2)
    assert sorted(table.folder.rglob("*.parquet")) == before
    assert table.batch() == 1
    table.append(two_months, 2)
    assert sum(f.rows for f in table.files()) == 3


def test_a_damaged_log_is_reported(table: Events, event: MakeEvent) -> None:
    table.append([event(0)], 1)
    table.append([event(1)], 2)
    (table.log / f"{2:020d}.json").write_text('{"add": {"path"')
    with pytest.raises(StoreError, match="damaged") as e:
        table.files()
    assert e.value.exit_code == 5


def test_added_files_are_those_of_the_versions_or_all_if_the_log_does_not_tell(
    table: Events, event: MakeEvent
) -> None:
    for n in (1, 2, 3):
        table.append([event(n)], n)
    first, second, third = (f.uri for f in table.files())
    assert table.added(1, 1) == [first]
    assert table.added(2, 3) == [second, third]
    Path(second).rename(table.folder / "rewritten.parquet")
    assert table.added(2, 3) == [first, second, third], "a file is missing: all files"


def test_an_empty_table(table: Events) -> None:
    assert (table.version(), table.batch(), table.files()) == (-1, 0, [])
