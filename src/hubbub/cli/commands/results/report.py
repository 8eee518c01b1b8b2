"""`hubbub report -o DIR`: draw every view, with pages to publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.commands.results.chart import STYLE, check_style
from hubbub.cli.functions import (
    configured_options,
    finish,
    lang_option,
    make_runner,
    range_options,
    request_language,
    stated_parameters,
)
from hubbub.errors import HubbubError
from hubbub.language import use_language

if TYPE_CHECKING:
    from hubbub.charts.report.report import Report

__all__ = ["report", "say_failures"]

_OWN = frozenset(
    {"output", "compare", "theme", "style", "lang", "views", "png", "allow_incomplete"}
)


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
@click.option(
    "--views",
    metavar="NAMES",
    help="Only these views, in this order, those of plugins too: tail,overload. "
    "[default: the configured ones, else every built-in one]",
)
@click.option("--png", is_flag=True, help="Also write each picture as PNG.")
@pass_app
def report(app: App, /, **values: Any) -> int:
    """Draw every view, with index.html, index.md for blogs, and data.json.

    The same data gives the same bytes, and the pages load nothing from the network. Pictures of an
    earlier report in the folder that the new one does not contain are deleted. Views without data
    are named in one line. If a view fails, all others are written, and the exit code is not 0.
    """
    from datetime import UTC, datetime

    from hubbub.charts.report.report import report as write
    from hubbub.run.injection import Injector
    from hubbub.zones import showing

    app.configure_logging()
    app.plugins()
    common = configured_options(app).updated(stated_parameters(values, _OWN), datetime.now(UTC))
    with app.reading(engine=True) as store:
        inject = Injector(store.state, theme=values["theme"], style=check_style(values["style"]))
        runner = make_runner(app, store, common=common, inject=inject)
        time_range = runner.range()
        with showing(common.zone), use_language(request_language(app, values["lang"])):
            written = write(
                runner,
                Path(values["output"]),
                time_range.since,
                time_range.until,
                previous=values["compare"] == "previous",
                views=_views(values["views"]) or app.config.report.views,
                png=values["png"],
                project=app.config.project.name or "",
            )
    click.echo(f"{len(written.files)} files in {values['output']}; open index.html")
    code = finish(runner, allow_incomplete=values["allow_incomplete"])
    return say_failures(written) or code


def _views(text: str | None) -> list[str]:
    """Return the names of `--views`."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def say_failures(written: Report) -> int:
    """Say which views of a report failed and why; return the exit code, 0 if none did."""
    from hubbub.formats.tables import clean_lines

    for failure in written.failures:
        known = isinstance(failure.error, HubbubError)
        why = str(failure.error) if known else repr(failure.error)
        click.echo(f"not drawn: {failure.name}: {clean_lines(why)}", err=True)
    codes = [getattr(failure.error, "exit_code", 1) for failure in written.failures]
    return max(codes, default=0)


report.params.extend([lang_option(), *range_options()])
common_options(report)
