"""Fingerprints of sums: whether a rollup holds the sums of its source, without grouping anything.

The fingerprint of rows has two numbers for each column of sums: the sum of hash(period, names)
times value, modulo 2^64, and the sum of the values, which is exact: it tells sums that overflowed
64 bits. It is linear: the fingerprint of two sets of rows is the sum of theirs, and
adding rows up does not change it. So it can be computed from files one by one, in any order, from
events as from sums, in the memory of one part of a file. Different sums have the same fingerprint
about as often as two texts have the same 64-bit hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hubbub.store.rollups.aggregate import by_topic, by_user
from hubbub.store.rollups.tables import Rollup

__all__ = ["Fingerprint", "added", "has_fingerprint", "of_events", "of_sums", "zero"]

Fingerprint: TypeAlias = tuple[int, ...]
Words: TypeAlias = NDArray[np.uint64]

_MASK = (1 << 64) - 1
_KNOWN = 1 << 17  # texts whose hashes are kept


def has_fingerprint(rollup: Rollup) -> bool:
    """Whether the rows of a rollup are plain sums, so that fingerprints tell them apart."""
    return rollup.counted in {by_user, by_topic} and not rollup.saturated


def zero(rollup: Rollup) -> Fingerprint:
    """Return the fingerprint of no rows."""
    return (0,) * (2 * len(rollup.sums))


def added(a: Sequence[int], b: Sequence[int]) -> Fingerprint:
    """Return the fingerprint of the rows of both."""
    pairs = enumerate(zip(a, b, strict=True))
    return tuple((x + y) & _MASK if n % 2 == 0 else x + y for n, (x, y) in pairs)


def of_events(rollup: Rollup, rows: Any, since: int) -> Fingerprint:
    """Return the fingerprint of the sums of events.

    Args:
        rollup: counts them by user or by topic.
        rows: a table of events.
        since: only events from this time on, µs.
    """
    rows = _later(rows, since)
    times = rows["time"].cast(pa.int64())
    periods = _integers(pc.multiply(pc.divide(times, rollup.unit), rollup.unit))
    sizes = _integers(rows["size"])
    if rollup.counted is by_topic:
        keys = _keys(periods, rows["topic"], rows["category"])
        return _counted(keys) + _weighed(keys, sizes)
    parents = _integers(pc.list_parent_indices(rows["users"])).astype(np.int64)
    named = _keys(periods[parents], pc.list_flatten(rows["users"]))
    acting = np.flatnonzero(np.asarray(pc.is_valid(rows["agent"]).combine_chunks()))
    acted = _keys(periods[acting], rows["agent"].take(pa.array(acting)))
    mentioned = _counted(named) + _weighed(named, sizes[parents])
    return mentioned + _counted(acted) + _weighed(acted, sizes[acting])


def of_sums(rollup: Rollup, rows: Any, since: int = 0) -> Fingerprint:
    """Return the fingerprint of rows of a rollup, or of rows of the finer one as if summed up.

    Args:
        rollup: the rollup.
        rows: a table of its rows.
        since: only periods from this time on, µs.
    """
    rows = _later(rows, since)
    times = rows["time"].cast(pa.int64())
    distinct = pc.unique(times)
    starts = np.array([rollup.floor(time) for time in distinct.to_pylist()], np.int64)
    places = np.asarray(pc.index_in(times, distinct).combine_chunks()).astype(np.int64)
    periods = starts[places].view(np.uint64) if len(places) else np.empty(0, np.uint64)
    keys = _keys(periods, *(rows[name] for name in rollup.keys if name != "time"))
    found: Fingerprint = ()
    for name in rollup.sums:
        found += _weighed(keys, _integers(rows[name]))
    return found


def _later(rows: Any, since: int) -> Any:
    if not since:
        return rows
    return rows.filter(pc.greater_equal(rows["time"].cast(pa.int64()), since))


def _integers(column: Any) -> Words:
    """Return a column of integers without nulls as 64-bit words."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return np.asarray(column.cast(pa.int64())).view(np.uint64)


def _keys(periods: Words, *names: Any) -> Words:
    """Return the hash of each row's period and names."""
    keys = _mixed(periods)
    for column in names:
        keys = _mixed(keys + _hashes(column))
    return keys


def _hashes(column: Any) -> Words:
    """Return the hash of each text of a column without nulls."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    encoded = pc.dictionary_encode(column)
    distinct = np.array([_hash(text) for text in encoded.dictionary.to_pylist()], np.uint64)
    places = np.asarray(encoded.indices).astype(np.int64)
    return distinct[places] if len(places) else np.empty(0, np.uint64)


@lru_cache(_KNOWN)
def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8, person=b"sums").digest(), "little")


def _mixed(words: Words) -> Words:
    """Spread each word over all bits, one to one (the finalizer of SplitMix64)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _counted(keys: Words) -> Fingerprint:
    """Return the numbers of a column that is 1 in each row."""
    return _sum(keys), len(keys)


def _weighed(keys: Words, values: Words) -> Fingerprint:
    """Return the numbers of a column."""
    signed = values.view(np.int64)
    high, low = int((signed >> 32).sum()), int((signed & 0xFFFFFFFF).sum())
    return _sum(keys * values), (high << 32) + low


def _sum(words: Words) -> int:
    """Return the sum modulo 2^64."""
    return int(np.sum(words, dtype=np.uint64))
