"""The set of ids: exact answers from hashes, few runs, and nothing that cannot be made again."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.store.tables import id_index
from hubbub.store.tables.id_index import IdIndex, hashes

SPAN = (0, 1)


class Table:
    """Commits of ids, as the events table has them."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = [[]]  # version 0 makes the table
        self.asked: list[list[str]] = []
        self.scanned: list[tuple[int, int]] = []

    def scan(self, first: int, last: int) -> Iterable[Sequence[str]]:
        self.scanned.append((first, last))
        return self.commits[first : last + 1]

    def exact(self, ids: Sequence[str], span: tuple[int, int]) -> set[str]:
        assert span == SPAN
        self.asked.append(list(ids))
        return set(ids) & {one for commit in self.commits for one in commit}

    def commit(self, ids: IdIndex, new: list[str]) -> None:
        self.commits.append(new)
        ids.add(hashes(new), len(self.commits) - 1)


@pytest.fixture
def table() -> Table:
    return Table()


def start(table: Table, folder: Path) -> IdIndex:
    found = IdIndex(folder / "ids", scan=table.scan, exact=table.exact)
    found.catch_up(len(table.commits) - 1)
    return found


def known(ids: IdIndex, *wanted: str) -> set[str]:
    return ids.known(wanted, hashes(wanted), SPAN)


def test_only_what_was_added_is_known(table: Table, tmp_path: Path) -> None:
    ids = start(table, tmp_path)
    table.commit(ids, ["a", "b"])
    table.commit(ids, ["c"])
    assert known(ids, "a", "x", "c", "y") == {"a", "c"}
    assert [sorted(asked) for asked in table.asked] == [["a", "c"]]
    assert known(ids, "x", "y", "z") == set()
    assert len(table.asked) == 1, "new ids cost no look at the table"


def test_equal_hashes_of_different_ids_are_told_apart(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_index, "hashes", lambda ids: np.full(len(list(ids)), 7, dtype="<u8"))
    ids = IdIndex(tmp_path / "ids", scan=table.scan, exact=table.exact)
    table.commits.append(["a"])
    ids.catch_up(1)
    same = np.full(2, 7, dtype="<u8")
    assert ids.known(["a", "b"], same, SPAN) == {"a"}


def test_hashes_are_the_same_for_ever() -> None:
    assert hashes(["2026-0f", "é"]).tolist() == [2214814671939773451, 3394012004367669963]


def test_it_comes_back_without_reading_the_table(table: Table, tmp_path: Path) -> None:
    ids = start(table, tmp_path)
    for n in range(30):
        table.commit(ids, [f"{n}-{i}" for i in range(10)])
    table.scanned.clear()
    again = start(table, tmp_path)
    assert table.scanned == []
    assert len(again) == 300
    assert known(again, "29-9", "0-0", "30-0") == {"29-9", "0-0"}


def test_runs_stay_few_and_files_are_those_of_the_runs(table: Table, tmp_path: Path) -> None:
    ids = start(table, tmp_path)
    for n in range(200):
        table.commit(ids, [f"{n}-{i}" for i in range(10)])
    assert len(ids.runs) <= 5
    assert {p.name for p in (tmp_path / "ids").iterdir()} == {r.path.name for r in ids.runs}
    for run in ids.runs:
        assert (np.diff(run.data.astype(object)) >= 0).all(), "sorted"


def test_what_is_missing_is_read_from_the_table(table: Table, tmp_path: Path) -> None:
    ids = start(table, tmp_path)
    table.commit(ids, ["a"])
    table.commits.append(["b"])  # committed; then the loader died
    again = start(table, tmp_path)
    assert table.scanned[-1] == (2, 2)
    assert known(again, "a", "b") == {"a", "b"}
    for path in (tmp_path / "ids").iterdir():
        path.unlink()
    fresh = start(table, tmp_path)
    assert table.scanned[-1] == (0, 2)
    assert known(fresh, "a", "b", "c") == {"a", "b"}


def test_a_set_that_is_ahead_of_the_table_starts_again(table: Table, tmp_path: Path) -> None:
    ids = start(table, tmp_path)
    table.commit(ids, ["a"])
    table.commit(ids, ["b"])
    table.commits.pop()  # the table was restored from a backup
    again = start(table, tmp_path)
    assert again.version == 1
    assert len(again) == 1


@pytest.mark.parametrize("crash", ["before the old go", "while writing", "torn", "cut"])
def test_a_crash_while_runs_merge(table: Table, tmp_path: Path, crash: str) -> None:
    ids = start(table, tmp_path)
    table.commit(ids, [str(n) for n in range(50)])
    folder = tmp_path / "ids"
    old = {p.name: p.read_bytes() for p in folder.iterdir()}
    table.commit(ids, [str(n) for n in range(50, 100)])
    if crash == "before the old go":
        for name, data in old.items():
            (folder / name).write_bytes(data)
    elif crash == "while writing":
        (folder / "0-2-00000000.new").write_bytes(b"half")
    else:
        for path in folder.iterdir():
            path.write_bytes(path.read_bytes()[: -3 if crash == "torn" else -16])
    again = start(table, tmp_path)
    assert known(again, *(str(n) for n in range(120))) == {str(n) for n in range(100)}
    assert {p.name for p in folder.iterdir()} == {r.path.name for r in again.runs}


@given(st.lists(st.integers(0, 2**64 - 1)), st.lists(st.integers(0, 2**64 - 1)))
def test_merging(a: list[int], b: list[int]) -> None:
    id_index.CHUNK, before = 3, id_index.CHUNK
    try:
        parts = id_index._merge(
            np.array(sorted(a), dtype=np.uint64), np.array(sorted(b), dtype=np.uint64)
        )
        assert [x for part in parts for x in part.tolist()] == sorted(a + b)
    finally:
        id_index.CHUNK = before
