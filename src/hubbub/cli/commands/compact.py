"""`hubbub compact`: many small files become few large ones."""

from __future__ import annotations

from dataclasses import asdict

import click

from hubbub.cli.app import App, common_options, pass_app

__all__ = ["compact"]


@common_options
@click.command(name="compact")
@click.option("--rebuild", is_flag=True, help="Count the sums by day and hour again first.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_app
def compact(app: App, /, *, rebuild: bool, as_json: bool) -> None:
    """Fold the small files of the tables into large ones, and delete what nobody needs any more.

    A listener does it by itself. Whatever reads or writes meanwhile is not disturbed; old files
    stay for an hour, for queries that have begun.
    """
    from hubbub.store.maintenance.compaction import compact as fold

    app.configure_logging()
    with app.reading() as store:
        if rebuild:
            from hubbub.store.rollups import refresh

            with store.loader_lock():
                refresh.rebuild(store)
        done = fold(store)
    if as_json:
        app.print_facts(asdict(done), as_json=True)
        return
    click.echo(
        f"{done.files:,} files into {done.into:,}, {done.rows:,} rows, {done.saved:,} bytes saved"
    )
    click.echo(f"{done.deleted:,} old files deleted")
