"""Two stores with one mirror, and what it holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import deltalake

from hubbub.collector.event import Event
from hubbub.store import Store
from hubbub.store.mirror.failures import ConflictError
from hubbub.store.mirror.mirror import Mirror, Pass
from hubbub.store.mirror.place import Place
from hubbub.store.mirror.reading import prepare
from hubbub.store.stream import stream
from hubbub.store.tables.bodies import Body

__all__ = ["Pair"]


@dataclass
class Pair:
    """Two stores, the URL of their mirror, and a folder to read it with."""

    one: Store
    two: Store
    url: str
    reader: Path
    mirrors: dict[Path, Mirror] = field(default_factory=dict)

    @staticmethod
    def add(store: Store, events: list[Event], *, bodies: bool = False) -> None:
        """Store events as one batch, as the loader does."""
        with store.loader_lock():
            number = store.table.batch() + 1
            if bodies:
                store.bodies.append([Body(e.time, e.id, e.agent.encode()) for e in events], number)  # type: ignore[union-attr]
            store.table.append(events, number)
            stream.catch_up(store.table, store.state, store.path / stream.FOLDER)

    def mirror(self, store: Store) -> Mirror:
        """Return the mirror of a store; the same one each time."""
        return self.mirrors.setdefault(store.path, Mirror(store, self.url))

    def copy(self, *stores: Store) -> list[Pass]:
        """Let these stores (both, if none is named) take a pass each."""
        passes = []
        for store in stores or (self.one, self.two):
            while True:
                try:
                    passes.append(self.mirror(store).step())
                    break
                except ConflictError:
                    continue
        return passes

    def read(self) -> Store:
        """Open the mirror for reading."""
        prepare(self.url, self.reader)
        return Store.open(self.reader, reading=True)

    def rows(self) -> list[dict[str, Any]]:
        """Return the mirror's events, by id."""
        with self.read() as store:
            rows: list[dict[str, Any]] = store.events().order_by("id").to_pyarrow().to_pylist()
        return rows

    def ids(self) -> Counter[str]:
        """Return how often each id is in the mirror."""
        place = Place(self.url)  # as any other reader of Delta tables does
        table = deltalake.DeltaTable(place.table_url("events"), storage_options=place.options)
        return Counter(table.to_pyarrow_table(columns=["id"])["id"].to_pylist())

    def bodies(self) -> dict[str, Any]:
        """Return the mirror's bodies by id."""
        with self.read() as store:
            return store.bodies.find(sorted(self.ids()))
