"""The embedded engine: a DuckDB connection, and views over sets of Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary, finalize

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend


__all__ = ["connect", "view"]


def connect() -> Backend:
    """An engine in memory: UTC, no extension from the network."""
    import ibis

    backend = ibis.duckdb.connect()
    for statement in (
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET TimeZone = 'UTC'",
        "SET enable_progress_bar = false",
        "SET preserve_insertion_order = false",
        # It remembers every file for ever; a snapshot's are new ones. The system caches files too.
        "SET enable_external_file_cache = false",
    ):
        backend.raw_sql(statement).fetchall()
    return backend


class _Views:
    """The views of an engine, by name: each for as long as an expression stands on it."""

    def __init__(self) -> None:
        self.tables: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self.spare: list[str] = []  # nobody stands on them any more

    @classmethod
    def of(cls, backend: Backend) -> _Views:
        """They go with it."""
        found: _Views = vars(backend).setdefault("hubbub_views", cls())
        return found


def view(backend: Backend, name: str, files: Sequence[str]) -> ir.Table:
    """The rows of these files; never again of others: an expression runs when it suits its owner.

    The same files again are the same view, and one that no expression stands on any more is
    dropped by the next call: a process that asks for years keeps no more than what it asks.

    Args:
        backend: the engine; a view is made in it.
        name: how its name begins.
        files: paths.
    """
    views = _Views.of(backend)
    while views.spare:
        if (gone := views.spare.pop()) not in views.tables:
            backend.raw_sql(f'DROP VIEW IF EXISTS "{gone}"').fetchall()
    digest = blake2b("\n".join(files).encode(), digest_size=12).hexdigest()
    whole = f"{name}_{digest}"
    if (known := views.tables.get(whole)) is not None:
        again: ir.Table = known.to_expr()
        return again
    table = backend.read_parquet(files, table_name=whole, hive_partitioning=False)
    views.tables[whole] = table.op()
    finalize(table.op(), views.spare.append, whole)
    return table
