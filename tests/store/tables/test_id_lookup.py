"""Exact look-ups find every id, whatever its time, and read as few row groups as possible."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hubbub.errors import StoreError
from hubbub.store import Store
from hubbub.store.delta import merge
from hubbub.store.maintenance import compaction
from hubbub.store.tables.id_lookup import Lookup
from tests.support.stores.filling import MakeEvent

START = 1_768_435_200_000_000  # 2026-01-15
SECOND = 1_000_000


@pytest.fixture
def full(store: Store, event: MakeEvent, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Ids 0 to 99, a second apart, in row groups of ten; and 100 to 109 in a second file."""
    monkeypatch.setattr(merge, "ROWS", 10)
    monkeypatch.setattr(merge, "_PART", 10)
    store.table.append([event(n) for n in range(50)], 1)
    store.table.append([event(n) for n in range(50, 100)], 2)
    with store.loader_lock():
        compaction.step(store, whole=True)
    store.table.append([event(n) for n in range(100, 110)], 3)
    assert [pq.ParquetFile(f.uri).num_row_groups for f in store.table.files()] == [10, 1]
    return store


@pytest.fixture
def row_groups_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of row groups that each read of a file requested."""
    counts: list[int] = []
    real = pq.ParquetFile.iter_batches

    def counted(self: Any, *args: Any, row_groups: list[int], **kwargs: Any) -> Any:
        counts.append(len(row_groups))
        return real(self, *args, row_groups=row_groups, **kwargs)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", counted)
    return counts


def test_ids_of_the_span_need_one_row_group(full: Store, row_groups_read: list[int]) -> None:
    span = START + 42 * SECOND, START + 47 * SECOND
    assert Lookup(full.table).exact(["id-42", "id-47"], span) == {"id-42", "id-47"}
    assert row_groups_read == [1]


def test_ids_of_other_times_are_found_too(full: Store, row_groups_read: list[int]) -> None:
    wanted = ["id-3", "id-42", "id-105", "id-none"]
    span = START + 42 * SECOND, START + 42 * SECOND
    assert Lookup(full.table).exact(wanted, span) == {"id-3", "id-42", "id-105"}
    assert sum(row_groups_read) == 11, "each row group is read once"


def test_a_damaged_file_is_reported(full: Store) -> None:
    with Path(full.table.files()[1].uri).open("r+b") as file:
        file.truncate(100)
    with pytest.raises(StoreError, match="cannot be read"):
        Lookup(full.table).exact(["id-105"], (START, START + 200 * SECOND))
