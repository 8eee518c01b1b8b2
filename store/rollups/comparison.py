"""Whether a rollup holds in a month what is counted from its source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from hubbub.errors import StoreError
from hubbub.store.delta.merge import merge_files, row_groups
from hubbub.store.rollups.rebuild import counted, read, source, timestamp
from hubbub.store.rollups.tables import Actions, Rollup

if TYPE_CHECKING:
    from hubbub.store.delta.data_file import File
    from hubbub.store.store import Store

__all__ = ["differs"]


def differs(
    store: Store, rollup: Rollup, source_files: Sequence[File], own: Sequence[File]
) -> bool:
    """Whether the rows of a rollup in a month differ from those of its source.

    Actions are compared some days at a time; sums, which are fewer, at once.

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
    rows = read(rollup, [file.uri for file in own])
    rows = rollup.combined(rows.filter(pc.greater_equal(rows["time"], timestamp(since))))
    return not rows.equals(rollup.combined(count([file.uri for file in source_files])))


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
