"""Verify a store: all files readable, each id once, all derived data consistent with the events.

`verify` reports what was checked, and a `Fault` for each inconsistency. On request it repairs
derived data (the id index, rollups, counts), the ledger, and the torn end of a log. It never
changes events.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.store.disk.quarantine import move_to_quarantine, quarantined
from hubbub.store.journal import journal
from hubbub.store.loader import recovery
from hubbub.store.loader.loader import position
from hubbub.store.maintenance.checks import check_table, compare, recount
from hubbub.store.maintenance.repair import repair_logs
from hubbub.store.rollups import refresh
from hubbub.store.rollups.details import kept
from hubbub.store.spool import folder as spool
from hubbub.store.spool import segment
from hubbub.store.state import ledger
from hubbub.store.stream import stream
from hubbub.store.tables.id_index import hashes
from hubbub.store.tables.id_lookup import open_index

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table
    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = ["Fault", "Report", "verify"]

_REBUILD = "`hubbub verify --repair` rebuilds it"
_RESTORE = "restore the file from a backup, or gather its time again into a new store"


@dataclass(frozen=True, slots=True)
class Fault:
    """An inconsistency in a store."""

    part: str  # state, ledger, spool, stream, journal, dead-letters, logs, ids, or a table's name
    what: str
    where: str = ""
    hint: str = ""


@dataclass(slots=True)
class Report:
    """The result of a verification."""

    checked: dict[str, int] = field(default_factory=dict)  # kind of thing → how many
    faults: list[Fault] = field(default_factory=list)
    repaired: list[Fault] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether there is no fault, or none that was not repaired."""
        return not self.faults


