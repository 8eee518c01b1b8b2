"""Results on standard output: as a table for people, or in one of the encodings of files.

User names and topics are untrusted text: tables drop control and bidi characters and never
interpret markup.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from hubbub.analyzers.result import Result
from hubbub.errors import UsageError
from hubbub.formats.encode import json_text, parquet, text
from hubbub.formats.tables import Table, cell, clean, clean_lines, table

__all__ = ["FORMATS", "dumps", "show_table", "write"]

FORMATS = ("table", "json", "jsonl", "csv", "text", "html", "parquet")


def dumps(value: Any, *, indent: int | None = None) -> str:
    """Format as JSON that is safe on a terminal; letters that its encoding lacks are escaped."""
    return json_text(value, indent=indent, ascii_only=_ascii_only())


def _ascii_only() -> bool:
    return "utf" not in (sys.stdout.encoding or "utf-8").lower()


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
            _print(clean_lines(result.data))
            return
        show_table(table(result))
        _print_coverage_and_diagnostics(result)
        return
    _print(text(result, form, ascii_only=_ascii_only()))


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
    if result.since >= result.until:
        sys.stderr.write("coverage: none, the range is empty\n")
    elif result.coverage.state != "complete":
        gaps = len(result.coverage.gaps)
        note = f", {gaps} known gap{'s' if gaps != 1 else ''}" if gaps else ""
        sys.stderr.write(
            f"coverage of {result.zone.iso(result.since)} to {result.zone.iso(result.until)}: "
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
