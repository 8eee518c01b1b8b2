"""Results on standard output: as a table for people, or in one of the encodings of files.

User names and topics are untrusted text: tables drop control and bidi characters and never
interpret markup.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hubbub.analyzers.result import Result
from hubbub.errors import UsageError
from hubbub.formats.encode import json_text, parquet, text
from hubbub.formats.tables import Table, cell, clean, clean_lines, table
from hubbub.language.plurals import plural

__all__ = ["FORMATS", "TERMINAL_ROWS", "Layout", "chosen", "dumps", "show_table", "write"]

FORMATS = ("table", "json", "jsonl", "csv", "text", "html", "parquet")
_TIME = re.compile(r"\d{4}-\d\d(-\d\d)?(T|$)")
#: Rows of a table that a terminal shows where no number is given.
TERMINAL_ROWS = 30


@dataclass(frozen=True, slots=True)
class Layout:
    """How much of a table is printed.

    Attributes:
        headline: columns that come first where a terminal is too narrow for all.
        wide: print every column, however wide.
        rows: at most so many; 0: all; None: all, or `TERMINAL_ROWS` on a terminal.
    """

    headline: Sequence[str] = ()
    wide: bool = False
    rows: int | None = None


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Format as JSON that is safe on a terminal; letters that its encoding lacks are escaped."""
    return json_text(value, indent=indent, ascii_only=_ascii_only())


def _ascii_only() -> bool:
    return "utf" not in (sys.stdout.encoding or "utf-8").lower()


def chosen(result: Result, columns: Sequence[str]) -> Result:
    """Return a result with these columns of its rows only, in this order.

    Raises:
        UsageError: its data are no rows with columns, or a column does not exist.
    """
    if not columns:
        return result
    data = result.data
    if not isinstance(data, list) or not all(isinstance(row, Mapping) for row in data):
        raise UsageError("the answer has no columns to choose from", where="--columns")
    names = tuple(result.columns) or tuple(dict.fromkeys(key for row in data for key in row))
    for column in columns if names else ():
        if column not in names:
            hint = f"there are: {', '.join(names)}"
            if matches := difflib.get_close_matches(column, names, n=1):
                hint = f"did you mean {matches[0]}?"
            raise UsageError(f"there is no column {column!r}", where="--columns", hint=hint)
    rows = [{column: row.get(column) for column in columns} for row in data]
    return replace(result, data=rows, columns=tuple(columns))


