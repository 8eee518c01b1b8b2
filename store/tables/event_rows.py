"""Rows of the Delta table `events`: their columns, and conversion between events and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from msgspec.structs import astuple

from hubbub.collector.event import Event
from hubbub.store.delta.lean_imports import arrow_without_pandas

__all__ = ["SCHEMA", "to_arrow", "to_events"]

_TEXTS = pa.list_(pa.field("element", pa.string()))
SCHEMA = pa.schema(
    [
        pa.field("time", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("agent", pa.string()),
        pa.field("users", _TEXTS),
        pa.field("objects", _TEXTS),
        pa.field("action", pa.string()),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("extra", pa.map_(pa.string(), pa.string())),
    ]
)


def to_arrow(events: Sequence[Event]) -> Any:
    """Convert events to an Arrow table of `SCHEMA`."""
    arrow_without_pandas()
    if not events:
        return SCHEMA.empty_table()
    fields = zip(*map(astuple, events), strict=True)
    columns: dict[str, Sequence[Any]] = dict(zip(Event.__struct_fields__, fields, strict=True))
    columns["extra"] = [
        None if extra is None else list(extra.items()) for extra in columns["extra"]
    ]
    return pa.table(
        {field.name: pa.array(columns[field.name], field.type) for field in SCHEMA}, schema=SCHEMA
    )


def to_events(rows: Any) -> list[Event]:
    """Convert the rows of an Arrow table of `SCHEMA` to events."""
    arrow_without_pandas()
    columns = {name: rows[name].to_pylist() for name in SCHEMA.names if name != "time"}
    columns["time"] = rows["time"].cast(pa.int64()).to_pylist()
    for name in ("users", "objects"):
        columns[name] = [tuple(texts or ()) for texts in columns[name]]
    columns["extra"] = [None if pairs is None else dict(pairs) for pairs in columns["extra"]]
    return [
        Event(*fields)
        for fields in zip(*(columns[name] for name in Event.__struct_fields__), strict=True)
    ]
