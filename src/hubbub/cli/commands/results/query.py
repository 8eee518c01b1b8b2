"""`hubbub query NAME`: run a query and print the result."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from hubbub.cli.app import App, common_options
from hubbub.cli.functions import FunctionGroup, finish, make_command, make_runner, stated_parameters
from hubbub.registry import REGISTRY, Function

__all__ = ["query"]

_OWN = frozenset({"output_format", "as_json", "allow_incomplete", "wide", "columns", "rows"})


def _run(app: App, name: str, values: dict[str, Any]) -> int:
    from hubbub.cli.output.formats import Layout, chosen, write

    app.configure_logging()
    form = "json" if values["as_json"] else values["output_format"]
    with app.reading(engine=True) as store:
        runner = make_runner(app, store)
        result = runner.query(name, **stated_parameters(values, _OWN))
        headline = REGISTRY.queries[name].headline
        layout = Layout(headline, values["wide"], values["rows"])
        if values["columns"]:
            layout = replace(layout, headline=())
            result = chosen(result, [c.strip() for c in values["columns"].split(",")])
        write(result, form, layout)
    return finish(runner, allow_incomplete=values["allow_incomplete"])


def _command(function: Function) -> click.Command:
    from hubbub.cli.output.formats import FORMATS, TERMINAL_ROWS

    return make_command(
        function,
        [
            click.Option(
                ["output_format", "--format"],
                type=click.Choice(FORMATS),
                default="table",
                help="Output format. [default: table]",
            ),
            click.Option(["as_json", "--json"], is_flag=True, help="Short for --format json."),
            click.Option(
                ["columns", "--columns"],
                metavar="NAMES",
                help="Only these columns, in this order: n,total.",
            ),
            click.Option(
                ["wide", "--wide"],
                is_flag=True,
                help="Print every column of a table, also where a terminal is too narrow.",
            ),
            click.Option(
                ["rows", "--rows"],
                type=click.IntRange(0),
                help="Print at most so many rows of a table; 0: all. "
                f"[default: {TERMINAL_ROWS} on a terminal, else all]",
            ),
        ],
        _run,
    )


@common_options
@click.group(name="query", cls=FunctionGroup, kind="query", make=_command)
def query() -> None:
    """Run a query and print the result.

    Every query takes --since, --until and the filters; `hubbub query NAME --help` shows its other
    options.
    """
