"""Reading the Delta log: damaged entries, removed files and the tail of a table."""

import json
from pathlib import Path

import pytest

from hubbub.errors import StoreError
from hubbub.store.delta.log import Log, Tail, read_entry
from hubbub.store.tables.events import Events
from tests.support.stores.filling import MakeEvent, forget_times


@pytest.fixture
def table(tmp_path: Path, event: MakeEvent) -> Events:
    """A table with three commits of one event each."""
    events = Events(tmp_path / "events")
    for n in range(3):
        events.append([event(n)], n + 1)
    return events


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        (b"", "an entry is empty"),
        (
            b'{"commitInfo": {"hubbub.actions": "2"}}\n{"add": {}}\n',
            "an entry holds 1 of 2 actions",
        ),
        (b'{"commitInfo": {"hubbub.act', "an entry is truncated or damaged"),
        (b"{}\n\xff\n", "an entry is truncated or damaged"),
        (b"[]\n", "an entry is truncated or damaged"),
    ],
)
def test_damaged_entries_are_described(table: Events, content: bytes, damage: str) -> None:
    log = Log(table.log)
    assert log.flaws() == []
    log.reset()
    log.entry(3).write_bytes(content)
    (flaw,) = log.flaws()
    assert (flaw.what, flaw.torn, flaw.files) == (damage, True, [log.entry(3)])
    log.entry(2).write_bytes(content)
    assert [flaw.torn for flaw in log.flaws()] == [False, True], "only the last entry may be torn"


def test_the_newest_version_is_known_without_opening_the_table(
    table: Events, event: MakeEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Events(table.folder)
    monkeypatch.setattr(reader, "table", lambda: pytest.fail("it was opened"))
    assert reader.newest() == 3
    table.append([event(3)], 4)
    assert [reader.newest(), reader.newest()] == [4, 4]
    assert Events(table.folder.with_name("none")).newest() == -1
    table.append([event(4)], 5)
    table.entries.entry(5).write_bytes(b"")
    with pytest.raises(StoreError, match="an entry is empty"):
        reader.newest()


def test_a_damaged_checkpoint_is_found_where_the_table_library_cannot_read_it(
    table: Events,
) -> None:
    table.table().create_checkpoint()
    (point,) = table.log.glob("*.checkpoint.parquet")
    point.write_bytes(point.read_bytes()[:40])
    log = Log(table.log)
    log.check()
    with pytest.raises(StoreError, match="a checkpoint cannot be read"):
        log.check(checkpoint=True)
    with pytest.raises(StoreError, match="a checkpoint cannot be read"):
        Events(table.folder).files()
    point.unlink()
    with pytest.raises(StoreError, match="a checkpoint cannot be read"):
        log.check()


def test_a_checkpoint_without_the_times_of_a_file_is_damage(table: Events) -> None:
    table.table().create_checkpoint()
    forget_times(table.log)
    with pytest.raises(StoreError, match="damaged: the log lacks the rows or the times of month="):
        Events(table.folder).files()


def test_removed_files_are_read_also_from_a_damaged_entry(table: Events) -> None:
    """A file that a commit removed must never be taken for one whose commit was lost."""
    removed, kept, _ = table.files()
    version = table.replace([removed], [])
    path = str(Path(removed.uri).relative_to(table.folder))
    assert table.entries.removed() == {path}
    entry = table.entries.entry(version)
    entry.write_bytes(b"torn\n" + entry.read_bytes() + b'\n{"remove": {"path": "cut')
    assert table.entries.removed() == {path}
    table.entries.entry(1).write_bytes(json.dumps({"remove": {"path": "a%20b"}}).encode())
    assert table.entries.removed() == {path, "a b"}
    assert Path(kept.uri).exists()


def test_the_tail_is_known_as_long_as_rows_were_only_added(table: Events) -> None:
    first, second, third = table.files()
    log = table.entries
    times = ((second.first, second.last), (third.first, third.last))
    assert log.tail(1, 3) == Tail((second.uri, third.uri), second.first, third.last, times)
    assert log.tail(3, 3) == Tail()
    commits = log.commits(1, 3)
    assert commits is not None
    assert [commit.version for commit in commits] == [1, 2, 3]
    assert [(*commit.files, commit.removed) for commit in commits] == [
        (file, False) for file in (first, second, third)
    ]
    version = table.replace([first], [])
    assert log.tail(1, version) is None, "rows were removed"
    log.entry(2).unlink()
    assert log.commits(1, 3) is None, "an entry is missing"


def test_a_commit_whose_file_was_deleted_is_not_known(table: Events) -> None:
    Path(table.files()[1].uri).unlink()
    assert table.entries.commits(2, 2) is None
    assert table.entries.commits(3, 3) is not None


def test_line_separators_in_texts_do_not_split_an_action(tmp_path: Path) -> None:
    entry = tmp_path / "0.json"
    action = {"commitInfo": {"userMetadata": "a\u2028b\x0bc"}}
    entry.write_text(json.dumps(action, ensure_ascii=False), "utf-8")
    assert read_entry(entry) == [action]
