"""Repair the torn end of a Delta log, as a loss of power leaves it.

The torn entry is quarantined. A commit is acknowledged only after its entry is durable, so that a
torn entry was normally not acknowledged: the loader's batch is still pending, its segments exist,
and they are loaded again. If the batch was finished and the entry was cut later, its data files
still exist: the rows that the table lacks are committed again.

Damage anywhere else in the log, or missing data files of earlier versions, cannot be repaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.language.plurals import plural
from hubbub.logger import get_logger
from hubbub.memory import available
from hubbub.store.delta import format_version
from hubbub.store.disk.quarantine import FOLDER, move_to_quarantine
from hubbub.store.rollups import refresh
from hubbub.store.tables.companion import CompanionTable
from hubbub.store.tables.id_lookup import open_index

if TYPE_CHECKING:
    from hubbub.store.delta.log import Flaw
    from hubbub.store.delta.table import Table
    from hubbub.store.store import Store

__all__ = ["Repaired", "prepare", "repair_logs"]

_BATCH = re.compile(r"\d+-b(\d+)-[0-9a-f]+\.parquet")
_MEMORY = 512 << 20  # bytes at most that the engine may use, beside the loader in its process
_SHARE = 4  # and this part of what the process may use: a quarter
_KEY = "mend:"  # prefix of a key of the state, before a table's name; the value: what, where, aside
_log = get_logger("hubbub.store")


@dataclass(frozen=True, slots=True)
class Repaired:
    """A table whose torn log was repaired."""

    table: str
    what: str  # the damage
    where: str  # the former path of the torn file
    aside: str  # its path in the quarantine
    rows: int = 0  # that were committed again

    @property
    def summary(self) -> str:
        """The damage and its repair in a sentence."""
        outcome = (
            f"{plural(self.rows, 'row is', 'rows are')} restored" if self.rows else "no row is lost"
        )
        return f"{self.what}; it is kept as {self.aside}, {outcome}"


def prepare(store: Store) -> None:
    """Repair and migrate the logs before loading; the caller holds the loader lock.

    Raises:
        StoreError: no room, or damage that cannot be repaired; nothing was changed.
    """
    repair_logs(store)
    format_version.migrate(store.tables)


def repair_logs(store: Store) -> list[Repaired]:
    """Repair the torn ends of logs; the caller holds the loader lock.

    Raises:
        StoreError: damage elsewhere in a log, or no room.
    """
    repairs = []
    for table in store.tables:  # events first: the others depend on their batches
        flaws = table.entries.flaws()
        if not all(flaw.torn for flaw in flaws):
            table.entries.check()
        started = store.state.get(_KEY + table.name)  # by a process that was killed
        if flaws or started:
            repaired = _quarantine(store, table, flaws) if flaws else Repaired(table.name, *started)
            store.state.set(_KEY + table.name, [repaired.what, repaired.where, repaired.aside])
            repaired = replace(repaired, rows=_restore(store, table))
            store.state.set(_KEY + table.name, None)
            _log.warning(
                "the end of a table's log was torn",
                table=repaired.table,
                what=repaired.summary,
                where=repaired.where,
            )
            repairs.append(repaired)
    return repairs


def _quarantine(store: Store, table: Table, flaws: Sequence[Flaw]) -> Repaired:
    """Quarantine the torn files of a log: an entry, and the checkpoint made of it, if torn, too."""
    flaw = flaws[-1]
    started = [flaw.what, str(flaw.path), str(store.path / FOLDER)]
    store.state.set(_KEY + table.name, started)  # after a crash, the next process continues
    moves = [(path, move_to_quarantine(store.path, path)) for torn in flaws for path in torn.files]
    table.entries.reset()
    try:
        _check_files(table, flaw)
    except StoreError:
        for path, quarantined in moves:
            quarantined.rename(path)
        table.entries.reset()
        store.state.set(_KEY + table.name, None)
        raise
    return Repaired(table.name, flaw.what, str(flaw.path), str(moves[-1][1]))


def _restore(store: Store, table: Table) -> int:
    """Commit again the rows that the log no longer has; return how many."""
    if table is store.table:
        return _restore_events(store)
    if isinstance(table, CompanionTable):
        return _commit_again(table, _files_of_finished(table, store.table.batch()))
    return 0


def _check_files(table: Table, flaw: Flaw) -> None:
    """Raise StoreError if data files of the version before the torn one are missing."""
    missing = [file.uri for file in table.files() if not Path(file.uri).exists()]
    if missing:
        raise StoreError(
            "the end of the log is torn, and files of the version before it are missing: "
            f"{len(missing):,}",
            where=str(flaw.path),
            hint="restore the store from a backup, or gather into a new one",
        )


def _restore_events(store: Store) -> int:
    """Restore events, unless their batch is pending and will be loaded again."""
    table, version = store.table, store.table.version()
    ids = open_index(store.path / "ids", table)
    ids.catch_up(version)  # rebuilds an index that contains the torn version
    pending = store.state.rows("SELECT 1 FROM pending WHERE batch = ?", table.batch() + 1)
    rows = 0 if pending else _commit_again(table, _stray_files(table))
    if any(rollup.exists() and rollup.batch() > version for rollup in store.rollups):
        refresh.rebuild(store)  # they may have counted the torn version
    return rows


def _stray_files(table: Table) -> list[Path]:
    """Return the data files that no commit contains, newest first."""
    live = {file.uri for file in table.files()}
    removed = {str(table.folder / path) for path in table.entries.removed()}
    stray = [p for p in table.folder.glob("month=*/*.parquet") if str(p) not in live | removed]
    return sorted(stray, key=lambda path: path.stat().st_mtime, reverse=True)


def _files_of_finished(table: Table, batch: int) -> list[Path]:
    """Return the stray files of batches whose events are stored, up to this one."""
    matches = ((path, _BATCH.fullmatch(path.name)) for path in _stray_files(table))
    return [path for path, match in matches if match is not None and int(match[1]) <= batch]


def _commit_again(table: Table, files: Sequence[Path]) -> int:
    """Commit the rows of these files that the table lacks; return how many."""
    rows = 0
    known = [file.uri for file in table.files()]

    def parts() -> Iterator[tuple[str, Any]]:
        nonlocal rows
        for path in files:
            missing = _missing_rows(table, path, known)
            if missing is None:
                continue
            known.append(str(path))
            if missing.num_rows:
                rows += missing.num_rows
                yield path.parent.name.removeprefix("month="), missing

    number = table.batch() + 1
    mark = f"b{number}-" if isinstance(table, CompanionTable) else ""
    if files:
        table.append_rows(parts(), number, mark=mark)
    return rows


def _missing_rows(table: Table, path: Path, known: Sequence[str]) -> Any:
    """Return the rows of a file that no known file has; None if it cannot be read."""
    keys = "id" if "id" in table.schema.names else "origin, time, seq, name"
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            rows = file.read(columns=table.schema.names).cast(table.schema)
    except (OSError, pa.ArrowException):
        return None  # its writer was killed before the file was complete
    if not known:
        return rows
    import duckdb  # rarely needed by a loader, and takes 30 MB of memory

    limit = f"{min(_MEMORY, available() // _SHARE) >> 20}MiB"
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
        for setting in ("enable_progress_bar = false", f"memory_limit = '{limit}'"):
            db.execute(f"SET {setting}").fetchall()
        # a join, and not IN: the few new rows are held in memory, the known ones pass by
        stored = db.sql(
            f"SELECT DISTINCT place FROM read_parquet($known) JOIN (SELECT {keys},"  # noqa: S608
            " file_row_number AS place FROM read_parquet($path, file_row_number = true))"
            f" USING ({keys})",
            params={"known": list(known), "path": str(path)},
        ).fetchall()
    missing = np.ones(rows.num_rows, bool)
    missing[[number for (number,) in stored]] = False
    return rows.filter(pa.array(missing))
