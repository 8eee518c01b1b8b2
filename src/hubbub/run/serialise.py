"""Conversion of a query function's return value to JSON-ready data.

Ibis expressions are executed. Times become ISO 8601 texts in the zone of the
request, with offset (Z in UTC), NaN and infinity None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any

from hubbub.zones import current

__all__ = ["execute", "json_ready"]

_PLAIN = frozenset((str, int, bool, type(None)))  # JSON holds these as they are


def execute(value: Any) -> tuple[Any, tuple[str, ...]]:
    """Return JSON-ready data and, for a table, its columns in order.

    Args:
        value: an Ibis or Arrow table (becomes a list of records), an Ibis column (a list), an Ibis
            scalar (a value), or anything that `json_ready` accepts.

    Raises:
        TypeError: JSON cannot hold the value.
    """
    arrow = value.to_pyarrow() if hasattr(value, "to_pyarrow") else value
    if hasattr(arrow, "column_names"):
        return _records(arrow), tuple(arrow.column_names)
    if arrow is not value:
        return json_ready(arrow.to_pylist() if hasattr(arrow, "to_pylist") else arrow.as_py()), ()
    data = json_ready(value)
    if isinstance(value, list) and value and hasattr(value[0], "_fields"):  # named tuples
        return data, tuple(value[0]._fields)
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        return data, tuple(dict.fromkeys(chain.from_iterable(data)))
    return data, ()


def _records(table: Any) -> list[dict[str, Any]]:
    """Convert an Arrow table, column by column: a large one has few kinds of values."""
    names = table.column_names
    columns = map(_values, table.columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        values: list[Any] = column.to_pylist()
        return values
    if pa.types.is_date(kind):  # there are few different ones
        encoded = column.combine_chunks().dictionary_encode()
        texts = json_ready(encoded.dictionary.to_pylist())
        return [None if i is None else texts[i] for i in encoded.indices.to_pylist()]
    ready: list[Any] = json_ready(column.to_pylist(maps_as_pydicts="strict"))
    return ready


def _number(value: float | Decimal) -> int | float | None:
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    return value if math.isfinite(value) else None


def _time(value: datetime | date | timedelta) -> str | float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return current().iso(value if value.tzinfo else value.replace(tzinfo=UTC))
    return value.isoformat()


def _key(value: Any) -> str:
    ready = json_ready(value)
    return ready if isinstance(ready, str) else str(ready)


def _other(value: Any) -> Any:
    """Reduce less common types to those that `json_ready` knows."""
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "__struct_fields__"):  # a msgspec Struct
        return {name: getattr(value, name) for name in value.__struct_fields__}
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return value.tolist()
    raise TypeError(f"a query cannot return a {type(value).__name__}")


def json_ready(value: Any) -> Any:
    """Convert a value to types that JSON can hold; tuples become lists, sets sorted lists.

    Raises:
        TypeError: the value, or one inside it, has no such form.
    """
    kind = type(value)  # first what the many values of a large result are
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {
            key if type(key) is str else _key(key): inner
            if type(inner) in _PLAIN
            else json_ready(inner)
            for key, inner in value.items()
        }
    return value.isoformat() if kind is date else _of_any_kind(value)


def _of_any_kind(value: Any) -> Any:  # noqa: PLR0911 - one line per kind of value
    if isinstance(value, Enum):
        return json_ready(value.value)
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (float, Decimal)):
        return _number(value)
    if isinstance(value, (datetime, date, timedelta)):
        return _time(value)
    if isinstance(value, Mapping):
        return {_key(key): json_ready(inner) for key, inner in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(map(json_ready, value), key=lambda item: (str(type(item)), item))
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [json_ready(item) for item in value]
    return json_ready(_other(value))
