"""The index of ids: exact answers from hashes, few runs, and recovery from the table."""

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
    """A fake events table: commits of ids, and the look-ups that the index made."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = [[]]  # version 0 creates the table
        self.looked_up: list[list[str]] = []
        self.scanned: list[tuple[int, int]] = []

    def scan(self, first: int, last: int) -> Iterable[Sequence[str]]:
        self.scanned.append((first, last))
        return self.commits[first : last + 1]

    def exact(self, ids: Sequence[str], span: tuple[int, int]) -> set[str]:
        assert span == SPAN
        self.looked_up.append(list(ids))
        return set(ids) & {id_ for commit in self.commits for id_ in commit}

    def commit(self, ids: IdIndex, new: list[str]) -> None:
        self.commits.append(new)
        ids.add(hashes(new), len(self.commits) - 1)


@pytest.fixture
def table() -> Table:
    return Table()


def open_index(table: Table, folder: Path) -> IdIndex:
    index = IdIndex(folder / "ids", scan=table.scan, exact=table.exact)
    index.catch_up(len(table.commits) - 1)
    return index


def known(ids: IdIndex, *wanted: str) -> set[str]:
    return ids.known(wanted, hashes(wanted), SPAN)


def test_only_added_ids_are_known(table: Table, tmp_path: Path) -> None:
    ids = open_index(table, tmp_path)
    table.commit(ids, ["a", "b"])
    table.commit(ids, ["c"])
    assert known(ids, "a", "x", "c", "y") == {"a", "c"}
    assert [sorted(ids) for ids in table.looked_up] == [["a", "c"]]
    assert known(ids, "x", "y", "z") == set()
    assert len(table.looked_up) == 1, "new ids cost no look-up in the table"


def test_equal_hashes_of_different_ids_are_told_apart(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_index, "hashes", lambda ids: np.full(len(list(ids)), 7, dtype="<u8"))
    ids = IdIndex(tmp_path / "ids", scan=table.scan, exact=table.exact)
    table.commits.append(["a"])
    ids.catch_up(1)
    same = np.full(2, 7, dtype="<u8")
    assert ids.known(["a", "b"], same, SPAN) == {"a"}


def test_hashes_are_stable() -> None:
    assert hashes(["2026-0f", "é"]).tolist() == [2214814671939773451, 3394012004367669963]


def test_an_index_is_reopened_without_reading_the_table(table: Table, tmp_path: Path) -> None:
    ids = open_index(table, tmp_path)
    for n in range(30):
        table.commit(ids, [f"{n}-{i}" for i in range(10)])
    table.scanned.clear()
    reopened = open_index(table, tmp_path)
    assert table.scanned == []
    assert len(reopened) == 300
    assert known(reopened, "29-9", "0-0", "30-0") == {"29-9", "0-0"}


def test_runs_stay_few_and_no_other_files_are_left(table: Table, tmp_path: Path) -> None:
    ids = open_index(table, tmp_path)
    for n in range(200):
        table.commit(ids, [f"{n}-{i}" for i in range(10)])
    assert len(ids.runs) <= 5
    assert {p.name for p in (tmp_path / "ids").iterdir()} == {r.path.name for r in ids.runs}
    for run in ids.runs:
        assert (np.diff(run.data.astype(object)) >= 0).all(), "sorted"


def test_missing_ids_are_read_from_the_table(table: Table, tmp_path: Path) -> None:
    ids = open_index(table, tmp_path)
    table.commit(ids, ["a"])
    table.commits.append(["b"])  # committed; then the loader died
    reopened = open_index(table, tmp_path)
    assert table.scanned[-1] == (2, 2)
    assert known(reopened, "a", "b") == {"a", "b"}
    for path in (tmp_path / "ids").iterdir():
        path.unlink()
    rebuilt = open_index(table, tmp_path)
    assert table.scanned[-1] == (0, 2)
    assert known(rebuilt, "a", "b", "c") == {"a", "b"}


def test_an_index_that_is_ahead_of_the_table_is_rebuilt(table: Table, tmp_path: Path) -> None:
    ids = open_index(table, tmp_path)
    table.commit(ids, ["a"])
    table.commit(ids, ["b"])
    table.commits.pop()  # the table was restored from a backup
    reopened = open_index(table, tmp_path)
    assert reopened.version == 1
    assert len(reopened) == 1


@pytest.mark.parametrize(
    "crash", ["before the old run is deleted", "while writing", "torn", "truncated"]
)
def test_a_crash_while_runs_merge(table: Table, tmp_path: Path, crash: str) -> None:
    ids = open_index(table, tmp_path)
    table.commit(ids, [str(n) for n in range(50)])
    folder = tmp_path / "ids"
    old = {p.name: p.read_bytes() for p in folder.iterdir()}
    table.commit(ids, [str(n) for n in range(50, 100)])
    if crash == "before the old run is deleted":
        for name, data in old.items():
            (folder / name).write_bytes(data)
    elif crash == "while writing":
        (folder / "0-2-00000000.new").write_bytes(b"half")
    else:
        for path in folder.iterdir():
            path.write_bytes(path.read_bytes()[: -3 if crash == "torn" else -16])
    reopened = open_index(table, tmp_path)
    assert known(reopened, *(str(n) for n in range(120))) == {str(n) for n in range(100)}
    assert {p.name for p in folder.iterdir()} == {r.path.name for r in reopened.runs}


@given(st.lists(st.integers(0, 2**64 - 1)), st.lists(st.integers(0, 2**64 - 1)))
def test_merging_sorted_arrays(a: list[int], b: list[int]) -> None:
    id_index.CHUNK, before = 3, id_index.CHUNK
    try:
        parts = id_index._merge(
            np.array(sorted(a), dtype=np.uint64), np.array(sorted(b), dtype=np.uint64)
        )
        assert [x for part in parts for x in part.tolist()] == sorted(a + b)
    finally:
        id_index.CHUNK = before
