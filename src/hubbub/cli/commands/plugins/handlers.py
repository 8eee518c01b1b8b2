"""`hubbub plugins handlers|restart`: how far event handlers are, and restarting one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubbub.cli.app import App, common_options, pass_app
from hubbub.errors import UsageError

if TYPE_CHECKING:
    from hubbub.store import Store

__all__ = ["handlers", "restart"]


@common_options
@click.command(name="handlers")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@pass_app
def handlers(app: App, *, as_json: bool) -> None:
    """Show every event handler that a server has run on this store, and how far it is.

    posted and stored are the batches and events that wait for it; failed are calls that raised,
    whose changes were dropped; skipped are batches that were passed without it, since its process
    ended each time.
    """
    from hubbub.cli.output.formats import dumps, show_table
    from hubbub.formats.tables import Table

    app.configure_logging()
    with app.reading(load=False) as store:
        rows = _rows(store)
    if as_json:
        click.echo(dumps(rows, indent=2))
        return
    columns = ("handler", "posted", "stored", "failed", "skipped", "last run")
    show_table(Table(columns, [[row[column] for column in columns] for row in rows]))
    for row in rows:
        if row["misses"]:
            click.echo(f"{row['handler']}: {row['misses']}", err=True)


def _rows(store: Store) -> list[dict[str, Any]]:
    from hubbub.store.journal.journal import Journal, exists
    from hubbub.store.stream import stream
    from hubbub.store.stream.places import places
    from hubbub.times import from_micros, iso

    known = places(store.state)
    posted = dict.fromkeys(known, 0)
    if known and exists(store.path) and not store.read_only:
        with Journal(store.path) as journal:
            posted = {name: journal.waiting_after(place.journal) for name, place in known.items()}
    return [
        {
            "handler": name,
            "posted": posted[name],
            "stored": stream.behind(store.path / stream.FOLDER, name, place),
            "failed": place.failed,
            "skipped": place.skipped,
            "last run": iso(from_micros(place.seen).replace(microsecond=0)),
            "misses": place.lapsed,
        }
        for name, place in sorted(known.items())
    ]


@common_options
@click.command(name="restart")
@click.argument("handler", metavar="MODULE:NAME")
@pass_app
def restart(app: App, handler: str) -> None:
    """Let an event handler start from the beginning when a server runs it next.

    It then gets the events from that moment on or, with `from = "beginning"` in [plugins], all
    stored events. What it keeps stays as it is. Stop the server before.
    """
    import fcntl

    from hubbub.run.errors import close_matches
    from hubbub.store.stream.places import LOCK, places, put

    app.configure_logging()
    with app.store() as store, _opened(store.path / LOCK) as lock:
        known = places(store.state)
        if handler not in known:
            raise UsageError(
                f"no server has run the event handler {handler!r} on this store",
                hint=close_matches(handler, known),
            )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                "a server runs the event handlers of this store", hint="stop it, and try again"
            ) from None
        put(store.state, handler, None)
    click.echo(f"{handler} starts from the beginning when a server runs it next")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Open a file that is only locked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
