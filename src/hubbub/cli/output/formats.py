"""Answers on standard output: table, text, JSON, JSON lines, CSV, HTML, Parquet.

Comes in: a `Result`. Goes out: text or bytes. User names and topics are strangers' text: in tables
they lose control and bidi characters and are never taken as markup; in HTML they are escaped; in
CSV a cell that a spreadsheet would run as a formula (it starts with = + - @) gets a ' before it.
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
# C1 controls and bidi marks: JSON allows them raw, terminals act on them
_UNSAFE = re.compile("[\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def dumps(value: Any, *, indent: int | None = None) -> str:
    """JSON that a terminal can show: letters as they are, what could do harm escaped."""
    # an output that cannot hold every letter gets escapes, never a wrong letter
    plain = "utf" not in (sys.stdout.encoding or "utf-8").lower()
    text = json.dumps(value, ensure_ascii=plain, allow_nan=False, indent=indent)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def write(result: Result, form: str) -> None:
    """Write an answer to standard output.

    Raises:
        UsageError: Parquet to a terminal.
        BrokenPipeError: the reader left.
    """
    if form == "parquet":
        if sys.stdout.isatty():
            raise UsageError("Parquet is for files: add > FILE.parquet")
        sys.stdout.flush()
        sys.stdout.buffer.write(parquet(result))
        return
    if form == "table":
        if isinstance(result.data, str):
            _out(_multiline(result.data))
            return
        show_table(table(result))
        _state(result)
        return
    makers = {"json": _json, "jsonl": _jsonl, "csv": _csv, "text": _text, "html": page}
    _out(makers[form](result))


def _out(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    # a terminal that cannot show a letter shows ?, and the command goes on
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    if text and not text.endswith("\n"):
        sys.stdout.write("\n")


def _multiline(text: str) -> str:
    return "\n".join(clean(line) for line in text.splitlines())


def _json(result: Result) -> str:
    return dumps(result.document(), indent=2)


def _jsonl(result: Result) -> str:
    rows = result.data if isinstance(result.data, list) else [result.data]
    return "".join(dumps(row) + "\n" for row in rows)


def _guarded(value: Any) -> Any:
    """A cell of CSV: text that a spreadsheet would run gets an apostrophe before it."""
    if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
        return value
    return escape_formula(dumps(value) if isinstance(value, (list, dict)) else cell(value))


def _csv(result: Result) -> str:
    columns, rows = table(result)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_guarded(column) for column in columns])
    writer.writerows([[_guarded(value) for value in row] for row in rows])
    return out.getvalue()


def _text(result: Result) -> str:
    """Text as it is; what an answer says in words; else columns with a tab between them."""
    text = result.data if isinstance(result.data, str) else result.diagnostics.get("text")
    if isinstance(text, str):
        return _multiline(text)
    columns, rows = table(result)
    lines = [columns, *([cell(value) for value in row] for row in rows)]
    return "".join("\t".join(clean(text) for text in line) + "\n" for line in lines)


def page(result: Result) -> str:
    """One HTML page with the answer's table; asks nothing of anybody."""
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
    """A Parquet file of the answer's table; its metadata hold the rest of the answer."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns, rows = table(result)
    arrays = []
    for at in range(len(columns)):
        values = [row[at] for row in rows]
        try:
            arrays.append(pa.array(values))
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # a column of several kinds
            arrays.append(pa.array([None if v is None else cell(v) for v in values], pa.string()))
    rest = {k: v for k, v in result.document().items() if k != "data"}
    made = pa.table(arrays, names=list(columns)).replace_schema_metadata({"hubbub": dumps(rest)})
    out = io.BytesIO()
    pq.write_table(made, out, compression="zstd")
    return out.getvalue()


def _fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> int:
    """How many columns fit side by side; at least one."""
    used = 0
    for at, column in enumerate(columns):
        used += max([len(column), *(len(row[at]) for row in rows)]) + 2
        if used > width:
            return max(at, 1)
    return len(columns)


def _shown(value: Any) -> str:
    """A number of a table for people: four digits behind the point are enough."""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list) and value and all(isinstance(one, float) for one in value):
        return ", ".join(map(_shown, value))
    return cell(value)


def show_table(what: Table) -> None:
    """A table for people. A terminal gets as many columns as fit, and is told."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    terminal = sys.stdout.isatty()
    colours = terminal and not os.environ.get("NO_COLOR")
    texts = [[_shown(value) for value in row] for row in what.rows]
    names = [clean(str(column)) for column in what.columns]
    console = Console(
        file=sys.stdout,
        width=None if terminal else 100_000,
        color_system="auto" if colours else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    fit = _fitting(names, texts, console.width) if terminal else len(names)
    made = RichTable(box=SIMPLE_HEAD if terminal else None, pad_edge=False, show_edge=False)
    for at, name in enumerate(names[:fit]):
        numbers = any(
            isinstance(row[at], (int, float)) and not isinstance(row[at], bool) for row in what.rows
        )
        made.add_column(Text(name), justify="right" if numbers else "left", overflow="fold")
    for row in texts:
        made.add_row(*(Text(text) for text in row[:fit]))
    with console.capture() as captured:
        console.print(made)
    _out("\n".join(line.rstrip() for line in captured.get().splitlines()))
    if fit < len(names):
        left = ", ".join(names[fit:])
        sys.stderr.write(f"{len(names) - fit} more columns (--json shows all): {left}\n")


def _state(result: Result) -> None:
    """What the table does not say: how complete it is, and how sure."""
    if result.coverage.state != "complete":
        gaps = len(result.coverage.gaps)
        known = f", {gaps} known gap{'s' if gaps != 1 else ''}" if gaps else ""
        sys.stderr.write(
            f"coverage of {iso(result.since)} to {iso(result.until)}: "
            f"{result.coverage.state}{known}\n"
        )
    for name, value in result.diagnostics.items():
        if name == "text":  # the table again, in words
            continue
        for one in _lines(value):
            sys.stderr.write(f"{clean(str(name))}: {one}\n")


def _lines(value: Any) -> list[str]:
    """A diagnostic as people read it: records a line each, everything else on one."""
    if not (isinstance(value, list) and value and all(isinstance(one, dict) for one in value)):
        return [cell(value)]
    return [", ".join(f"{clean(str(k))} {cell(v)}" for k, v in one.items()) for one in value]
