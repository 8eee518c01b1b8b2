"""The Delta table `samples`: values of gauges over time, such as a notebook server's counts.

A missing value is a null row. The table holds no personal data.
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
from hubbub.store.tables.companion import CompanionTable

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.state.database import State

__all__ = [
    "KEY",
    "SAMPLES",
    "Sample",
    "Samples",
    "SelectedSamples",
    "columns",
    "from_events",
    "origin_of",
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
#: Key of the state: the names of gauges.
KEY = "samples:columns"


class Sample(msgspec.Struct, frozen=True, gc=False):
    """A value of a gauge."""

    time: int  # µs since the epoch
    seq: int  # line number
    origin: int  # hash of the imported file's name: line numbers are only unique within a file
    name: str
    value: int | None


@dataclass(frozen=True, slots=True)
class SelectedSamples:
    """The samples of a range, as a lazy table, and the names of all gauges in order of import."""

    table: ir.Table
    columns: tuple[str, ...]


class Samples(CompanionTable):
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
    """Yield the samples that events carry.

    Args:
        events: new ones; those without samples are skipped.
        values: event id → gauge name → value as text, empty for a missing value.
    """
    for event in events:
        if gauges := values.get(event.id):
            origin = origin_of(event.source)
            for name, text in gauges.items():
                value = int(text) if text else None
                yield Sample(event.time, event.seq, origin, name, value)


def origin_of(source: str) -> int:
    """Return what stands for an event's source in its samples."""
    digest = hashlib.blake2b(source.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def save_columns(state: State, names: Sequence[str]) -> None:
    """Add an import's columns to the names of gauges, also if the import has no lines.

    Names keep the order in which they were first imported. Other processes read them from the
    state, since a gauge may have no sample.
    """
    with state.transaction():
        saved = state.get(KEY) or []
        state.set(KEY, list(dict.fromkeys([*saved, *names])))


def columns(state: State) -> tuple[str, ...]:
    """Return the names of all gauges; before the first import, those of a notebook server."""
    return tuple(state.get(KEY) or COLUMNS["seed"])
