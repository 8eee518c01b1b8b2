"""Encodings of results as files: JSON, JSON lines, CSV, text, HTML and Parquet.

User names and topics are untrusted text. Text drops control and bidi characters, HTML is escaped,
and CSV cells that a spreadsheet would run as formulas get an apostrophe before them.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hubbub.analyzers.result import Result
from hubbub.formats.tables import cell, clean, table
from hubbub.language.plurals import plural
from hubbub.spreadsheet import escape_formula

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MEDIA_TYPES", "encode", "json_text", "page", "parquet", "text"]

#: The media type of each encoding.
MEDIA_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
# C1 controls and bidi marks: JSON allows them unescaped, terminals interpret them
_UNSAFE = re.compile("[\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def json_text(value: Any, *, indent: int | None = None, ascii_only: bool = False) -> str:
    """Format as JSON that is safe on a terminal: controls escaped.

    Args:
        value: JSON-ready data.
        indent: spaces of each level; None: one line.
        ascii_only: escape every letter outside ASCII too.
    """
    encoded = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False, indent=indent)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", encoded)


def encode(result: Result, form: str) -> bytes:
    """Encode a result as a file.

    Args:
        result: of a query.
        form: one of `MEDIA_TYPES`.
    """
    return parquet(result) if form == "parquet" else text(result, form).encode()


def text(result: Result, form: str, *, ascii_only: bool = False) -> str:
    """Encode a result as text.

    Args:
        result: of a query.
        form: json, jsonl, csv, text or html.
        ascii_only: escape every letter outside ASCII in JSON.
    """
    if form == "json":
        return json_text(result.document(), indent=2, ascii_only=ascii_only)
    if form == "jsonl":
        rows = result.data if isinstance(result.data, list) else [result.data]
        return "".join(json_text(row, ascii_only=ascii_only) + "\n" for row in rows)
    return _ENCODERS[form](result)


def _clean_lines(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())


def _csv_cell(value: Any) -> Any:
    """Format a CSV cell: numbers unchanged, texts protected from being run as formulas."""
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    return escape_formula(json_text(value) if isinstance(value, (list, dict)) else cell(value))


def _csv(result: Result) -> str:
    columns, rows = table(result)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_csv_cell(column) for column in columns])
    writer.writerows([[_csv_cell(value) for value in row] for row in rows])
    return out.getvalue()


def _text(result: Result) -> str:
    """Format as text: the data or diagnostic `text` if there is one, else tab-separated columns."""
    text = result.data if isinstance(result.data, str) else result.diagnostics.get("text")
    if isinstance(text, str):
        return _clean_lines(text)
    columns, rows = table(result)
    lines = [columns, *([cell(value) for value in row] for row in rows)]
    return "".join("\t".join(clean(text) for text in line) + "\n" for line in lines)


def page(result: Result) -> str:
    """Format as one self-contained HTML page with the result's table."""
    columns, rows = table(result)

    def escaped(value: Any) -> str:
        return html.escape(cell(value))

    def body(value: Any) -> str:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return f"<td{' class=n' if number else ''}>{escaped(value)}</td>"

    head = "".join(f'<th scope="col">{escaped(column)}</th>' for column in columns)
    lines = "\n".join(f"<tr>{''.join(map(body, row))}</tr>" for row in rows)
    about = (
        f"{result.zone.iso(result.since)} to {result.zone.iso(result.until)}, "
        f"{plural(result.events, 'event')}, "
        f"coverage {result.coverage.state}"
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escaped(result.query)}</title>\n<style>:root{{color-scheme:light dark}}"
        "body{font:1rem/1.4 sans-serif;margin:2rem}table{border-collapse:collapse}"
        "th,td{padding:.2rem .6rem;text-align:left;border-bottom:1px solid #8886}"
        ".n{text-align:right;font-variant-numeric:tabular-nums}</style></head>\n"
        f"<body><table><caption>{escaped(result.query)}: {escaped(about)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></body></html>\n"
    )


def parquet(result: Result) -> bytes:
    """Format as a Parquet file of the result's table; its metadata hold the rest of the result."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns, rows = table(result)
    arrays = [_array([row[i] for row in rows]) for i in range(len(columns))]
    metadata = {key: value for key, value in result.document().items() if key != "data"}
    arrow = pa.table(arrays, names=list(columns))
    out = io.BytesIO()
    pq.write_table(
        arrow.replace_schema_metadata({"hubbub": json_text(metadata)}), out, compression="zstd"
    )
    return out.getvalue()


def _array(values: list[Any]) -> pa.Array:
    """Return a column; sums of bytes may need more than 64 bits."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except OverflowError:
        if all(value is None or isinstance(value, int) for value in values):
            exact = [None if value is None else Decimal(value) for value in values]
            return pa.array(exact, pa.decimal128(38))
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # a column of mixed types
        pass
    return pa.array([None if value is None else cell(value) for value in values], pa.string())


_ENCODERS: Mapping[str, Callable[[Result], str]] = {
    "csv": _csv,
    "text": _text,
    "html": page,
}
