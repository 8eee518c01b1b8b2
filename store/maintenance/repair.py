"""The torn end of a table's log, as a loss of power leaves it: set aside, and made good.

Comes in: a store whose loader's lock is held. Goes out: what was done. A commit counts only after
its entry is durable, so that a torn one was hardly ever acknowledged: the loader's batch is still
noted, its segments are there, and they are loaded again. Where the batch was finished, and the
entry was cut later, its data files are still there: the rows that the table lacks are committed
again.

It is refused where more than the end of the log is damaged, or the files before it are gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from hubbub.errors import StoreError
from hubbub.store.delta import format_version
from hubbub.store.disk.quarantine import FOLDER, move_to_quarantine
from hubbub.store.rollups import refresh
from hubbub.store.tables.companion import Beside
from hubbub.store.tables.id_index import IdIndex
from hubbub.store.tables.id_lookup import Lookup

if TYPE_CHECKING:
    from hubbub.store.delta.log import Flaw
    from hubbub.store.delta.table import Table
    from hubbub.store.store import Store

__all__ = ["Repaired", "repair_logs", "prepare"]

_BATCH = re.compile(r"\d+-b(\d+)-[0-9a-f]+\.parquet")
_KEY = "mend:"  # of the state, before a table's name: what, where, aside
_log = structlog.get_logger("hubbub.store")


@dataclass(frozen=True, slots=True)
class Repaired:
    """A table whose log was torn."""

    table: str
    what: str
    where: str  # the torn file as it was
    move_to_quarantine: str  # where it is now
    rows: int = 0  # that were committed again

    @property
    def done(self) -> str:
        """One sentence."""
        back = f"{self.rows:,} rows are back" if self.rows else "no row is lost"
        return f"{self.what}; it is kept as {self.aside}, {back}"


def prepare(store: Store) -> None:
    """What comes before loading: whole logs, in the newest form. For the holder of the lock.

    Raises:
        StoreError: no room, or a damage that nobody can mend; nothing was changed then.
    """
    repair_logs(store)
    format_version.migrate(store.tables)


def repair_logs(store: Store) -> list[Repaired]:
    """Set torn ends of logs aside. For the holder of the loader's lock.

    Raises:
        StoreError: damage that is not at the end of a log, or no room.
    """
    out = []
    for table in store.tables:  # events first: the others go by their batches
        flaws = table.entries.flaws()
        if not all(flaw.torn for flaw in flaws):
            table.entries.check()
        begun = store.state.get(_KEY + table.name)  # by somebody who was killed
        if flaws or begun:
            done = _aside(store, table, flaws) if flaws else Repaired(table.name, *begun)
            store.state.set(_KEY + table.name, [done.what, done.where, done.aside])
            done = replace(done, rows=_restore(store, table))
            store.state.set(_KEY + table.name, None)
            said = {"table": done.table, "what": done.done, "where": done.where}
            _log.warning("the end of a table's log was torn", **said)
            out.append(done)
    return out


def _aside(store: Store, table: Table, flaws: Sequence[Flaw]) -> Repaired:
    """Of one table: a checkpoint and the entry that it was made of may be torn together."""
    flaw = flaws[-1]
    told = [flaw.what, str(flaw.path), str(store.path / FOLDER)]
    store.state.set(_KEY + table.name, told)  # whoever finds this goes on
    places = [(path, move_to_quarantine(store.path, path)) for one in flaws for path in one.files]
    table.entries.forget()
    try:
        _all_there(table, flaw)
    except StoreError:
        for path, place in places:
            place.rename(path)
        table.entries.forget()
        store.state.set(_KEY + table.name, None)
        raise
    return Repaired(table.name, flaw.what, str(flaw.path), str(places[-1][1]))


def _restore(store: Store, table: Table) -> int:
    """Commit again what the log does not tell of any more; how many rows."""
    if table is store.table:
        return _events(store)
    if isinstance(table, Beside):
        return _bring_back(table, _finished(table, store.table.batch()))
    return 0


def _all_there(table: Table, flaw: Flaw) -> None:
    """The version before is whole."""
    lost = [file.uri for file in table.files() if not Path(file.uri).exists()]
    if lost:
        raise StoreError(
            f"the end of the log is torn, and {len(lost):,} files from before it are gone",
            where=str(flaw.path),
            hint="restore the store from a backup, or gather into a new one",
        )


def _events(store: Store) -> int:
    """Bring events back, unless their batch is noted as unfinished; the set of ids starts anew."""
    table, version = store.table, store.table.version()
    lookup = Lookup(table)
    ids = IdIndex(store.path / "ids", scan=lookup.scan, exact=lookup.exact)
    ids.catch_up(version)  # it may know of the torn version
    noted = store.state.rows("SELECT 1 FROM pending WHERE batch = ?", table.batch() + 1)
    rows = 0 if noted else _bring_back(table, _spare(table))
    if any(one.exists() and one.batch() > version for one in store.rollups):
        refresh.rebuild(store)  # they may have counted the torn version
    return rows


def _spare(table: Table) -> list[Path]:
    """Data files that no commit told of, newest first."""
    live = {file.uri for file in table.files()}
    removed = {str(table.folder / path) for path in table.entries.removed()}
    found = [p for p in table.folder.glob("month=*/*.parquet") if str(p) not in live | removed]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def _finished(table: Table, batch: int) -> list[Path]:
    """Those of batches whose events are stored."""
    numbers = ((path, _BATCH.fullmatch(path.name)) for path in _spare(table))
    return [path for path, found in numbers if found is not None and int(found[1]) <= batch]


def _bring_back(table: Table, files: Sequence[Path]) -> int:
    """Commit the rows of these files that the table lacks; how many."""
    rows = 0
    known = [file.uri for file in table.files()]

    def parts() -> Iterator[tuple[str, Any]]:
        nonlocal rows
        for path in files:
            lacking = _lacking(table, path, known)
            if lacking is None:
                continue
            known.append(str(path))
            if lacking.num_rows:
                rows += lacking.num_rows
                yield path.parent.name.removeprefix("month="), lacking

    number = table.batch() + 1
    mark = f"b{number}-" if isinstance(table, Beside) else ""
    if files:
        table.append_rows(parts(), number, mark=mark)
    return rows


def _lacking(table: Table, path: Path, known: Sequence[str]) -> Any:
    """The rows of a file that none of the known files holds; None: it cannot be read."""
    keys = "id" if "id" in table.schema.names else "(origin, seq, name)"
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as one:
            rows = one.read(columns=table.schema.names).cast(table.schema)
    except (OSError, pa.ArrowException):
        return None  # a writer was killed before it had finished the file
    if not known:
        return rows
    import duckdb  # a loader hardly ever comes here, and its library is 30 MB

    with duckdb.connect(config={"autoinstall_known_extensions": False}) as db:
        db.execute("SET enable_progress_bar = false").fetchall()
        held = db.sql(
            f"SELECT {keys} IN (SELECT {keys} FROM read_parquet($known)) AS held"  # noqa: S608
            " FROM read_parquet($one, file_row_number = true) ORDER BY file_row_number",
            params={"known": list(known), "one": str(path)},
        ).fetchall()
    return rows.filter(pa.array([not one for (one,) in held], pa.bool_()))
