"""Tables to download: CSV, JSON and Parquet of the same rows, with types and units.

Texts are cleaned, and cells that a spreadsheet would run as formulas get an apostrophe in CSV.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from hubbub.charts.picture.text import clean
from hubbub.formats.encode import json_text
from hubbub.spreadsheet import escape_formula
from hubbub.times import iso
from hubbub.zones import current

if TYPE_CHECKING:
    import pyarrow as pa

    from hubbub.charts.picture.drawing import Drawing

__all__ = ["FORMS", "Column", "Table", "csv_bytes", "from_drawing", "json_bytes", "parquet_bytes"]

Type = Literal["string", "integer", "number", "boolean", "date", "datetime"]
#: Encodings: suffix, format and media type.
FORMS: Mapping[str, tuple[str, str]] = {
    "csv": ("CSV", "text/csv"),
    "json": ("JSON", "application/json"),
    "parquet": ("Parquet", "application/vnd.apache.parquet"),
}
_TEXT = 300  # characters of a cell
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")
_WHOLE = 2**53  # of JSON and JavaScript
_UNITS: Mapping[str, str] = {
    "messages": "messages",
    "before": "messages",
    "now": "messages",
    "change": "messages",
    "ideal": "messages",
    "bytes": "bytes",
    "people": "people",
    "users": "people",
    "active": "people",
    "new": "people",
    "seen so far": "people",
    "of": "people",
    "share": "fraction of 1",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: of the column.
        type: in the words of Frictionless Data.
        unit: of its numbers; empty if it has none.
        about: what it holds; empty if the name says it.
    """

    name: str
    type: Type
    unit: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with what is known of them.

    Attributes:
        name: of its files: letters, digits and underscores.
        title: what it shows.
        columns: one for each cell of a row.
        rows: of cells: text, number, bool, date, datetime or None.
        facts: metadata of the whole: query, parameters, range, coverage.
        label: what readers call it, where the title is a finding.
    """

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]] = field(repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)
    label: str = ""


def from_drawing(name: str, label: str, drawing: Drawing) -> Table:
    """Return the table behind a picture; equal names of columns are numbered."""
    rows = [[_cell(value) for value in row] for row in drawing.rows]
    names: dict[str, int] = {}
    columns = []
    for i, given in enumerate(drawing.columns):
        text = clean(given, 100) or "value"
        names[text] = names.get(text, 0) + 1
        text = text if names[text] == 1 else f"{text} ({names[text]})"
        kind = _type([row[i] for row in rows])
        unit = _UNITS.get(text.casefold(), "") if kind in {"integer", "number"} else ""
        columns.append(Column(text, kind, unit))
    return Table(name, drawing.title, columns, rows, drawing.metadata, label)


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return current().iso(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        # what a picture holds as a float may be a count
        return int(value) if value.is_integer() and abs(value) < _WHOLE else value
    if value is None or isinstance(value, bool | int | date):
        return value
    if isinstance(value, str):
        return clean(value, _TEXT)
    return clean(json.dumps(value, sort_keys=True, default=str), _TEXT)


def _type(values: Iterable[Any]) -> Type:
    known = [value for value in values if value is not None]
    tests: Mapping[Type, Callable[[Any], bool]] = {
        "boolean": lambda v: isinstance(v, bool),
        "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
        "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
        "date": lambda v: isinstance(v, date) or bool(isinstance(v, str) and _DATE.fullmatch(v)),
        "datetime": lambda v: bool(isinstance(v, str) and _TIME.fullmatch(v)),
    }
    return next((t for t, fits in tests.items() if known and all(map(fits, known))), "string")


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _ready(column: Column, value: Any) -> Any:
    """Return a cell ready for JSON: numbers and booleans as they are."""
    numeric = column.type in {"integer", "number", "boolean"}
    return value if value is None or numeric else _text(value)


def csv_bytes(table: Table) -> bytes:
    """Encode as CSV (RFC 4180) in UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([escape_formula(column.name) for column in table.columns])
    for row in table.rows:
        cells = []
        for column, value in zip(table.columns, row, strict=True):
            ready = _ready(column, value)
            if isinstance(ready, bool):
                ready = _text(ready)
            cells.append(escape_formula(ready) if column.type == "string" and ready else ready)
        writer.writerow(cells)
    return out.getvalue().encode()


def json_bytes(table: Table) -> bytes:
    """Encode as a JSON array of records, one on each line."""
    names = [column.name for column in table.columns]
    lines = (
        json_text({n: _ready(c, v) for n, c, v in zip(names, table.columns, row, strict=True)})
        for row in table.rows
    )
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def parquet_bytes(table: Table) -> bytes:
    """Encode as Parquet, compressed with Snappy, which the page's script reads."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [
        _array(column, [row[i] for row in table.rows]) for i, column in enumerate(table.columns)
    ]
    fields = [
        pa.field(c.name, a.type, metadata={"unit": c.unit} if c.unit else None)
        for c, a in zip(table.columns, arrays, strict=True)
    ]
    rows = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    texts = [c.name for c in table.columns if c.type == "string"]
    whole = [c.name for c, a in zip(table.columns, arrays, strict=True) if _packs(a.type)]
    out = io.BytesIO()
    pq.write_table(
        rows,
        out,
        compression="snappy",
        use_dictionary=texts,
        column_encoding=dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        write_statistics=False,  # they would repeat texts
    )
    return out.getvalue()


def _packs(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_date32(kind))


def _array(column: Column, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    if column.type == "date":
        days = [date.fromisoformat(v) if isinstance(v, str) else v for v in values]
        return pa.array(days, pa.date32())
    if column.type == "datetime":
        times = [datetime.fromisoformat(v) if isinstance(v, str) else v for v in values]
        return pa.array(times, pa.timestamp("us", "UTC"))
    if column.type == "integer":
        small = all(v is None or -(2**63) <= v < 2**63 for v in values)
        whole = values if small else [None if v is None else float(v) for v in values]
        return pa.array(whole, pa.int64() if small else pa.float64())
    kinds = {"number": pa.float64(), "boolean": pa.bool_()}
    if column.type in kinds:
        return pa.array(values, kinds[column.type])
    return pa.array([None if v is None else _text(v) for v in values], pa.string())
