"""The tables of a mirror, with what the functions of a store's tables need beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from hubbub.store.delta.table import Table
from hubbub.store.mirror.remote import Remote
from hubbub.store.rollups.frozen import FROZEN
from hubbub.store.rollups.open_tables import open_rollups
from hubbub.store.rollups.tables import Rollup
from hubbub.store.tables.bodies import Bodies
from hubbub.store.tables.events import Events
from hubbub.store.tables.samples import Samples

if TYPE_CHECKING:
    from hubbub.store.mirror.place import Place

__all__ = ["Frozen", "MirroredTables", "remote"]

T = TypeVar("T", bound=Table)


@cache
def remote(kind: type[T]) -> Callable[..., T]:
    """Return the class of remote tables of a kind; arguments as of `Remote`."""
    made = type(f"Mirrored{kind.__name__}", (Remote, kind), {"__doc__": kind.__doc__})
    return cast("Callable[..., T]", made)


class Frozen:
    """Stands for the state where functions of rollups ask it for the time of `rollups.frozen`."""

    def __init__(self) -> None:
        self.frozen = 0

    def get(self, key: str) -> Any:
        """Return the time, in µs."""
        return self.frozen if key == FROZEN else None


class MirroredTables:
    """The tables of a mirror. It stands for the store in functions of `rollups`.

    Args:
        place: of the mirror.
        folder: a local folder for copies of files.
        base: what the paths of data files begin with, for who reads them; empty: `folder`.
    """

    def __init__(self, place: Place, folder: Path, base: str = "") -> None:
        self.state, self._place, self._folder, self._base = Frozen(), place, folder, base
        self.table = self._open(Events, "events")
        self.bodies = self._open(Bodies, "bodies")
        self.samples = self._open(Samples, "samples")
        self.rollups: tuple[Rollup, ...] = tuple(
            self._open(type(rollup), f"rollups/{rollup.name}") for rollup in open_rollups(folder)
        )
        for rollup in self.rollups:
            rollup.origin = self.table

    def _open(self, kind: Any, name: str) -> Any:
        base = f"{self._base}/{name}" if self._base else ""
        return remote(kind)(self._folder / name, self._place, name, base)

    def __iter__(self) -> Iterator[Remote]:
        yield from (self.own(self.table), self.own(self.bodies), self.own(self.samples))
        yield from map(self.own, self.rollups)

    @staticmethod
    def own(table: Any) -> Remote:
        """Return a table as one of a mirror."""
        return cast("Remote", table)

    def refresh(self) -> None:
        """Take the newest snapshots.

        Raises:
            SourceError, UsageError: the mirror cannot be reached.
            StoreError: a newer hubbub wrote it.
        """
        for table in self:
            table.refresh()

    def sign(self, collector: str) -> None:
        """Give new data files names by which this collector knows them."""
        for table in self:
            table.mark = f".{collector}"

    def clear(self) -> None:
        """Delete local files that a process left which died."""
        for table in self:
            table.clear()

    def rows(self) -> int:
        """Return the number of events."""
        return sum(file.rows for file in self.table.files())
