"""The embedded query engine: a DuckDB connection, and views over sets of Parquet files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary, finalize

from hubbub.memory import available

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from ibis.backends.duckdb import Backend


__all__ = ["connect", "view"]

_LEAST = 64  # MiB; with less the engine cannot even spill
_OF_A_THREAD = 96  # MiB; with less for each of its threads it fails where one of them would spill
_FREE_SHARE = 4  # by default spilled data may take this part of the free space: a quarter


def connect(
    spill: Path | None = None, memory: int | None = None, disk: int | None = None
) -> Backend:
    """Return an in-memory engine in UTC that never installs extensions from the network.

    Args:
        spill: folder of its own, for what does not fit into memory; None: it must fit.
        memory: bytes that it may use; None: half of what this process may use.
        disk: bytes that it may write into `spill`; None: a quarter of what is free there now.
    """
    import ibis

    limit = max((available() // 2 if memory is None else memory) >> 20, _LEAST)
    backend = ibis.duckdb.connect()
    backend.raw_sql("SET temp_directory = ?", parameters=["" if spill is None else str(spill)])
    backend.raw_sql("SET memory_limit = ?", parameters=[f"{limit}MiB"])
    if spill is not None:
        disk = shutil.disk_usage(spill).free // _FREE_SHARE if disk is None else disk
        backend.raw_sql("SET max_temp_directory_size = ?", parameters=[f"{disk >> 20}MiB"])
    threads = min(len(os.sched_getaffinity(0)), max(1, limit // _OF_A_THREAD))
    for statement in (
        f"SET threads = {threads}",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET TimeZone = 'UTC'",
        "SET enable_progress_bar = false",
        "SET preserve_insertion_order = false",
        # It never evicts a file, and each snapshot has new ones. The system caches files anyway.
        "SET enable_external_file_cache = false",
    ):
        backend.raw_sql(statement).fetchall()
    return backend


class _Views:
    """The views of an engine by name, each kept as long as an expression refers to it."""

    def __init__(self) -> None:
        self.tables: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self.unused: list[str] = []  # no expression refers to them any more

    @classmethod
    def of(cls, backend: Backend) -> _Views:
        """Return the views of an engine; stored on it, so that they share its lifetime."""
        views: _Views = vars(backend).setdefault("hubbub_views", cls())
        return views


def view(backend: Backend, name: str, files: Sequence[str]) -> ir.Table:
    """Return the rows of these files as a view.

    A view is never redefined, since expressions on it may run much later. The same files give the
    same view. A view that no expression refers to is dropped by the next call, so that a long-lived
    process does not accumulate them.

    Args:
        backend: the engine; the view is created in it.
        name: prefix of the view's name.
        files: paths.
    """
    views = _Views.of(backend)
    while views.unused:
        if (unused := views.unused.pop()) not in views.tables:
            backend.raw_sql(f'DROP VIEW IF EXISTS "{unused}"').fetchall()
    digest = blake2b("\n".join(files).encode(), digest_size=12).hexdigest()
    full_name = f"{name}_{digest}"
    if (operation := views.tables.get(full_name)) is not None:
        existing: ir.Table = operation.to_expr()
        return existing
    table = backend.read_parquet(files, table_name=full_name, hive_partitioning=False)
    views.tables[full_name] = table.op()
    finalize(table.op(), views.unused.append, full_name)
    return table
