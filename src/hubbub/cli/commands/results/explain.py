"""`hubbub explain NAME`: which events a number of a query counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options
from hubbub.cli.functions import (
    FunctionGroup,
    finish,
    make_command,
    stated_parameters,
)
from hubbub.language.plurals import plural
from hubbub.registry import Function

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubbub.run.explained import Explained

__all__ = ["explain"]

_OWN = frozenset({"row", "column", "page", "as_json", "allow_incomplete"})
_COLUMNS = ("time", "topic", "agent", "users", "objects", "action", "size", "id")


def _run(app: App, name: str, values: dict[str, Any]) -> int:
    from hubbub.run.choice import parse_row
    from hubbub.run.configured import runner_options
    from hubbub.run.explain import Explainer

    app.configure_logging()
    row = parse_row(values["row"])
    with app.reading(engine=True) as store:
        runner = Explainer(store, **runner_options(app.config))
        explained = runner.explain(
            name,
            row,
            column=values["column"],
            page=values["page"],
            **stated_parameters(values, _OWN),
        )
        if values["as_json"]:
            from hubbub.cli.output.formats import dumps

            click.echo(dumps(explained.document(), indent=2))
        else:
            _show(explained)
    return finish(runner, allow_incomplete=values["allow_incomplete"])


def _show(explained: Explained) -> None:
    from hubbub.formats.tables import clean, clean_lines

    click.echo(clean_lines(explained.definition))
    click.echo()
    for line in explained.filters:
        click.echo(f"- {clean(line)}")
    click.echo()
    if explained.row is None:
        _show_rows(explained)
        return
    key = ", ".join(f"{k} {_text(explained.row[k])}" for k in explained.keys)
    click.echo(
        clean(
            f"{explained.column} of {key}: {_text(explained.cell)}, counted from "
            f"{plural(explained.total, 'event')}: {explained.columns[explained.column]}"
        )
    )
    if explained.note:
        click.echo(f"warning: the events give {explained.number}: {explained.note}", err=True)
    if explained.pages > 1:
        click.echo(f"page {explained.page:,} of {explained.pages:,}, newest first")
    _table(_COLUMNS, explained.events)


def _show_rows(explained: Explained) -> None:
    """Print the first rows of the table, and how to choose one."""
    keys = " ".join(f"--row {key}=…" for key in explained.keys)
    click.echo(f"choose a row with {keys}, and a column with --column:")
    for name, means in explained.columns.items():
        click.echo(f"  {name}: {means}")
    click.echo()
    _table([*explained.keys, *explained.columns], explained.rows)


def _table(columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> None:
    from hubbub.cli.output.formats import show_table
    from hubbub.formats.tables import Table

    show_table(Table(columns, [[record.get(column) for column in columns] for record in records]))


def _text(value: Any) -> str:
    from hubbub.formats.tables import cell

    return cell(value) if value is not None else "(none)"


def _command(function: Function) -> click.Command:
    return make_command(
        function,
        [
            click.Option(
                ["row", "--row"],
                multiple=True,
                metavar="KEY=VALUE",
                help="The row of the table, by the columns that identify it. Repeatable. "
                "[default: none; the first rows are listed]",
            ),
            click.Option(
                ["column", "--column"],
                metavar="NAME",
                help="The column of the cell. [default: the first that counts events]",
            ),
            click.Option(
                ["page", "--page"],
                type=click.IntRange(min=1),
                default=1,
                help="Page of a hundred events. [default: 1]",
            ),
            click.Option(["as_json", "--json"], is_flag=True, help="Print the result as JSON."),
        ],
        _run,
    )


@common_options
@click.group(name="explain", cls=FunctionGroup, kind="query", make=_command)
def explain() -> None:
    """List the events that a number of a query counts, newest first.

    A number is a cell of the table that `hubbub query NAME` prints: --row KEY=VALUE (repeatable)
    chooses its row, --column NAME its column, --page N a hundred of its events. Without --row the
    first rows are listed. With the options of that query the events are counted in the same way;
    the answer states the definition and the filters.

    hubbub explain volume --per day --row start=2026-11-14
    """