def write(result: Result, form: str, layout: Layout = Layout()) -> None:
    """Write a result to standard output; the layout is that of a table.

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
            _print(clean_lines(result.data))
            return
        data = table(result)
        show_table(data, layout)
        if not data.rows:
            sys.stderr.write("no rows\n")
        _print_coverage_and_diagnostics(result)
        return
    _print(text(result, form, ascii_only=_ascii_only()))


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _print(text: str) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    # letters that the encoding lacks become ?
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
    if text and not text.endswith("\n"):
        sys.stdout.write("\n")


def _fitting(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> int:
    """Return how many columns fit side by side; at least one."""
    used = 0
    for i, column in enumerate(columns):
        used += max([len(column), *(len(row[i]) for row in rows)])
        if used > width:
            return max(i, 1)
        used += 3  # the space before the next column
    return len(columns)


def _rounded(value: Any) -> str:
    """Format a cell, with floats rounded to four decimal places."""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, list) and value and all(isinstance(item, float) for item in value):
        return ", ".join(map(_rounded, value))
    return cell(value)


def _arranged(data: Table, headline: Sequence[str]) -> Table:
    """Return a table with some of its columns first."""
    columns = list(data.columns)
    first = [columns.index(name) for name in headline if name in columns]
    order = [*first, *(i for i in range(len(columns)) if i not in first)]
    return Table([columns[i] for i in order], [[row[i] for i in order] for row in data.rows])


def _shortened(data: Table, most: int) -> tuple[Table, str]:
    """Return at most so many rows and what to say of the others.

    Of rows in the order of time these are the newest, whole groups of equal times if they fit; of
    others the first.
    """
    total = len(data.rows)
    if not most or total <= most:
        return data, ""
    times = _times(data)
    ordered = times == sorted(times) and len(set(times)) > 1
    start, which = 0, "first"
    if ordered:
        start, which = times.index(times[-1]), "newest"
        while start and total - (earlier := times.index(times[start - 1])) <= most:
            start = earlier
    rows = data.rows[start : start + most]
    note = f"{total:,} rows, of which these are the {which} {len(rows):,} (--rows 0 shows all)"
    return data._replace(rows=rows), note


def _times(data: Table) -> list[str]:
    """Return the first column that holds a time in each row; empty if there is none."""
    for i in range(len(data.columns)):
        cells = [row[i] for row in data.rows]
        if all(isinstance(value, str) and _TIME.match(value) for value in cells):
            return cells
    return []


def show_table(data: Table, layout: Layout = Layout()) -> None:
    """Print a table; on a terminal what fits, with notes about the other columns and rows."""
    terminal = _on_terminal()
    most = layout.rows if layout.rows is not None else TERMINAL_ROWS if terminal else 0
    data, shortened = _shortened(data, most)
    texts, names = _texts(data)
    hidden: Sequence[str] = ()
    if not terminal:
        _print(_plain(names, texts, _numeric(data)))
    else:
        hidden = _show_on_terminal(data, layout)
    if hidden:
        count = plural(len(hidden), "more column")
        sys.stderr.write(f"{count} (--wide shows all): {', '.join(hidden)}\n")
    if shortened:
        sys.stderr.write(f"{shortened}\n")


def _show_on_terminal(data: Table, layout: Layout) -> Sequence[str]:
    """Print a table on a terminal; return the columns that do not fit."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console(
        file=sys.stdout,
        width=100_000 if layout.wide else None,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        highlight=False,
        markup=False,
        emoji=False,
    )
    texts, names = _texts(data)
    fitting = len(names) if layout.wide else _fitting(names, texts, console.width)
    if fitting < len(names) and layout.headline:
        data = _arranged(data, layout.headline)
        texts, names = _texts(data)
        fitting = _fitting(names, texts, console.width)
    rich_table = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, numeric in zip(names[:fitting], _numeric(data), strict=False):
        rich_table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in texts:
        rich_table.add_row(*map(Text, row[:fitting]))
    with console.capture() as captured:
        console.print(rich_table)
    _print("\n".join(line.rstrip() for line in captured.get().splitlines()))
    return names[fitting:]


def _plain(names: Sequence[str], texts: Sequence[Sequence[str]], numeric: Sequence[bool]) -> str:
    """Return a table as lines; Rich takes 0.1 ms for each cell, and a file may have many rows."""
    lines = [names, *texts]
    columns = [
        [" " * (width - n) + text if right else text + " " * (width - n)
         for text, n in zip(cells, lengths, strict=True)]
        for cells, right in zip(zip(*lines, strict=True), numeric, strict=True)
        for lengths in [list(map(_width, cells))]
        for width in [max(lengths)]
    ]  # fmt: skip
    return "\n".join("  ".join(row).rstrip() for row in zip(*columns, strict=True))


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _numeric(data: Table) -> list[bool]:
    """Return which columns hold numbers."""
    return [
        any(isinstance(row[i], (int, float)) and not isinstance(row[i], bool) for row in data.rows)
        for i in range(len(data.columns))
    ]


def _texts(data: Table) -> tuple[list[list[str]], list[str]]:
    """Return the cells and the names of the columns as texts."""
    texts = [[_rounded(value) for value in row] for row in data.rows]
    return texts, [clean(str(column)) for column in data.columns]


def _print_coverage_and_diagnostics(result: Result) -> None:
    """Write to standard error what the table leaves out: incomplete coverage and diagnostics."""
    if result.since >= result.until:
        sys.stderr.write("coverage: none, the range is empty\n")
    elif result.coverage.state != "complete":
        gaps = len(result.coverage.gaps)
        note = f", {plural(gaps, 'known gap')}" if gaps else ""
        sys.stderr.write(
            f"coverage of {result.zone.iso(result.since)} to {result.zone.iso(result.until)}: "
            f"{result.coverage.state}{note}\n"
        )
    for name, value in result.shown_diagnostics.items():
        if name in {"text", "unmatched"}:  # repeats the table in words; said as a note
            continue
        for line in _diagnostic_lines(value):
            sys.stderr.write(f"{clean(str(name))}: {line}\n")


def _diagnostic_lines(value: Any) -> list[str]:
    """Format a diagnostic: one line per record of a list, one line for anything else."""
    if not (isinstance(value, list) and value and all(isinstance(item, dict) for item in value)):
        return [cell(value)]
    return [", ".join(f"{clean(str(k))} {cell(v)}" for k, v in item.items()) for item in value]
