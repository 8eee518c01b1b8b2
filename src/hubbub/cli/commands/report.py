"""`hubbub report -o DIR`: draw every view, with pages to publish."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.commands.chart import STYLE, check_style
from hubbub.cli.functions import (
    configured_options,
    finish,
    make_runner,
    range_options,
    stated_parameters,
)

__all__ = ["report"]

_OWN = frozenset({"output", "compare", "theme", "style", "allow_incomplete"})


@click.command(name="report")
@click.option(
    "output", "-o", "--output", required=True, metavar="DIR", help="Folder to write into."
)
@click.option(
    "--theme",
    type=click.Choice(["auto", "light", "dark"]),
    default="auto",
    help="Colours; auto follows the reader's screen. [default: auto]",
)
@click.option(
    "--compare",
    type=click.Choice(["previous"]),
    help="Compare with the preceding range of the same length.",
)
@click.option("--style", type=click.Path(), metavar="FILE", help=STYLE)
@pass_app
def report(app: App, /, **values: Any) -> int:
    """Draw every view, with index.html, index.md for blogs, and data.json.

    The same data gives the same bytes, and the pages load nothing from the network. Pictures of an
    earlier report in the folder that the new one does not contain are deleted.
    """
    from datetime import UTC, datetime

    from hubbub.charts.report.report import report as write
    from hubbub.run.injection import Injector

    app.configure_logging()
    app.plugins()
    common = configured_options(app).updated(stated_parameters(values, _OWN), datetime.now(UTC))
    with app.reading() as store:
        inject = Injector(store.state, theme=values["theme"], style=check_style(values["style"]))
        runner = make_runner(app, store, common=common, inject=inject)
        time_range = runner.range()
        files = write(
            runner,
            Path(values["output"]),
            time_range.since,
            time_range.until,
            previous=values["compare"] == "previous",
        )
    click.echo(f"{len(files)} files in {values['output']}; open index.html")
    return finish(runner, allow_incomplete=values["allow_incomplete"])


report.params.extend(range_options())
common_options(report)
