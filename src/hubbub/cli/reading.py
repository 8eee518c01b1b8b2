"""Open the store for reading: it may be missing, another user's, or the mirror of several."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from hubbub.errors import NoMemoryError, NoRoomError
from hubbub.language.plurals import plural
from hubbub.store import Store

if TYPE_CHECKING:
    from hubbub.cli.app import App

__all__ = ["mirror_folder", "opened"]


@cache
def mirror_folder(url: str) -> Path:
    """Return the local folder that stands for a mirror, with what its collectors said until now.

    Raises:
        UsageError: there is no mirror, or no permission.
        SourceError: it cannot be reached.
    """
    from hubbub.store.mirror.reading import folder_for, prepare

    folder = folder_for(url)
    prepare(url, folder)
    return folder


@contextmanager
def opened(app: App, *, load: bool, engine: bool) -> Iterator[Store]:
    """Open the store of a command for reading; see `App.reading`."""
    try:
        missing = not app.store_folder.exists()
    except OSError:  # opening it says why
        missing = False
    if missing:
        what = f"there is no store at {app.store_folder} yet"
        click.echo(f"hubbub: {what}: gather, listen or import creates it", err=True)
        with TemporaryDirectory(prefix="hubbub-") as folder, Store.open(folder) as store:
            yield store
        return
    with Store.open(app.store_folder, reading=True) as store:
        store.engine_memory = app.config.engine.memory_bytes
        store.engine_disk = app.config.engine.spill_bytes
        store.engine_url = app.config.engine.connect_url if engine else None
        if store.mirror is not None:
            pass  # what waits for it, waits in the stores of its collectors
        elif store.read_only:
            _note_waiting(store)
        elif load:
            try:
                app.load(store, wait=False)
            except (NoMemoryError, NoRoomError) as error:  # the store can be read all the same
                click.echo(f"warning: waiting messages are not loaded: {error}", err=True)
        yield store


def _note_waiting(store: Store) -> None:
    """Say what a store that cannot be written here does not show."""
    waiting = store.waiting()
    if waiting.records:
        click.echo(
            "warning: this store cannot be written here, so that what waits to be loaded is not"
            f" counted: {plural(waiting.records, 'message')} in"
            f" {plural(waiting.segments, 'segment')}",
            err=True,
        )
