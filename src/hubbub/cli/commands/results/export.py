"""`hubbub export`: write stored events to a file."""

from __future__ import annotations

from typing import Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import range_options, stated_parameters
from hubbub.language.plurals import plural

__all__ = ["export"]

#: Not options of this command: they leave out users, not events.
_WITHOUT = frozenset({"by", "bots", "not_user", "allow_incomplete"})
_OWN = frozenset({"output", "form"})


@click.command(name="export")
@click.option(
    "output",
    "-o",
    "--output",
    required=True,
    metavar="FILE",
    help="File to write; - is standard output.",
)
@click.option(
    "form",
    "--format",
    type=click.Choice(["jsonl", "csv", "parquet"]),
    help="Format of the file. Default: by its name, else jsonl.",
)
@pass_app
def export(app: App, /, *, output: str, form: str | None, **values: Any) -> None:
    """Write the stored events of a range to a file, ordered by time.

    Without --since and --until all events are written; with --tz, dates are days of that time
    zone. `hubbub import --format jsonl` reads JSON lines as the same events again. A name that
    ends in .gz gives a gzip file.
    """
    from datetime import UTC, datetime

    from hubbub.cli.output.progress import bar
    from hubbub.run.scope import CommonOptions
    from hubbub.store.query.event_files import FORMATS
    from hubbub.store.query.event_files import export as write
    from hubbub.store.query.selection import FILTERS, Selection
    from hubbub.store.query.unmatched import unmatched
    from hubbub.times import to_micros

    app.configure_logging()
    options = CommonOptions(tz=app.config.project.timezone).updated(
        stated_parameters(values, _OWN), datetime.now(UTC)
    )
    suffix = output.removesuffix(".gz").rpartition(".")[2]
    selection = Selection(
        since=to_micros(options.since) if isinstance(options.since, datetime) else None,
        until=to_micros(options.until) if isinstance(options.until, datetime) else None,
        **{name: getattr(options, name) for name in FILTERS},
    )
    with app.reading() as store:
        given = {name: getattr(selection, name) for name in FILTERS}
        for value in unmatched(store, given, selection.by):
            click.echo(f"note: {value}", err=True)
    with app.reading() as store, bar("writing", unit="events") as update:
        count = write(
            store,
            selection,
            output,
            form or (suffix if suffix in FORMATS else "jsonl"),
            lambda written: update(written, 0),
        )
    place = "written to standard output" if output == "-" else f"in {output}"
    click.echo(f"{plural(count, 'event')} {place}", err=output == "-")


export.params.extend(range_options(_WITHOUT))
common_options(export)
