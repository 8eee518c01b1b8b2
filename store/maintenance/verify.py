"""Proof that a store holds what it says: every file read, every id once, everything derived equal.

Comes in: a store. Goes out: what was checked, and a `Fault` for each thing that is not as it must
be. What is derived (the set of ids, rollups, counts) or can be put in order (the ledger, the torn
end of a log) is repaired where that is asked for; no event is ever touched.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from hubbub.errors import StoreError
from hubbub.store.disk.quarantine import move_to_quarantine, quarantined
from hubbub.store.loader import recovery
from hubbub.store.maintenance.checks import check_table, compare, recount
from hubbub.store.maintenance.repair import repair_logs
from hubbub.store.rollups import refresh
from hubbub.store.spool import folder as spool
from hubbub.store.spool import segment
from hubbub.store.state import ledger
from hubbub.store.tables.id_index import IdIndex, hashes
from hubbub.store.tables.id_lookup import Lookup

if TYPE_CHECKING:
    from hubbub.store.delta.table import Table
    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = ["Fault", "Report", "verify"]

_AGAIN = "gather the time again into a new store, or restore the file from a backup"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it must be."""

    part: str  # state, ledger, spool, dead-letters, logs, ids, minutes, or a table's name
    what: str
    where: str = ""
    hint: str = ""


@dataclass(slots=True)
class Report:
    """What a verification found."""

    checked: dict[str, int] = field(default_factory=dict)  # how many of what
    faults: list[Fault] = field(default_factory=list)
    repaired: list[Fault] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong now."""
        return not self.faults


def verify(
    store: Store, *, repair: bool = False, progress: Callable[[str], None] = lambda _: None
) -> Report:
    """Check everything; waits for the loader's lock and keeps it, so that nothing changes.

    Args:
        store: the store.
        repair: build again what can be.
        progress: told which part is looked at.

    Raises:
        StoreError: a part cannot be opened at all.
    """
    report = Report()
    with store.loader_lock():
        progress("state")
        _state(store.state, report)
        progress("ledger")
        _ledger(store.state, report, repair=repair)
        progress("logs")
        whole = _logs(store, report, repair=repair)
        if whole:  # as the next loader would
            recovery.resume(
                store.state, store.table, store.bodies, store.samples, store.spool_folder
            )
        progress("spool")
        _spool(store, report)
        besides = [store.bodies, *([store.samples] if store.samples.exists() else [])]
        for table in (store.table, *besides) if whole else ():
            progress(table.name)
            found = check_table(table, progress)
            report.checked[f"{table.name}:files"] = found.files
            report.checked[f"{table.name}:rows"] = found.rows
            report.faults += [Fault(table.name, w, at, _AGAIN) for w, at in found.faults]
            whole &= not found.faults
        if whole:  # what is compared with a table that cannot be read says nothing
            progress("ids")
            _ids(store, report, repair=repair)
            progress("minutes")
            _minutes(store, report, repair=repair)
            progress("rollups")
            _rollups(store, report, repair=repair)
        if files := quarantined(store.path):
            report.checked["aside"] = len(files)
    return report


def _state(state: State, report: Report) -> None:
    for (said,) in state.rows("PRAGMA integrity_check(20)"):
        if said != "ok":
            report.faults.append(Fault("state", said, str(state.path), "restore it from a backup"))
    bad = state.rows(
        "SELECT id FROM dead_letters WHERE size != length(topic) + length(body)"
        " OR reason = '' OR missing < 0 LIMIT 20"
    )
    report.faults += [
        Fault("dead-letters", f"letter {one} is not as long as it says", str(state.path))
        for (one,) in bad
    ]
    report.checked["dead-letters"] = state.rows("SELECT count(*) FROM dead_letters")[0][0]


def _ledger(state: State, report: Report, *, repair: bool) -> None:
    """Spans of a source and filter never overlap, are not empty and say a known state."""
    found = state.coverage()
    report.checked["spans"] = len(found)
    faults = []
    before: ledger.CoverageSpan | None = None
    for one in found:
        same = before and (before.source, before.filters) == (one.source, one.filters)
        if one.state not in ledger.STATES or one.end <= one.start:
            what = f"a span of {one.source} says {one.state!r} of [{one.start}, {one.end})"
            faults.append(Fault("ledger", what, str(state.path)))
        elif before and same and before.end > one.start:
            what = f"two spans of {one.source} overlap at {one.start} µs"
            faults.append(Fault("ledger", what, str(state.path)))
        before = one if not same or before is None or one.end > before.end else before
    if not (faults and repair):
        report.faults += faults
        return
    with state.transaction() as db:  # stated again in their order: the newest holds
        db.execute("DELETE FROM spans")
        for one in sorted(found, key=lambda s: s.asked):
            if one.state in ledger.STATES and one.end > one.start:
                ledger.record(db, one)
    report.repaired += faults


def _spool(store: Store, report: Report) -> None:
    """Every record that waits has its checksum; nothing claims to be read that is not there."""
    records = 0
    for one in spool.segments(store.spool_folder):
        descriptor = spool.open_segment(one)
        if descriptor is None:
            continue
        try:
            rows = store.state.rows("SELECT position FROM segments WHERE name = ?", one.name)
            start = int(rows[0][0]) if rows else 0
            if start > os.fstat(descriptor).st_size:
                what = f"{start:,} bytes of it are loaded, and it has fewer"
                report.faults.append(Fault("spool", what, str(one.path)))
                continue
            for found in segment.read(
                descriptor, start, name=str(one.path), live=one.live, torn=one.torn
            ):
                records += 1
                if isinstance(found, segment.Damage):
                    what = f"bytes {found.start:,} to {found.end:,} fail their checksum"
                    hint = "the next load keeps them as a dead letter, and goes on behind them"
                    report.faults.append(Fault("spool", what, str(one.path), hint))
        except StoreError as e:
            report.faults.append(Fault("spool", e.what, str(one.path), e.hint or ""))
        finally:
            os.close(descriptor)
    report.checked["spool:records"] = records


def _logs(store: Store, report: Report, *, repair: bool) -> bool:
    """Every commit is in its log, whole; whether the tables can be read."""
    for table in store.tables:
        table.entries.forget()  # whatever was looked at before
    if repair:
        try:
            _anew(store, report)
            for done in repair_logs(store):
                report.repaired.append(Fault(done.table, done.done, done.where))
        except StoreError as e:
            parts = (t.name for t in store.tables if Path(e.where).is_relative_to(t.folder))
            report.faults.append(Fault(next(parts, "logs"), e.what, e.where, e.hint))
            return False
    found = [
        Fault(table.name, flaw.what, str(flaw.path), flaw.hint)
        for table in store.tables
        for flaw in table.entries.flaws()
    ]
    report.faults += found
    return not found


def _anew(store: Store, report: Report) -> None:
    """Rollups whose log nobody can mend are set aside whole, where the events have all of it."""
    for one in store.rollups:
        flaws = [flaw for flaw in one.entries.flaws() if not flaw.torn]
        if flaws and not refresh.frozen(store):
            place = move_to_quarantine(store.path, one.folder)
            one.entries.forget()
            what = f"{flaws[0].what}; it is kept as {place}, and counted again"
            report.repaired.append(Fault(one.name, what, str(flaws[0].path)))


def _minutes(store: Store, report: Report, *, repair: bool) -> None:
    """The counts that history's own are held against are those of the events."""
    wrong = recount(store, repair=repair)
    report.checked["minutes"] = store.state.rows("SELECT count(*) FROM minutes")[0][0]
    if wrong:
        what = f"{len(wrong):,} minutes count other messages than are stored"
        (report.repaired if repair else report.faults).append(Fault("minutes", what))


