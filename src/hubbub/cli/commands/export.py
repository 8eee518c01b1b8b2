"""`hubbub export`: events as a file for other programs."""

from __future__ import annotations

from typing import Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.cli.functions import range_options, stated_parameters

__all__ = ["export"]

_NOT_HERE = {"by", "bots", "not_user", "allow_incomplete"}  # they remove users, never events
_TAKEN = frozenset({"output", "form"})


@click.command(name="export")
@click.option(
    "output", "-o", "--output", required=True, metavar="FILE", help="- is standard output."
)
@click.option(
    "form",
    "--format",
    type=click.Choice(["jsonl", "csv", "parquet"]),
    help="Default: by the file's name, else jsonl.",
)
@pass_app
def export(app: App, /, *, output: str, form: str | None, **values: Any) -> None:
    """Write the stored events of a range to a file, in the order of time.

    Without --since and --until that is everything. JSON lines can be read again with `hubbub import
    --format jsonl`, and are the same events then. A name that ends in .gz makes a gzip file.
    """
    from datetime import UTC, datetime

    from hubbub.cli.output.progress import bar
    from hubbub.run.scope import CommonOptions
    from hubbub.store.query.export import FORMATS
    from hubbub.store.query.export import export as write
    from hubbub.store.query.selection import Selection
    from hubbub.times import to_micros

    app.configure_logging()
    given = CommonOptions().updated(stated_parameters(values, _TAKEN), datetime.now(UTC))
    end = output.removesuffix(".gz").rpartition(".")[2]
    chosen = Selection(
        since=to_micros(given.since) if isinstance(given.since, datetime) else None,
        until=to_micros(given.until) if isinstance(given.until, datetime) else None,
        **{
            name: getattr(given, name) for name in ("topic", "category", "user", "object", "action")
        },
    )
    with app.reading() as store, bar("writing", unit="events") as shown:
        n = write(
            store,
            chosen,
            output,
            form or (end if end in FORMATS else "jsonl"),
            lambda done: shown(done, 0),
        )
    click.echo(f"{n:,} events in {output}", err=output == "-")


export.params.extend(one for one in range_options() if one.name not in _NOT_HERE)
common_options(export)
