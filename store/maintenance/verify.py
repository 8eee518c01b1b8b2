"""Verify a store: all files readable, each id once, all derived data consistent with the events.

`verify` reports what was checked, and a `Fault` for each inconsistency. On request it repairs
derived data (the id index, rollups, counts), the ledger, and the torn end of a log. It never
changes events.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.language.plurals import plural
from hubbub.store.disk.errors import translate_errors
from hubbub.store.disk.quarantine import move_to_quarantine, quarantined
from hubbub.store.loader import recovery
from hubbub.store.maintenance.checkpoint import VERIFY, Checkpoint
from hubbub.store.maintenance.checks import recount
from hubbub.store.maintenance.progress import Progress, Show
from hubbub.store.maintenance.repair import repair_logs
from hubbub.store.maintenance.report import Fault, Report
from hubbub.store.maintenance.rollup_checks import RollupChecks
from hubbub.store.maintenance.state_checks import (
    check_journal,
    check_ledger,
    check_spool,
    check_state,
    check_stream,
)
from hubbub.store.maintenance.table_checks import Ids, TableChecks
from hubbub.store.maintenance.uniqueness import compare
from hubbub.store.rollups import refresh
from hubbub.store.rollups.details import kept
from hubbub.store.tables.id_index import hashes
from hubbub.store.tables.id_lookup import open_index
from hubbub.times import to_micros

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table
    from hubbub.store.store import Store

__all__ = ["Fault", "Report", "verify"]

_REBUILD = "`hubbub verify --repair` rebuilds it"
_RESTORE = "restore the file from a backup, or gather its time again into a new store"


def verify(
    store: Store,
    *,
    repair: bool = False,
    quick: bool = False,
    since: datetime | None = None,
    restart: bool = False,
    show: Show = lambda *_: None,
    note: Callable[[float], object] = lambda _: None,
) -> Report:
    """Check everything, holding the loader lock, so that nothing changes meanwhile.

    A verification that was interrupted is continued: files that it found sound, and that were not
    written since, are not read again. See `checkpoint`.

    Args:
        store: the store.
        repair: repair what can be repaired.
        quick: do not decode the rows of tables: check logs, files, checksums, and how many rows.
        since: of tables, check only what is of this time's month (UTC) or later.
        restart: do not continue an earlier verification.
        show: see `Show`.
        note: called with the start (seconds since the epoch) of the verification that is continued.

    Raises:
        StoreError: a part cannot be opened at all.
    """
    report, progress = Report(), Progress(show)
    with store.loader_lock():
        progress.begin("state")
        check_state(store.state, report)
        check_ledger(store.state, report, repair=repair)
        readable = _check_logs(store, report, repair=repair)
        if readable:  # as the next loader would
            recovery.resume(
                store.state, store.table, store.bodies, store.samples, store.spool_folder
            )
        progress.begin("spool")
        check_spool(store, report)
        check_stream(store.path, report)
        check_journal(store.path, report)
        month = "" if since is None else f"{since.astimezone(UTC):%Y-%m}"
        if readable and quick:
            _check_quickly(store, report, TableChecks(None, progress, month), progress)
        elif readable:
            with translate_errors(store.path, (OSError,)):
                checkpoint = Checkpoint(store.path / VERIFY, restart=restart)
                if checkpoint.started is not None:
                    report.continued = checkpoint.started
                    note(checkpoint.started)
                tables = TableChecks(checkpoint, progress, month)
                checks = RollupChecks(store, tables, checkpoint, progress)
                _check_tables(store, report, tables, checks, progress, repair=repair)
                report.skipped = tables.skipped
                checkpoint.finish()
        if files := quarantined(store.path):
            report.checked["aside"] = len(files)
    return report


def _check_quickly(store: Store, report: Report, tables: TableChecks, progress: Progress) -> None:
    """Check the files of all tables without decoding rows."""
    chosen = [*_companions(store), *kept(store)]
    progress.expect(sum(file.rows for table in chosen for file in tables.files(table)))
    for table in chosen:
        found = tables.quick(table)
        _count(report, table, tables)
        hint = _REBUILD if table in store.rollups else _RESTORE
        report.faults += [Fault(table.name, what, path, hint) for what, path in found]


def _companions(store: Store) -> list[Table]:
    """Return the tables that nothing can be rebuilt from; events first."""
    return [store.table, store.bodies, *([store.samples] if store.samples.exists() else [])]


def _count(report: Report, table: Table, tables: TableChecks, *, files: bool = True) -> None:
    chosen = tables.files(table)
    if files:
        report.checked[f"{table.name}:files"] = len(chosen)
    report.checked[f"{table.name}:rows"] = sum(file.rows for file in chosen)


def _check_tables(
    store: Store,
    report: Report,
    tables: TableChecks,
    checks: RollupChecks,
    progress: Progress,
    *,
    repair: bool,
) -> None:
    """Check the tables, and compare with them what is derived from them."""
    whole = [*_companions(store), *kept(store)]
    progress.expect(sum(file.rows for table in whole for file in tables.files(table)))
    events = sum(file.rows for file in tables.files(store.table))
    progress.expect(events * len(checks.recounted()))
    facts = checks.of_events()[1]
    sound = True
    for table in _companions(store):
        if table is store.table:
            found, of_files = tables.read(table, partial(_observe_events, checks), facts)
            if not found:
                checks.expect(of_files)
        elif table is store.bodies:
            found, _ = tables.read(table, Ids)
        else:
            found, _ = tables.read(table)
        _count(report, table, tables)
        report.faults += [Fault(table.name, what, path, _RESTORE) for what, path in found]
        sound &= not found
    if not sound:  # a comparison with a table that cannot be read means nothing
        return
    progress.begin("ids")
    _check_ids(store, report, tables, facts, repair=repair)
    progress.begin("minutes")
    _check_minutes(store, report, tables.month, repair=repair)
    _check_rollups(store, report, tables, checks, repair=repair)


def _observe_events(checks: RollupChecks, path: Path) -> Ids:
    return Ids(path, checks.of_events()[0])


def _check_logs(store: Store, report: Report, *, repair: bool) -> bool:
    """All logs are complete; return whether the tables can be read."""
    for table in store.tables:
        table.entries.reset()  # read them again
    if repair:
        try:
            _quarantine_rollups(store, report)
            for repaired in repair_logs(store):
                report.repaired.append(Fault(repaired.table, repaired.summary, repaired.where))
        except StoreError as e:
            parts = (t.name for t in store.tables if Path(e.where).is_relative_to(t.folder))
            report.faults.append(Fault(next(parts, "logs"), e.what, e.where, e.hint))
            return False
    faults = [
        Fault(table.name, flaw.what, str(flaw.path), flaw.hint)
        for table in store.tables
        for flaw in table.entries.flaws()
    ]
    report.faults += faults
    return not faults


def _quarantine_rollups(store: Store, report: Report) -> None:
    """Quarantine rollups whose log cannot be repaired, if they can be rebuilt from the events."""
    for rollup in store.rollups:
        flaws = [flaw for flaw in rollup.entries.flaws() if not flaw.torn]
        if flaws and not refresh.frozen(store):
            quarantined = move_to_quarantine(store.path, rollup.folder)
            rollup.entries.reset()
            what = f"{flaws[0].what}; it is kept as {quarantined}, and rebuilt"
            report.repaired.append(Fault(rollup.name, what, str(flaws[0].path)))


def _check_minutes(store: Store, report: Report, month: str, *, repair: bool) -> None:
    """The stored counts per minute, which are compared with history's, match the events."""
    since = to_micros(datetime.fromisoformat(f"{month}-01T00:00Z")) if month else 0
    wrong = recount(store, since, repair=repair)
    report.checked["minutes"] = store.state.rows("SELECT count(*) FROM minutes")[0][0]
    if wrong:
        what = f"the counts of {plural(len(wrong), 'minute')} do not match the stored messages"
        (report.repaired if repair else report.faults).append(Fault("minutes", what))


