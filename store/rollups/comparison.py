"""Whether a rollup holds in a month what is counted from its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hubbub.errors import StoreError
from hubbub.store.delta.merge import merge_files, row_groups
from hubbub.store.rollups.monthly import MONTHLY, PARTS
from hubbub.store.rollups.rebuild import counted, read, source, timestamp
from hubbub.store.rollups.tables import Actions, Rollup

if TYPE_CHECKING:
    from hubbub.store.delta.data_file import File
    from hubbub.store.store import Store

__all__ = ["differs"]

_ROWS = 1_500_000  # of a table by month that are compared at once, about


def differs(
    store: Store, rollup: Rollup, source_files: Sequence[File], own: Sequence[File]
) -> bool:
    """Whether the rows of a rollup in a month differ from those of its source.

    Actions are compared some days at a time, tables by month some parts at a time, and other sums,
    which are fewer, at once.

    Args:
        store: the store.
        rollup: the rollup.
        source_files: of the month, of the rollup's source.
        own: of the month, of the rollup.

    Raises:
        StoreError: a file cannot be read.
    """
    if isinstance(rollup, Actions):
        parts = chain.from_iterable(groups for _, groups in counted(store, rollup, source_files))
        stored = row_groups(rollup, map(rollup.combined, merge_files(rollup, own)))
        try:
            return not _same(parts, stored)
        except (OSError, pa.ArrowException) as e:
            raise StoreError(f"{rollup.name} cannot be read: {e}", where=str(rollup.folder)) from e
    _, count, since = source(store, rollup)
    if isinstance(rollup, MONTHLY):
        return _parts_differ(rollup, [file.uri for file in source_files], own, since)
    rows = read(rollup, [file.uri for file in own])
    rows = rollup.combined(rows.filter(pc.greater_equal(rows["time"], timestamp(since))))
    return not rows.equals(rollup.combined(count([file.uri for file in source_files])))


def _parts_differ(rollup: Rollup, events: Sequence[str], own: Sequence[File], since: int) -> bool:
    """Whether the rows of a month differ; the events are read again for every `_ROWS` of them."""
    width = PARTS
    while width > 1 and sum(file.rows for file in own) * width > _ROWS * PARTS:
        width //= 2
    stored = _by_parts(rollup, own, width)
    return any(
        not rollup.combined(rows).equals(
            rollup.combined(rollup.count(events, since, parts=range(first, first + width)))
        )
        for first, rows in zip(range(0, PARTS, width), stored, strict=True)
    )


def _by_parts(rollup: Rollup, files: Sequence[File], width: int) -> Iterator[Any]:
    """Yield the rows of a month for every so many parts: some of each read are of the next ones.

    Raises:
        StoreError: a file cannot be read.
    """
    read_ahead = merge_files(rollup, files)
    held = rollup.schema.empty_table()
    start = rollup.floor(files[0].first) if files else 0
    try:
        for end in range(width, PARTS + width, width):
            parts, rest = [], held
            while not rest.num_rows or _time(rest, -1) < start + end:
                parts.append(rest)
                if (rest := next(read_ahead, None)) is None:
                    rest = held.slice(0, 0)
                    break
            number = int(np.searchsorted(np.asarray(rest["time"].cast(pa.int64())), start + end))
            parts.append(rest.slice(0, number))
            held = rest.slice(number)
            yield pa.concat_tables(parts)
    except (OSError, pa.ArrowException) as e:
        raise StoreError(f"{rollup.name} cannot be read: {e}", where=str(rollup.folder)) from e


def _time(rows: Any, place: int) -> int:
    return int(rows["time"].cast(pa.int64())[place].as_py())


def _same(first: Iterable[Any], second: Iterable[Any]) -> bool:
    """Whether two streams of tables have the same rows, wherever they are cut."""
    streams: tuple[Iterator[Any], Iterator[Any]] = (iter(first), iter(second))
    held: list[Any] = [None, None]
    while True:
        for place, stream in enumerate(streams):
            while held[place] is None or not held[place].num_rows:
                held[place] = next(stream, None)
                if held[place] is None:
                    break
        a, b = held
        if a is None or b is None:
            return a is b
        rows = min(a.num_rows, b.num_rows)
        if not a.slice(0, rows).equals(b.slice(0, rows)):
            return False
        held = [a.slice(rows), b.slice(rows)]