def verify(
    store: Store,
    *,
    repair: bool = False,
    quick: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check everything, holding the loader lock, so that nothing changes meanwhile.

    Args:
        store: the store.
        repair: repair what can be repaired.
        quick: do not read the rows of tables: check logs, files, and how many rows these state.
        progress: called with the part that is checked next.

    Raises:
        StoreError: a part cannot be opened at all.
    """
    report = Report()
    with store.loader_lock():
        progress("state")
        _check_state(store.state, report)
        progress("ledger")
        _check_ledger(store.state, report, repair=repair)
        progress("logs")
        readable = _check_logs(store, report, repair=repair)
        if readable:  # as the next loader would
            recovery.resume(
                store.state, store.table, store.bodies, store.samples, store.spool_folder
            )
        progress("spool")
        _check_spool(store, report)
        progress("stream")
        _check_stream(store.path, report)
        progress("journal")
        _check_journal(store.path, report)
        companions = [store.bodies, *([store.samples] if store.samples.exists() else [])]
        tables = [store.table, *companions, *(kept(store) if quick else [])]
        for table in tables if readable else ():
            progress(table.name)
            check = check_table(table, progress, quick=quick)
            report.checked[f"{table.name}:files"] = check.files
            report.checked[f"{table.name}:rows"] = check.rows
            hint = _REBUILD if table in store.rollups else _RESTORE
            report.faults += [
                Fault(table.name, description, path, hint) for description, path in check.faults
            ]
            readable &= not check.faults
        if readable and not quick:  # a comparison with a table that cannot be read means nothing
            progress("ids")
            _check_ids(store, report, repair=repair)
            progress("minutes")
            _check_minutes(store, report, repair=repair)
            progress("rollups")
            _check_rollups(store, report, repair=repair)
        if files := quarantined(store.path):
            report.checked["aside"] = len(files)
    return report


def _check_state(state: State, report: Report) -> None:
    for (result,) in state.rows("PRAGMA integrity_check(20)"):
        if result != "ok":
            report.faults.append(
                Fault("state", result, str(state.path), "restore it from a backup")
            )
    letters = state.rows(
        "SELECT id FROM dead_letters WHERE size != length(topic) + length(body)"
        " OR reason = '' OR missing < 0 LIMIT 20"
    )
    report.faults += [
        Fault("dead-letters", f"dead letter {number} has inconsistent sizes", str(state.path))
        for (number,) in letters
    ]
    report.checked["dead-letters"] = state.rows("SELECT count(*) FROM dead_letters")[0][0]


def _check_ledger(state: State, report: Report, *, repair: bool) -> None:
    """Spans of a source and filter do not overlap, are not empty and have a valid state."""
    spans = state.coverage()
    report.checked["spans"] = len(spans)
    faults = []
    before: ledger.CoverageSpan | None = None
    for span in spans:
        same = before and (before.source, before.filters) == (span.source, span.filters)
        if span.state not in ledger.STATES or span.end <= span.start:
            what = f"a span of {span.source} is invalid: {span.state!r} [{span.start}, {span.end})"
            faults.append(Fault("ledger", what, str(state.path)))
        elif before and same and before.end > span.start:
            what = f"two spans of {span.source} overlap at {span.start} µs"
            faults.append(Fault("ledger", what, str(state.path)))
        before = span if not same or before is None or span.end > before.end else before
    if not (faults and repair):
        report.faults += faults
        return
    with state.transaction() as db:  # record them again in order: newer ones replace older ones
        db.execute("DELETE FROM spans")
        for span in sorted(spans, key=lambda s: s.recorded):
            if span.state in ledger.STATES and span.end > span.start:
                ledger.record(db, span)
    report.repaired += faults


def _check_spool(store: Store, report: Report) -> None:
    """Records that are not loaded match their checksums; positions are within their segments."""
    records = 0
    for waiting in spool.segments(store.spool_folder):
        descriptor = spool.open_segment(waiting)
        if descriptor is None:
            continue
        path = str(waiting.path)
        try:
            start = position(store.state, waiting.name)
            if start > os.fstat(descriptor).st_size:
                what = f"{start:,} bytes of it are loaded, but it has fewer"
                report.faults.append(Fault("spool", what, path))
                continue
            for record in segment.read(
                descriptor, start, name=path, live=waiting.live, torn=waiting.torn
            ):
                records += 1
                if isinstance(record, segment.Damage):
                    what = f"bytes {record.start:,} to {record.end:,} do not match their checksum"
                    hint = "the next load keeps them as a dead letter, and continues after them"
                    report.faults.append(Fault("spool", what, path, hint))
        except StoreError as e:
            report.faults.append(Fault("spool", e.what, path, e.hint or ""))
        finally:
            os.close(descriptor)
    report.checked["spool:records"] = records


def _check_stream(folder: Path, report: Report) -> None:
    """The files that wait for event handlers can be read."""
    files = stream.waiting(folder / stream.FOLDER)
    if files:
        report.checked["stream:files"] = len(files)
    for description, path in stream.faults(folder / stream.FOLDER):
        hint = "handlers pass it, and log that; its events are in the table all the same"
        report.faults.append(Fault("stream", description, str(path), hint))


def _check_journal(folder: Path, report: Report) -> None:
    """The journal of posted events is intact."""
    if not journal.exists(folder):
        return
    try:
        with journal.Journal(folder) as posted:
            report.checked["journal:batches"] = posted.waiting()
            found = posted.faults()
    except StoreError as e:
        found = [e.what]
    report.faults += [Fault("journal", what, str(folder / journal.NAME)) for what in found]


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


def _check_minutes(store: Store, report: Report, *, repair: bool) -> None:
    """The stored counts per minute, which are compared with history's, match the events."""
    wrong = recount(store, repair=repair)
    report.checked["minutes"] = store.state.rows("SELECT count(*) FROM minutes")[0][0]
    if wrong:
        what = f"the counts of {len(wrong):,} minutes do not match the stored messages"
        (report.repaired if repair else report.faults).append(Fault("minutes", what))


def _check_ids(store: Store, report: Report, *, repair: bool) -> None:
    """Each id is in the table once, and in the id index."""
    folder = store.path / "ids"
    index = open_index(folder, store.table)
    index.catch_up(store.table.version())  # as the next loader would
    comparison = compare(_read_ids(store.table), store.path, [run.data for run in index.runs])
    report.checked["ids"], report.checked["ids:spare"] = comparison.ids, comparison.spare
    if comparison.doubled:
        # different ids may have the same hash, rarely: compare the ids themselves
        ids = _repeated_ids(store, comparison.doubled)
        report.faults += [Fault("events", f"the id {event_id!r} occurs twice") for event_id in ids]
    if comparison.unknown:
        fault = Fault("ids", f"{comparison.unknown:,} ids of the table are not in the id index")
        if repair:
            shutil.rmtree(folder)
            open_index(folder, store.table).catch_up(store.table.version())
        (report.repaired if repair else report.faults).append(fault)
    bodies = compare(_read_ids(store.bodies), store.path)
    if bodies.doubled:
        report.faults.append(Fault("bodies", f"{len(bodies.doubled):,} bodies occur twice"))


def _check_rollups(store: Store, report: Report, *, repair: bool) -> None:
    """Rollups can be read, and match the events; those that are not built yet are left out."""
    refresh.catch_up(store)  # as a loader would
    faults: list[Fault] = []
    for rollup in kept(store):
        check = check_table(rollup)
        report.checked[f"{rollup.name}:rows"] = check.rows
        faults += [Fault(rollup.name, description, path) for description, path in check.faults]
        source = refresh.source(store, rollup)[0].name
        if not {rollup.name, source} & {fault.part for fault in faults}:
            faults += [
                Fault(rollup.name, f"its sums of {month} do not match {source}", str(rollup.folder))
                for month in refresh.differences(store, rollup)
            ]
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
