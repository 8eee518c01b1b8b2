"""Output formats of results: table, text, JSON, JSON lines, CSV, HTML and Parquet.

User names and topics are untrusted text. Tables drop control and bidi characters and never
interpret markup; HTML is escaped; CSV cells that a spreadsheet would run as formulas get an
apostrophe before them.
"""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from hubbub.analyzers.result import Result
from hubbub.cli.output.tables import Table, cell, clean, table
from hubbub.errors import UsageError
from hubbub.spreadsheet import escape_formula
from hubbub.times import iso

__all__ = ["FORMATS", "dumps", "show_table", "write"]

FORMATS = ("table", "json", "jsonl", "csv", "text", "html", "parquet")
# C1 controls and bidi marks: JSON allows them unescaped, terminals interpret them
_UNSAFE = re.compile("[\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Format as JSON that is safe on a terminal: letters unchanged, controls escaped."""
    # escape non-ASCII letters for an output encoding that lacks them
    ascii_only = "utf" not in (sys.stdout.encoding or "utf-8").lower()
    text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False, indent=indent)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def write(result: Result, form: str) -> None:
    """Write a result to standard output.

    Raises:
        UsageError: Parquet on a terminal.
        BrokenPipeError: the reader closed the pipe.
    """
    if form == "parquet":
        if sys.stdout.isatty():
            raise UsageError("Parquet is a binary format: redirect it with > FILE.parquet")
        sys.stdout.flush()
        sys.stdout.buffer.write(parquet(result))
        return
    if form == "table":
        if isinstance(result.data, str):
            _print(_clean_lines(result.data))
            return
        show_table(table(result))
        _print_coverage_and_diagnostics(result)
        return
    formatters = {"json": _json, "jsonl": _jsonl, "csv": _csv, "text": _text, "html": page}
    _print(formatters[form](result))


def _print(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    # letters that the encoding lacks become ?
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    if text and not text.endswith("\n"):
        sys.stdout.write("\n")


def _clean_lines(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())


def _json(result: Result) -> str:
    return dumps(result.document(), indent=2)


def _jsonl(result: Result) -> str:
    rows = result.data if isinstance(result.data, list) else [result.data]
    return "".join(dumps(row) + "\n" for row in rows)


def _csv_cell(value: Any) -> Any:
    """Format a CSV cell: numbers unchanged, texts protected from being run as formulas."""
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    return escape_formula(dumps(value) if isinstance(value, (list, dict)) else cell(value))


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
        f"{iso(result.since)} to {iso(result.until)}, {result.events} events, "
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
    arrays = []
    for i in range(len(columns)):
        values = [row[i] for row in rows]
        try:
            arrays.append(pa.array(values))
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # a column of mixed types
            arrays.append(pa.array([None if v is None else cell(v) for v in values], pa.string()))
    metadata = {key: value for key, value in result.document().items() if key != "data"}
    arrow = pa.table(arrays, names=list(columns))
    out = io.BytesIO()
    pq.write_table(
        arrow.replace_schema_metadata({"hubbub": dumps(metadata)}), out, compression="zstd"
    )
    return out.getvalue()


def _fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> int:
    """Return how many columns fit side by side; at least one."""
    used = 0
    for i, column in enumerate(columns):
        used += max([len(column), *(len(row[i]) for row in rows)]) + 2
        if used > width:
            return max(i, 1)
    return len(columns)


def _rounded(value: Any) -> str:
    """Format a cell, with floats rounded to four decimal places."""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list) and value and all(isinstance(item, float) for item in value):
        return ", ".join(map(_rounded, value))
    return cell(value)


def show_table(data: Table) -> None:
    """Print a table; on a terminal only the columns that fit, with a note about the others."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    terminal = sys.stdout.isatty()
    colours = terminal and not os.environ.get("NO_COLOR")
    texts = [[_rounded(value) for value in row] for row in data.rows]
    names = [clean(str(column)) for column in data.columns]
    console = Console(
        file=sys.stdout,
        width=None if terminal else 100_000,
        color_system="auto" if colours else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    fitting = _fitting(names, texts, console.width) if terminal else len(names)
    rich_table = RichTable(box=SIMPLE_HEAD if terminal else None, pad_edge=False, show_edge=False)
    for i, name in enumerate(names[:fitting]):
        numeric = any(
            isinstance(row[i], (int, float)) and not isinstance(row[i], bool) for row in data.rows
        )
        rich_table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in texts:
        rich_table.add_row(*map(Text, row[:fitting]))
    with console.capture() as captured:
        console.print(rich_table)
    _print("\n".join(line.rstrip() for line in captured.get().splitlines()))
    if hidden := names[fitting:]:
        sys.stderr.write(f"{len(hidden)} more columns (--json shows all): {', '.join(hidden)}\n")


def _print_coverage_and_diagnostics(result: Result) -> None:
    """Write to standard error what the table leaves out: incomplete coverage and diagnostics."""
    if result.coverage.state != "complete":
        gaps = len(result.coverage.gaps)
        note = f", {gaps} known gap{'s' if gaps != 1 else ''}" if gaps else ""
        sys.stderr.write(
            f"coverage of {iso(result.since)} to {iso(result.until)}: "
            f"{result.coverage.state}{note}\n"
        )
    for name, value in result.diagnostics.items():
        if name in {"text", "unmatched"}:  # repeats the table in words; said as a note
            continue
        for line in _diagnostic_lines(value):
            sys.stderr.write(f"{clean(str(name))}: {line}\n")


def _diagnostic_lines(value: Any) -> list[str]:
    """Format a diagnostic: one line per record of a list, one line for anything else."""
    if not (isinstance(value, list) and value and all(isinstance(item, dict) for item in value)):
        return [cell(value)]
    return [", ".join(f"{clean(str(k))} {cell(v)}" for k, v in item.items()) for item in value]
