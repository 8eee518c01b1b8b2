"""Exact looks at the id column of data files, for the loader.

Comes in: ids and files. Goes out: which of the ids the files hold. DuckDB, in memory; nothing is
kept between calls but the connection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.store.tables import Events

__all__ = ["Lookup"]

_PART = 1 << 16  # ids read at once when the set of ids catches up


class Lookup:
    """The questions that `Ids` asks of the table."""

    def __init__(self, table: Events) -> None:
        self._table = table
        self._db = duckdb.connect(
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False}
        )

    def close(self) -> None:
        """Give the engine's memory back."""
        self._db.close()

    def exact(self, ids: Sequence[str], span: tuple[int, int]) -> set[str]:
        """Which of these ids the table holds: first where their times are, the rest everywhere."""
        files = self._table.files()
        near = [f.overlaps(span[0], span[1] + 1) for f in files]
        found = self._among(ids, [f.uri for f, close in zip(files, near, strict=True) if close])
        rest = [one for one in ids if one not in found]
        if rest:
            found |= self._among(
                rest, [f.uri for f, close in zip(files, near, strict=True) if not close]
            )
        return found

    def scan(self, first: int, last: int) -> Iterator[list[str]]:
        """The ids that the table's versions first … last added."""
        for path in self._table.added(first, last):
            with pq.ParquetFile(path) as file:
                for part in file.iter_batches(_PART, columns=["id"]):
                    yield part.column(0).to_pylist()

    def _among(self, ids: Sequence[str], files: list[str]) -> set[str]:
        if not files or not ids:
            return set()
        self._db.register("wanted", pa.table({"id": pa.array(ids, pa.string())}))
        try:
            rows = self._db.execute(
                "SELECT DISTINCT id FROM read_parquet(?, hive_partitioning = false)"
                " WHERE id IN (SELECT id FROM wanted)",
                [files],
            ).fetchall()
        except duckdb.Error as e:
            raise StoreError(
                f"a data file of the events table cannot be read: {e}",
                where=str(self._table.folder),
            ) from e
        finally:
            self._db.unregister("wanted")
        return {one for (one,) in rows}
