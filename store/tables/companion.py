"""A table beside the events: what is committed before its events, under the same batch's number.

A loader that died in between leaves rows of a batch that never was: `settle` takes them out again,
and nothing is there twice. The batch's number is in the names of the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hubbub.store.delta.table import Table
from hubbub.store.tables.events import Timed, by_month

__all__ = ["CompanionTable"]

_GROUP = 4_096  # rows of a row group: bodies are large, and all of a batch are in memory already
_BATCH = re.compile(r"\d+-b(\d+)-[0-9a-f]+\.parquet")


class CompanionTable(Table):
    """Bodies, samples: rows that belong to events."""

    def to_arrow(self, rows: Sequence[Any]) -> Any:
        """The rows, structs with a field for each column, as an Arrow table of the schema."""
        import pyarrow as pa

        columns = {
            name: pa.array([getattr(one, name) for one in rows], self.schema.field(name).type)
            for name in self.schema.names
        }
        return pa.table(columns, schema=self.schema)

    def append(self, rows: Sequence[Timed], batch: int) -> int:
        """Add rows as one commit; return the new version, durable.

        Args:
            rows: none of them is in the table.
            batch: the number under which their events will be committed.

        Raises:
            StoreError: no room, or the log is damaged. Nothing was added then, or everything.
        """
        parts = ((month, self._groups(part)) for month, part in by_month(rows).items())
        return self.append_rows(parts, batch, mark=f"b{batch}-")

    def _groups(self, rows: Sequence[Timed]) -> Iterator[Any]:
        """Row groups in their order."""
        ordered = sorted(rows, key=lambda one: one.time)
        return (self.to_arrow(ordered[at : at + _GROUP]) for at in range(0, len(ordered), _GROUP))

    def settle(self, batch: int) -> int:
        """Take out what batches after this one brought; how many rows."""
        if self.batch() <= batch:
            return 0
        late = []
        for file in self.files():
            found = _BATCH.fullmatch(Path(file.uri).name)
            if found is not None and int(found[1]) > batch:
                late.append(file)
        self.replace(late, (), batch)
        return sum(file.rows for file in late)