def _check_ids(
    store: Store, report: Report, tables: TableChecks, facts: Sequence[object], *, repair: bool
) -> None:
    """Each id is in the table once, and in the id index."""
    folder = store.path / "ids"
    index = open_index(folder, store.table)
    index.catch_up(store.table.version())  # as the next loader would
    comparison = compare(tables.hashes(store.table, facts), index.runs)
    report.checked["ids"] = comparison.ids
    if not tables.month:  # otherwise most of the index is of other months
        report.checked["ids:spare"] = comparison.spare
    if comparison.doubled:
        # different ids may have the same hash, rarely: compare the ids themselves
        ids = _repeated_ids(store, comparison.doubled)
        report.faults += [Fault("events", f"the id {event_id!r} occurs twice") for event_id in ids]
    if comparison.unknown:
        which = plural(comparison.unknown, "id of the table is", "ids of the table are")
        fault = Fault("ids", f"{which} not in the id index")
        if repair:
            shutil.rmtree(folder)
            open_index(folder, store.table).catch_up(store.table.version())
        (report.repaired if repair else report.faults).append(fault)
    bodies = compare(tables.hashes(store.bodies))
    if bodies.doubled:
        what = plural(len(bodies.doubled), "body occurs twice", "bodies occur twice")
        report.faults.append(Fault("bodies", what))


def _check_rollups(
    store: Store, report: Report, tables: TableChecks, checks: RollupChecks, *, repair: bool
) -> None:
    """Rollups can be read, and match the events; those that are not built yet are left out."""
    refresh.catch_up(store)  # as a loader would
    faults: list[Fault] = []
    for rollup in kept(store):
        found = checks.read(rollup)
        _count(report, rollup, tables, files=False)
        faults += [Fault(rollup.name, what, path) for what, path in found]
    if faults and repair:
        refresh.rebuild(store)
    (report.repaired if repair else report.faults).extend(faults)


def _read_ids(table: Table) -> Iterator[list[str]]:
    """Yield the ids of a table, in parts."""
    for file in table.files():
        with pq.ParquetFile(file.uri) as parquet:
            for part in parquet.iter_batches(1 << 16, columns=["id"]):
                yield part.column(0).to_pylist()


def _repeated_ids(store: Store, doubled: Iterable[int]) -> list[str]:
    """Return the ids that occur more than once, among those with these hashes."""
    candidates = set(doubled)
    counts: Counter[str] = Counter()
    for part in _read_ids(store.table):
        for event_id, value in zip(part, hashes(part).tolist(), strict=True):
            if value in candidates:
                counts[event_id] += 1
    return sorted(event_id for event_id, n in counts.items() if n > 1)
