"""The query engine: the built-in DuckDB, or another one behind Spark Connect (`store.query.spark`).

Both are Ibis backends, on which expressions run. What else is asked of an engine is asked here:
views over sets of Parquet files, tables from memory, results that are held, an interruption.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary, finalize

from hubbub.errors import UsageError
from hubbub.memory import available
from hubbub.store.delta.lean_imports import duckdb_backend

if TYPE_CHECKING:
    import ibis.expr.types as ir

__all__ = [
    "BUILT_IN",
    "brought_here",
    "connect",
    "connect_to",
    "hold",
    "interrupt",
    "rows_in_memory",
    "view",
    "warm",
]

#: The name of the built-in engine where another one could be chosen, and of its Ibis backend.
BUILT_IN = "duckdb"

_FROM_MEMORY = "MEMTABLE"  # kind of a table that is not the engine's
_LEAST = 64  # MiB; with less the engine cannot even spill
_OF_A_THREAD = 96  # MiB; with less for each of its threads it fails where one of them would spill
_FREE_SHARE = 4  # by default spilled data may take this part of the free space: a quarter


def connect_to(url: str, *, shared: bool = False) -> Any:
    """Return an engine behind Spark Connect, in UTC.

    Args:
        url: `sc://HOST:PORT`, with parameters after `/;`.
        shared: whether the tables lie where other machines see them, too.

    Raises:
        UsageError: not such a URL, or the extra `spark` is not installed.
        EngineError: it cannot be reached, or is none.
    """
    try:
        from hubbub.store.query.spark.backend import SparkBackend
    except ModuleNotFoundError as error:
        raise UsageError(
            f"another engine needs the extra `spark` ({error})",
            hint="install it: pip install 'hubbub[spark]'",
        ) from error
    return SparkBackend.open(url, shared=shared)


def connect(spill: Path | None = None, memory: int | None = None, disk: int | None = None) -> Any:
    """Return a built-in engine in memory, in UTC, that never installs extensions from the network.

    Args:
        spill: folder of its own, for what does not fit into memory; None: it must fit.
        memory: bytes that it may use; None: half of what this process may use.
        disk: bytes that it may write into `spill`; None: a quarter of what is free there now.
    """
    limit = max((available() // 2 if memory is None else memory) >> 20, _LEAST)
    backend = _built_in()().connect()  # `ibis.duckdb.connect` would read what all packages offer
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


@cache
def _built_in() -> Any:
    """Return the class of the built-in engine, which drops tables from memory, as views.

    Ibis would keep the rows of each one until the end of the process.
    """

    class BuiltIn(duckdb_backend()):  # type: ignore[misc]
        def _register_in_memory_table(self, op: Any) -> None:
            super()._register_in_memory_table(op)
            finalize(op, _Views.of(self).unused.append, (_FROM_MEMORY, op.name))

    return BuiltIn


class _Views:
    """The views of an engine by name, each kept as long as an expression refers to it."""

    def __init__(self) -> None:
        self.tables: WeakValueDictionary[str, Any] = WeakValueDictionary()
        #: Kinds and names of views and tables to which no expression refers any more.
        self.unused: list[tuple[str, str]] = []

    @classmethod
    def of(cls, backend: Any) -> _Views:
        """Return the views of an engine; stored on it, so that they share its lifetime."""
        views: _Views = vars(backend).setdefault("hubbub_views", cls())
        return views

    def drop_unused(self, backend: Any) -> None:
        """Drop what no expression refers to."""
        while self.unused:
            kind, name = self.unused.pop()
            if name in self.tables:
                continue
            if kind == _FROM_MEMORY:  # a copy of the expression may have registered it again
                if all(table.name != name for table in backend._memtables):  # noqa: SLF001
                    backend.con.unregister(name)
            elif _is_built_in(backend):
                backend.raw_sql(f'DROP {kind} IF EXISTS "{name}"').fetchall()
            else:
                backend.drop_view_later(name)


def view(backend: Any, name: str, files: Sequence[str]) -> ir.Table:
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
    views.drop_unused(backend)
    digest = blake2b("\n".join(files).encode(), digest_size=12).hexdigest()
    full_name = f"{name}_{digest}"
    if (operation := views.tables.get(full_name)) is not None:
        existing: ir.Table = operation.to_expr()
        return existing
    table = _read(backend, files, full_name)
    views = _Views.of(backend)  # others, where the engine has ended the session meanwhile
    views.tables[full_name] = table.op()
    finalize(table.op(), views.unused.append, ("VIEW", full_name))
    return table


def _is_built_in(backend: Any) -> bool:
    return bool(backend.name == BUILT_IN)


def _read(backend: Any, files: Sequence[str], name: str) -> ir.Table:
    if _is_built_in(backend):
        table: ir.Table = backend.read_parquet(files, table_name=name, hive_partitioning=False)
    else:
        table = backend.read_files(files, name)
    return table


def rows_in_memory(backend: Any, name: str, rows: Any) -> ir.Table:
    """Return an Arrow table as a table of the engine.

    Not a memtable: an expression on memtables alone would run on Ibis' default engine.
    """
    if _is_built_in(backend):
        backend.con.register(name, rows)
        table: ir.Table = backend.table(name)
    else:
        table = backend.read_rows(rows, name)
    return table


def hold(backend: Any, table: ir.Table) -> ir.Table:
    """Return the rows of an expression, which the engine computes once for all its uses.

    They stay in the engine, within its memory limit, as long as an expression refers to them.

    Args:
        backend: the engine.
        table: an expression that it can compute.
    """
    if not _is_built_in(backend):
        other: ir.Table = backend.hold(table)
        return other
    import ibis

    views = _Views.of(backend)
    views.drop_unused(backend)
    name = ibis.util.gen_name("held")
    backend._run_pre_execute_hooks(table)  # noqa: SLF001 - registers what is in memory
    backend.raw_sql(f'CREATE TABLE "{name}" AS {backend.compile(table)}').fetchall()
    rows = backend.table(name)
    finalize(rows.op(), views.unused.append, ("TABLE", name))
    held: ir.Table = rows.cast(table.schema())  # sums are wider in the engine
    return held


def brought_here(backend: Any, table: ir.Table) -> ir.Table:
    """Return rows on the built-in engine, for expressions that only this one has."""
    import ibis

    return table if _is_built_in(backend) else ibis.memtable(backend.to_pyarrow(table))


def interrupt(backend: Any) -> None:
    """End what the engine computes now, from any thread."""
    if _is_built_in(backend):
        backend.con.interrupt()
    else:
        backend.interrupt()


def warm(backend: Any) -> None:
    """Let an engine compute something, so that the first query need not wait for its start."""
    if _is_built_in(backend):
        backend.raw_sql("SELECT 1").fetchall()
    else:
        backend.raw_sql("SELECT 1").collect()
