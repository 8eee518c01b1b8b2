"""Exact look-ups of ids in the events table, and opening and updating the index of ids.

Look-ups read one row group at a time and keep nothing, so that the loader needs no SQL engine.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.store.tables.events import Events, File
from hubbub.store.tables.id_index import IdIndex, hashes
from hubbub.times import to_micros

__all__ = ["Lookup", "open_index", "update_index"]

_PART = 1 << 16  # ids read at once


def open_index(folder: Path, table: Events) -> IdIndex:
    """Open the index of a table's ids; it may be behind the table (see `IdIndex.catch_up`).

    Needs the loader's lock.
    """
    lookup = Lookup(table)
    return IdIndex(folder, scan=lookup.scan, exact=lookup.exact)


def update_index(folder: Path, table: Events, before: int, *, rebuild: bool = False) -> None:
    """Bring the index up to the versions that a rewrite or compaction made.

    If a run dies before this, the index is behind the table, and the next loader completes it.

    Args:
        folder: of the index.
        table: of events.
        before: the table's version before the rewrite.
        rebuild: read all ids again, because some were changed.
    """
    version = table.version()
    if version == before:
        return
    if rebuild:
        shutil.rmtree(folder, ignore_errors=True)
    index = open_index(folder, table)
    if index.version == before:
        index.add(hashes(()), version)  # other files, but no new ids
    else:
        index.catch_up(version)


class Lookup:
    """Exact look-ups in the events table, for `IdIndex`."""

    def __init__(self, table: Events) -> None:
        self._table = table

    def exact(self, ids: Sequence[str], span: tuple[int, int]) -> set[str]:
        """Return which of these ids the table holds.

        Row groups with times of the span (first and last, µs) are read first, the others only for
        ids that are not there.

        Raises:
            StoreError: a file cannot be read.
        """
        files = self._table.files()
        present = self._search(ids, files, span, inside=True)
        rest = [id_ for id_ in ids if id_ not in present]
        return present | self._search(rest, files, span, inside=False)

    def within(self, ids: Sequence[str], span: tuple[int, int]) -> set[str]:
        """Return which of these ids are in row groups with times of the span (first, last, µs).

        Raises:
            StoreError: a file cannot be read.
        """
        return self._search(ids, self._table.files(), span, inside=True)

    def scan(self, first: int, last: int) -> Iterator[list[str]]:
        """Yield the ids that the table's versions first … last added, in parts."""
        for path in self._table.added(first, last):
            with pq.ParquetFile(path) as parquet:
                for part in parquet.iter_batches(_PART, columns=["id"]):
                    yield part.column(0).to_pylist()

    def _search(
        self, ids: Sequence[str], files: Sequence[File], span: tuple[int, int], *, inside: bool
    ) -> set[str]:
        """Search row groups that hold times of the span (`inside`), or all others."""
        wanted = pa.array(ids, pa.string())
        present: set[str] = set()
        try:
            for file in files:
                if len(present) == len(ids):
                    break
                if inside and not file.overlaps(span[0], span[1] + 1):
                    continue
                with pq.ParquetFile(file.uri, pre_buffer=False) as parquet:
                    groups = [
                        number
                        for number in range(parquet.num_row_groups)
                        if _overlaps(parquet.metadata.row_group(number), span) == inside
                    ]
                    for part in parquet.iter_batches(_PART, row_groups=groups, columns=["id"]):
                        texts = part.column(0)
                        present.update(texts.filter(pc.is_in(texts, wanted)).to_pylist())
        except (OSError, pa.ArrowException) as e:
            raise StoreError(
                f"a data file of the events table cannot be read: {e}",
                where=str(self._table.folder),
            ) from e
        return present


def _overlaps(group: Any, span: tuple[int, int]) -> bool:
    """Whether a row group may hold times of the span, both ends inclusive."""
    times = group.column(0).statistics  # `time` is the first column
    if times is None or not times.has_min_max:
        return True
    return to_micros(times.max) >= span[0] and to_micros(times.min) <= span[1]
