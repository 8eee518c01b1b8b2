"""`hubbub compact`: merge small files of the tables into large ones."""

from __future__ import annotations

from dataclasses import asdict

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.errors import UsageError
from hubbub.language.plurals import plural

__all__ = ["compact"]


@common_options
@click.command(name="compact")
@click.option("--rebuild", is_flag=True, help="First count the rollups again, from the events.")
@click.option("--restart", is_flag=True, help="Start again, even if a rebuild was interrupted.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@pass_app
def compact(app: App, /, *, rebuild: bool, restart: bool, as_json: bool) -> None:
    """Merge small files of the tables into large ones, and delete obsolete files.

    A listener does this automatically. It does not disturb readers and writers; replaced files
    stay for an hour, for running queries.

    Loading waits during --rebuild. One that is interrupted or killed is continued by the next one
    within a day: months that it has counted are not counted again, unless they were written since.
    """
    from hubbub.cli.output.progress import log_level, note_continued, steps
    from hubbub.store.maintenance.compaction import compact as compact_tables

    if restart and not rebuild:
        raise UsageError("--restart is for --rebuild", hint="hubbub compact --rebuild --restart")
    app.configure_logging(level=log_level())
    with app.reading() as store:
        from hubbub.store.maintenance.rebuilding import rebuild as rebuild_rollups
        from hubbub.store.rollups.details import build_next

        with store.loader_lock():
            if rebuild:
                note = note_continued("rebuild")
                with steps("rebuilding") as show:
                    rebuild_rollups(store, restart=restart, show=show, note=note)
        built = True
        while built:  # a month at a time; loaders can run in between
            with store.loader_lock():
                built = build_next(store) is not None
        result = compact_tables(store)
    if as_json:
        app.print_facts(asdict(result), as_json=True)
        return
    click.echo(
        f"{plural(result.files, 'file')} into {result.into:,}, {plural(result.rows, 'row')}, "
        f"{result.saved:,} bytes saved"
    )
    click.echo(f"{plural(result.deleted, 'old file')} deleted")
