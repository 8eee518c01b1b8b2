"""Exact look-ups in the id column of data files, and keeping the index of ids up to date.

Reads one row group at a time and keeps nothing, so that the loader needs no SQL engine.
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

__all__ = ["Lookup", "update_index"]


def update_index(folder: Path, table: Events, before: int, *, anew: bool = False) -> None:
    """The set of ids learns of the versions that rewriting made.

    A run that dies before this leaves the set behind the table; whoever loads next completes it.

    Args:
        folder: of the set.
        table: of events.
        before: the table's version before.
        anew: ids were changed.
    """
    version = table.version()
    if version == before:
        return
    if anew:
        shutil.rmtree(folder, ignore_errors=True)
    lookup = Lookup(table)
    ids = IdIndex(folder, scan=lookup.scan, exact=lookup.exact)
    if ids.version == before:
        ids.add(hashes(()), version)  # other files, no other ids
    else:
        ids.catch_up(version)


_PART = 1 << 16  # ids read at once


class Lookup:
    """The questions that `Ids` asks of the table."""

    def __init__(self, table: Events) -> None:
        self._table = table

    def exact(self, ids: Sequence[str], span: tuple[int, int]) -> set[str]:
        """Which of these ids the table holds: first where their times are, the rest everywhere.

        Raises:
            StoreError: a file cannot be read.
        """
        files = self._table.files()
        found = self._among(ids, files, span, near=True)
        rest = [one for one in ids if one not in found]
        return found | self._among(rest, files, span, near=False)

    def scan(self, first: int, last: int) -> Iterator[list[str]]:
        """The ids that the table's versions first … last added."""
        for path in self._table.added(first, last):
            with pq.ParquetFile(path) as file:
                for part in file.iter_batches(_PART, columns=["id"]):
                    yield part.column(0).to_pylist()

    def _among(
        self, ids: Sequence[str], files: Sequence[File], span: tuple[int, int], *, near: bool
    ) -> set[str]:
        """Those in the row groups that hold times of the span, or in the others."""
        wanted = pa.array(ids, pa.string())
        found: set[str] = set()
        try:
            for file in files:
                if len(found) == len(ids):
                    break
                if near and not file.overlaps(span[0], span[1] + 1):
                    continue
                with pq.ParquetFile(file.uri, pre_buffer=False) as one:
                    groups = [
                        at
                        for at in range(one.num_row_groups)
                        if _overlaps(one.metadata.row_group(at), span) == near
                    ]
                    for part in one.iter_batches(_PART, row_groups=groups, columns=["id"]):
                        texts = part.column(0)
                        found.update(texts.filter(pc.is_in(texts, wanted)).to_pylist())
        except (OSError, pa.ArrowException) as e:
            raise StoreError(
                f"a data file of the events table cannot be read: {e}",
                where=str(self._table.folder),
            ) from e
        return found


def _overlaps(group: Any, span: tuple[int, int]) -> bool:
    """Whether a row group may hold times of the span, both ends inclusive."""
    times = group.column(0).statistics  # `time` is the first column
    if times is None or not times.has_min_max:
        return True
    return to_micros(times.max) >= span[0] and to_micros(times.min) <= span[1]
