"""Open the tables of a store, or of the mirror that a folder stands for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.store.disk.files import is_mirror

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubbub.store.delta.data_file import File
    from hubbub.store.mirror.reading import Reading
    from hubbub.store.mirror.tables import MirroredTables
    from hubbub.store.store import Store

__all__ = ["LocalTables", "mirror_of", "open_tables", "stored_files"]


class LocalTables:
    """The tables in a store's folder.

    Args:
        folder: of the store.
    """

    def __init__(self, folder: Path) -> None:
        from hubbub.store.rollups.refresh import open_rollups
        from hubbub.store.tables.bodies import Bodies
        from hubbub.store.tables.events import Events
        from hubbub.store.tables.samples import Samples

        self.table = Events(folder / "events")
        self.bodies = Bodies(folder / "bodies")
        self.samples = Samples(folder / "samples")
        self.rollups = open_rollups(folder / "rollups")


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
