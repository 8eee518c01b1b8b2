"""Open the tables of a store, or of the mirror that a folder stands for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.store.disk.files import is_mirror

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubbub.store.delta.data_file import File
    from hubbub.store.mirror.reading import Reading
    from hubbub.store.mirror.tables import MirroredTables
    from hubbub.store.rollups.tables import Rollup
    from hubbub.store.store import Store
    from hubbub.store.tables.bodies import Bodies
    from hubbub.store.tables.events import Events
    from hubbub.store.tables.samples import Samples

__all__ = ["LocalTables", "mirror_of", "open_tables", "stored_files"]


class LocalTables:
    """The tables in a store's folder; the modules of each are imported on its first use.

    Args:
        folder: of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def table(self) -> Events:
        """The table of events."""
        from hubbub.store.tables.events import Events

        return Events(self._folder / "events")

    @cached_property
    def bodies(self) -> Bodies:
        """The table of bodies."""
        from hubbub.store.tables.bodies import Bodies

        return Bodies(self._folder / "bodies")

    @cached_property
    def samples(self) -> Samples:
        """The table of samples."""
        from hubbub.store.tables.samples import Samples

        return Samples(self._folder / "samples")

    @cached_property
    def rollups(self) -> tuple[Rollup, ...]:
        """The tables of sums and details."""
        from hubbub.store.rollups.open_tables import open_rollups

        return open_rollups(self._folder / "rollups")


def mirror_of(folder: Path) -> Reading | None:
    """Return the mirror that a folder stands for; None: it is a store."""
    if not is_mirror(folder):
        return None
    from hubbub.store.mirror.reading import Reading

    return Reading(folder)


def open_tables(folder: Path, mirror: Reading | None) -> LocalTables | MirroredTables:
    """Return the tables."""
    return LocalTables(folder) if mirror is None else mirror.tables


def stored_files(store: Store) -> Sequence[File]:
    """Return the data files of the events table.

    Where nothing was ever loaded, without the libraries for tables: a listener needs none.
    """
    never_loaded = store.mirror is None and not (store.path / "events").exists()
    return () if never_loaded else store.table.files()
