"""Companion tables: committed before the events of their batch, under the same batch number.

If a loader dies in between, the rows of its unfinished batch stay behind; `roll_back` removes them,
so that nothing is stored twice. File names carry the batch number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hubbub.store.delta.lean_imports import arrow_without_pandas
from hubbub.store.delta.table import Table
from hubbub.store.tables.events import Timed, by_month

__all__ = ["CompanionTable"]

_GROUP = 4_096  # rows of a row group: bodies are large, and the whole batch is in memory already
_BATCH = re.compile(r"\d+-b(\d+)-[0-9a-f]+\.parquet")


class CompanionTable(Table):
    """A table whose rows belong to events: bodies, samples."""

    def to_arrow(self, rows: Sequence[Any]) -> Any:
        """Convert rows, structs with a field for each column, to an Arrow table of the schema."""
        import pyarrow as pa

        arrow_without_pandas()
        columns = {
            name: pa.array([getattr(row, name) for row in rows], self.schema.field(name).type)
            for name in self.schema.names
        }
        return pa.table(columns, schema=self.schema)

    def append(self, rows: Sequence[Timed], batch: int) -> int:
        """Add rows as one commit; return the new version, durable.

        Args:
            rows: none of them is in the table.
            batch: the number under which their events will be committed.

        Raises:
            StoreError: no room, or the log is damaged. Either all rows were added or none.
        """
        parts = ((month, self._groups(part)) for month, part in by_month(rows).items())
        return self.append_rows(parts, batch, mark=f"b{batch}-")

    def _groups(self, rows: Sequence[Timed]) -> Iterator[Any]:
        """Yield the rows, sorted by time, as row groups."""
        ordered = sorted(rows, key=lambda row: row.time)
        for start in range(0, len(ordered), _GROUP):
            yield self.to_arrow(ordered[start : start + _GROUP])

    def roll_back(self, batch: int) -> int:
        """Remove the rows of batches after this one; return how many."""
        if self.batch() <= batch:
            return 0
        uncommitted = []
        for file in self.files():
            match = _BATCH.fullmatch(Path(file.uri).name)
            if match is not None and int(match[1]) > batch:
                uncommitted.append(file)
        self.replace(uncommitted, (), batch)
        return sum(file.rows for file in uncommitted)
