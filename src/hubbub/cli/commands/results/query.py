"""`hubbub query NAME`: run a query and print the result."""

from __future__ import annotations

from typing import Any

import click

from hubbub.cli.app import App, common_options
from hubbub.cli.functions import FunctionGroup, finish, make_command, make_runner, stated_parameters
from hubbub.registry import Function

__all__ = ["query"]

_OWN = frozenset({"output_format", "as_json", "allow_incomplete"})


def _run(app: App, name: str, values: dict[str, Any]) -> int:
    from hubbub.cli.output.formats import write

    app.configure_logging()
    form = "json" if values["as_json"] else values["output_format"]
    with app.reading() as store:
        runner = make_runner(app, store)
        result = runner.query(name, **stated_parameters(values, _OWN))
        write(result, form)
    return finish(runner, allow_incomplete=values["allow_incomplete"])


def _command(function: Function) -> click.Command:
    from hubbub.cli.output.formats import FORMATS

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
