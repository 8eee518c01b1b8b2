"""`hubbub query NAME`: run an analyzer, and write its answer."""

from __future__ import annotations

from typing import Any

import click

from hubbub.cli.app import App, common_options
from hubbub.cli.functions import FunctionGroup, finish, make_command, make_runner, stated_parameters
from hubbub.registry import Function

__all__ = ["query"]

_TAKEN = frozenset({"output_format", "as_json", "allow_incomplete"})


def _run(app: App, name: str, values: dict[str, Any]) -> int:
    from hubbub.cli.output.formats import write

    app.configure_logging()
    form = "json" if values["as_json"] else values["output_format"]
    with app.reading() as store:
        runner = make_runner(app, store)
        result = runner.query(name, **stated_parameters(values, _TAKEN))
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
                help="How the answer is written. [default: table]",
            ),
            click.Option(["as_json", "--json"], is_flag=True, help="The same as --format json."),
        ],
        _run,
    )


class _Queries(FunctionGroup):
    kind = "query"
    make = staticmethod(_command)


@common_options
@click.group(name="query", cls=_Queries)
def query() -> None:
    """Run an analyzer and write its answer to standard output.

    Every query takes --since and --until, the filters, and options of its own:
    `hubbub query NAME --help`.
    """
