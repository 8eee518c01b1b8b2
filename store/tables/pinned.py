"""The events table as it was at an earlier version."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

import deltalake
from deltalake.exceptions import DeltaError

from hubbub.store.delta.table import facts_of_files
from hubbub.store.tables.events import Events

if TYPE_CHECKING:
    from hubbub.store.store import Store

__all__ = ["PinnedEvents", "as_of"]


class PinnedEvents(Events):
    """The table at one version; for reading.

    Args:
        folder: of the table.
        version: 0 is the first.

    Raises:
        LookupError: there is no such version, or some of its files were deleted.
    """

    def __init__(self, folder: Path, version: int) -> None:
        super().__init__(folder)
        self.pinned = version
        # delta-rs looks for each version up to one that does not exist
        if not 0 <= version <= Events(folder).version():
            raise LookupError(f"there is no version {version}")
        try:
            paths = facts_of_files(self.table())["path"]
        except (DeltaError, OSError, ValueError, OverflowError) as error:
            raise LookupError(f"version {version} cannot be read: {error}") from error
        if not all((folder / path).exists() for path in paths):
            raise LookupError(f"files of version {version} were deleted")

    def table(self) -> deltalake.DeltaTable:
        """Open the snapshot of the version."""
        return deltalake.DeltaTable(str(self.folder), version=self.pinned)


def as_of(store: Store, version: int) -> Store:
    """Return a store with the events of a version of their table.

    It shares everything else with `store`, the engine and the state too; do not close it.

    Raises:
        LookupError: that version cannot be read any more, or does not exist.
    """
    _ = store.backend  # shared, so that an interrupt reaches it
    past = copy(store)
    past.__dict__["table"] = PinnedEvents(store.path / "events", version)
    return past
