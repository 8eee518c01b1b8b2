"""The Delta table `samples`: gauges that somebody reads at times, such as counts of a system.

Comes in: for each new event of samples, its values by name. Goes out: a commit that carries the
batch's number (see `beside`), and for queries a lazy table with the names there are. A missing
value is a null row. No person is in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pyarrow as pa

from hubbub.collector.decode.notebooks import COLUMNS
from hubbub.collector.event import Event
from hubbub.store.tables.companion import Beside
from hubbub.times import from_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = [
    "SAMPLES",
    "SelectedSamples",
    "Sample",
    "Samples",
    "columns",
    "from_events",
    "read",
    "save_columns",
]

SAMPLES = pa.schema(
    [
        pa.field("time", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("origin", pa.int64(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.int64()),
    ]
)
_KEY = "samples:columns"


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One value of one gauge."""

    time: int  # µs since the epoch
    seq: int  # of the line
    origin: int  # a number for the file, which tells lines of several apart
    name: str
    value: int | None


@dataclass(frozen=True, slots=True)
class SelectedSamples:
    """What queries see: the samples of a range, lazy, and every name in the order of import."""

    table: ir.Table
    columns: tuple[str, ...]


class Samples(Beside):
    """The table of samples."""

    name: ClassVar[str] = "samples"
    schema: ClassVar[Any] = SAMPLES
    order: ClassVar[Sequence[str]] = ("time", "seq")
    options: ClassVar[Mapping[str, Any]] = {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": ["name", "origin"],
        "column_encoding": {
            "time": "DELTA_BINARY_PACKED",
            "seq": "DELTA_BINARY_PACKED",
            "value": "DELTA_BINARY_PACKED",
        },
    }


def from_events(
    events: Iterable[Event], values: Mapping[str, Mapping[str, str]]
) -> Iterator[Sample]:
    """The samples of events.

    Args:
        events: new ones; those that are no samples are passed over.
        values: id of an event → its values as texts, an empty one for a missing value.
    """
    for event in events:
        if found := values.get(event.id):
            digest = hashlib.blake2b(event.source.encode(), digest_size=8).digest()
            origin = int.from_bytes(digest, "little", signed=True)
            for name, text in found.items():
                value = int(text) if text else None
                yield Sample(event.time, event.seq, origin, name, value)


def save_columns(state: State, names: Sequence[str]) -> None:
    """Write down an import's columns, also if it has no line; those known before keep their place.

    Loaders and queries of other processes read them: a gauge without a sample is a gauge.
    """
    with state.transaction():
        known = state.get(_KEY) or []
        state.set(_KEY, list(dict.fromkeys([*known, *names])))


def columns(state: State) -> tuple[str, ...]:
    """The names of all gauges; before the first import those that a notebook server has."""
    return tuple(state.get(_KEY) or COLUMNS["seed"])


def read(store: Store, since: int, until: int) -> SelectedSamples:
    """The samples with times in [since, until), µs."""
    import ibis

    near = [f.uri for f in store.samples.files() if f.overlaps(since, until)]
    if near:
        rows = store.backend.read_parquet(near, hive_partitioning=False)
    else:
        name = "no_samples"
        store.backend.con.register(name, SAMPLES.empty_table())
        rows = store.backend.table(name)
    start, end = ibis.timestamp(from_micros(since)), ibis.timestamp(from_micros(until))
    rows = rows.filter(rows.time >= start, rows.time < end)
    return SelectedSamples(rows, columns(store.state))
