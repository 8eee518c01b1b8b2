"""Checks for `verify` of all that is not a table: state, ledger, spool, stream, journal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.errors import StoreError
from hubbub.store.journal import journal
from hubbub.store.loader.loader import position
from hubbub.store.maintenance.report import Fault, Report
from hubbub.store.spool import folder as spool
from hubbub.store.spool import segment
from hubbub.store.state import ledger
from hubbub.store.stream import stream

if TYPE_CHECKING:
    from hubbub.store.state.database import State
    from hubbub.store.store import Store

__all__ = ["check_journal", "check_ledger", "check_spool", "check_state", "check_stream"]


def check_state(state: State, report: Report) -> None:
    """The state file is intact, and its dead letters are."""
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


def check_ledger(state: State, report: Report, *, repair: bool) -> None:
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


def check_spool(store: Store, report: Report) -> None:
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


def check_stream(folder: Path, report: Report) -> None:
    """The files that wait for event handlers can be read."""
    files = stream.waiting(folder / stream.FOLDER)
    if files:
        report.checked["stream:files"] = len(files)
    for description, path in stream.faults(folder / stream.FOLDER):
        hint = "handlers pass it, and log that; its events are in the table all the same"
        report.faults.append(Fault("stream", description, str(path), hint))


def check_journal(folder: Path, report: Report) -> None:
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
