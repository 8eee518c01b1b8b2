"""Add rows up by sorting numbers: for tables whose rows are nearly as many as what they count.

Grouping by texts takes several times as long, and the result would still have to be sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hubbub.lazy import lazy_module
from hubbub.store.rollups.aggregate import SATURATED, add_up

__all__ = ["add_up_sorted", "total_sorted"]

pc = lazy_module("pyarrow.compute")

_HELD = 1 << 20  # rows after which they are added up

Integers = NDArray[np.int64]


def add_up_sorted(rows: Any, keys: Sequence[str], sums: Sequence[str]) -> Any:
    """Group by the keys: sum columns, the least `first`, the greatest `last`; sorted by the keys.

    Args:
        rows: the keys (texts or int64), the sums, `first`, `last` (int64); in any order.
        keys: names of columns.
        sums: names of columns; not negative; a sum above `SATURATED` becomes that.
    """
    if any(rows.num_rows * (pc.max(rows[name]).as_py() or 0) > SATURATED for name in sums):
        added = add_up(rows, keys, sums, least=["first"], most=["last"])
        return added.sort_by([(key, "ascending") for key in keys])
    ranked = [_ranks(rows[key]) for key in keys]
    order = _order([(ranks, len(values)) for values, ranks in ranked])
    begins = np.zeros(len(order), bool)
    begins[:1] = True
    for _, ranks in ranked:
        in_order = ranks[order]
        begins[1:] |= in_order[1:] != in_order[:-1]
    first = np.flatnonzero(begins)
    columns = {
        key: values.take(pa.array(ranks[order[first]]))
        for key, (values, ranks) in zip(keys, ranked, strict=True)
    }
    functions = dict.fromkeys(sums, np.add) | {"first": np.minimum, "last": np.maximum}
    for name, function in functions.items():
        values = np.asarray(rows[name].cast(pa.int64()))[order]
        columns[name] = pa.array(function.reduceat(values, first) if len(first) else values)
    return pa.table(columns)


def total_sorted(parts: Iterable[Any], keys: Sequence[str], sums: Sequence[str]) -> Any:
    """Add parts up as `add_up_sorted` does; memory is bounded by the result and some rows.

    Args:
        parts: at least one, with the columns of `add_up_sorted`.
        keys: names of columns.
        sums: names of columns.
    """
    held: list[Any] = []
    added = 0  # rows of the first table, which is added up
    for part in parts:
        held.append(part)
        if sum(rows.num_rows for rows in held) >= max(_HELD, 2 * added):
            held = [add_up_sorted(pa.concat_tables(held), keys, sums)]
            added = held[0].num_rows
    return add_up_sorted(pa.concat_tables(held), keys, sums)


def _ranks(column: Any) -> tuple[Any, Integers]:
    """Return the sorted distinct values of a column, and each row's place in them."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = pc.dictionary_encode(column)
    order = pc.sort_indices(encoded.dictionary)
    rank = np.empty(len(order), np.int64)
    rank[np.asarray(order)] = np.arange(len(order))
    return encoded.dictionary.take(order), rank[np.asarray(encoded.indices)]


def _order(columns: Sequence[tuple[Integers, int]]) -> Integers:
    """Return the order of rows by columns of ranks, each with the number of its ranks."""
    size = 1
    for _, number in columns:
        size *= max(number, 1)
    if size > SATURATED:
        return np.lexsort([ranks for ranks, _ in reversed(columns)])
    key = np.zeros(len(columns[0][0]), np.int64)
    for ranks, number in columns:
        key = key * number + ranks
    return np.argsort(key, kind="stable")