def _ids(store: Store, report: Report, *, repair: bool) -> None:
    """Each id is in the table once, and the set of ids knows it."""
    folder = store.path / "ids"
    lookup = Lookup(store.table)
    ids = IdIndex(folder, scan=lookup.scan, exact=lookup.exact)
    ids.catch_up(store.table.version())  # as the next loader would
    found = compare(_texts(store.table), store.path, [run.data for run in ids.runs])
    report.checked["ids"], report.checked["ids:spare"] = found.ids, found.spare
    if found.doubled:
        # two ids may have one hash, if hardly ever: look at the ids themselves
        names = _twice(store, found.doubled)
        report.faults += [Fault("events", f"the id {name!r} is there twice") for name in names]
    if found.unknown:
        fault = Fault("ids", f"{found.unknown:,} ids of the table are not in the set of ids")
        if repair:
            shutil.rmtree(folder)
            IdIndex(folder, scan=lookup.scan, exact=lookup.exact).catch_up(store.table.version())
        (report.repaired if repair else report.faults).append(fault)
    bodies = compare(_texts(store.bodies), store.path)
    if bodies.doubled:
        what = f"{len(bodies.doubled):,} bodies are there twice"
        report.faults.append(Fault("bodies", what))


def _rollups(store: Store, report: Report, *, repair: bool) -> None:
    """Rollups can be read, and say what the events say."""
    refresh.catch_up(store)  # as a loader would
    faults: list[Fault] = []
    for one in store.rollups:
        found = check_table(one)
        report.checked[f"{one.name}:rows"] = found.rows
        faults += [Fault(one.name, what, where) for what, where in found.faults]
        of = refresh.source(store, one)[0].name
        if not {one.name, of} & {fault.part for fault in faults}:
            faults += [
                Fault(one.name, f"its sums of {month} are not those of {of}", str(one.folder))
                for month in refresh.differences(store, one)
            ]
    if faults and repair:
        refresh.rebuild(store)
    (report.repaired if repair else report.faults).extend(faults)


def _texts(table: Table) -> Iterator[list[str]]:
    """The ids of a table."""
    for file in table.files():
        with pq.ParquetFile(file.uri) as one:
            for part in one.iter_batches(1 << 16, columns=["id"]):
                yield part.column(0).to_pylist()


def _twice(store: Store, doubled: Iterable[int]) -> list[str]:
    """The ids behind hashes that are there twice; none where only the hashes are alike."""
    wanted = set(doubled)
    seen: dict[str, int] = {}
    for part in _texts(store.table):
        for name, value in zip(part, hashes(part).tolist(), strict=True):
            if value in wanted:
                seen[name] = seen.get(name, 0) + 1
    return sorted(name for name, n in seen.items() if n > 1)
