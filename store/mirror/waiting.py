"""Read what waits in a store for a mirror, in parts of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hubbub.store.disk.errors import translate_errors
from hubbub.store.stream.links import Waiting
from hubbub.store.tables.event_rows import SCHEMA

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table
    from hubbub.store.mirror.merging import Keys

__all__ = ["Part", "matching", "parts"]

_READ = 8_192  # rows read at once


@dataclass(frozen=True, slots=True)
class Part:
    """Events that wait.

    Attributes:
        rows: sorted by time, without repeats.
        ends: the files whose last row is among them.
    """

    rows: Any
    ends: tuple[Waiting, ...]


def parts(files: Sequence[Waiting], most: int) -> Iterator[Part]:
    """Yield the events of these files, in order.

    A file that is deleted meanwhile had only events that retention has deleted.

    Args:
        files: that wait.
        most: rows of a part, about.

    Raises:
        StoreError: a file cannot be read.
    """
    held: list[Any] = []
    ends: list[Waiting] = []
    rows = 0
    for file in files:
        try:
            with translate_errors(file.path), pq.ParquetFile(file.path) as parquet:
                for batch in parquet.iter_batches(_READ, columns=SCHEMA.names):
                    held.append(pa.Table.from_batches([batch]).cast(SCHEMA))
                    rows += batch.num_rows
                    if rows >= most:
                        yield Part(_sorted(held), tuple(ends))
                        held, ends, rows = [], [], 0
        except FileNotFoundError:
            pass
        ends.append(file)
    if ends:
        yield Part(_sorted(held), tuple(ends))


def _sorted(held: Sequence[Any]) -> Any:
    rows = pa.concat_tables([SCHEMA.empty_table(), *held])
    return rows.sort_by([("time", "ascending"), ("seq", "ascending")])


def matching(table: Table, keys: Keys, wanted: Any, events: Any) -> Any:
    """Return the rows of a table that belong to events, sorted by time.

    Args:
        table: of a store.
        keys: of the rows to look for.
        wanted: their keys: an array of texts.
        events: sorted by time, not empty.

    Raises:
        StoreError: a file cannot be read.
    """
    times = events["time"].cast(pa.int64()).to_numpy()
    found = [table.schema.empty_table()]
    for file in table.files():
        start, end = np.searchsorted(times, [file.first, file.last + 1])
        if start >= end:
            continue
        with translate_errors(table.folder), pq.ParquetFile(file.uri, pre_buffer=False) as parquet:
            for batch in parquet.iter_batches(_READ, columns=table.schema.names):
                stamps = batch.column(batch.schema.get_field_index("time")).cast(pa.int64())
                ends = pc.min_max(stamps).as_py()
                start, end = np.searchsorted(times, [ends["min"], ends["max"] + 1])
                if start < end:
                    rows = pa.Table.from_batches([batch]).cast(table.schema)
                    found.append(rows.filter(pc.is_in(keys.of(rows), wanted)))
    return pa.concat_tables(found).sort_by("time")
