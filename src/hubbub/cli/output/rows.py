"""Rows of a command that is no query, in the formats of queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

__all__ = ["rows_format", "show_rows"]

F = TypeVar("F", bound=Callable[..., Any])
_FORMATS = ("table", "json", "jsonl", "csv")


def rows_format(command: F) -> F:
    """Add `--format` and `--json`; the command gets `form`."""

    def short(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
        if value:
            ctx.params["form"] = "json"

    command = click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=short,
        help="Short for --format json.",
    )(command)
    return click.option(
        "form",
        "--format",
        type=click.Choice(_FORMATS),
        default="table",
        is_eager=True,
        help="Output format. [default: table]",
    )(command)


def show_rows(name: str, rows: Sequence[Mapping[str, Any]], form: str) -> None:
    """Write rows to standard output.

    Args:
        name: of what they are.
        rows: JSON-ready records with the same keys.
        form: table, json, jsonl or csv.
    """
    from hubbub.analyzers.result import Result
    from hubbub.cli.output.formats import dumps, show_table, write
    from hubbub.formats.tables import Table
    from hubbub.times import EPOCH

    if form == "json":
        click.echo(dumps(list(rows), indent=2))
    elif not rows:
        return
    elif form == "table":
        show_table(Table(list(rows[0]), [list(row.values()) for row in rows]))
    else:
        data = [dict(row) for row in rows]
        write(Result(name, {}, data, EPOCH, EPOCH, events=0), form)
