"""The events table as it was at an earlier version."""

from __future__ import annotations

from pathlib import Path

import deltalake
import pyarrow as pa
from deltalake.exceptions import DeltaError

from hubbub.store.tables.events import Events

__all__ = ["PinnedEvents"]


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
            paths = pa.table(self.table().get_add_actions(flatten=True))["path"].to_pylist()
        except (DeltaError, OSError, ValueError, OverflowError) as error:
            raise LookupError(f"version {version} cannot be read: {error}") from error
        if not all((folder / path).exists() for path in paths):
            raise LookupError(f"files of version {version} were deleted")

    def table(self) -> deltalake.DeltaTable:
        """Open the snapshot of the version."""
        return deltalake.DeltaTable(str(self.folder), version=self.pinned)
