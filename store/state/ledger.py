"""The ledger of coverage: which spans of time are proven, healed, only heard, or missing.

Comes in: statements about [start, end) of a source under a filter. Goes out: the spans that hold
now; for one source and filter they never overlap. It never decides how complete a range is: that
is `coverage`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["STATES", "CoverageSpan", "find", "record"]

STATES = ("complete", "healed", "unproven", "gap")
_COLUMNS = 'source, filters, start, "end", state, proof, asked'


@dataclass(frozen=True, slots=True)
class CoverageSpan:
    """One statement about [start, end), in µs since the epoch."""

    source: str
    filters: str  # empty: everything the source has
    start: int
    end: int
    state: str
    proof: str  # counts, or why it is missing
    asked: int = 0  # when it was stated, µs


def find(
    rows: Callable[..., list[tuple[Any, ...]]],
    since: int | None,
    until: int | None,
    source: str | None,
) -> list[CoverageSpan]:
    """Spans that overlap [since, until), by source, filter and time."""
    found = rows(
        f"SELECT {_COLUMNS} FROM spans"  # noqa: S608 - a constant
        ' WHERE (?1 IS NULL OR "end" > ?1) AND (?2 IS NULL OR start < ?2)'
        " AND (?3 IS NULL OR source = ?3) ORDER BY source, filters, start",
        since,
        until,
        source,
    )
    return [CoverageSpan(*row) for row in found]


def record(db: sqlite3.Connection, new: CoverageSpan) -> None:
    """Write a statement down, within a transaction.

    The newest statement replaces older ones where they overlap, except that `unproven` (we only
    listened) says nothing where something is known already. Neighbours that say the same with the
    same proof become one.

    Raises:
        ValueError: no such state, or an empty span.
    """
    if new.state not in STATES:
        raise ValueError(f"{new.state!r} is no state of coverage; one of {', '.join(STATES)}")
    if new.end <= new.start:
        raise ValueError(f"the span [{new.start}, {new.end}) is empty")
    new = replace(new, asked=new.asked or time.time_ns() // 1000)
    touching = [
        CoverageSpan(*row)
        for row in db.execute(
            f"SELECT {_COLUMNS} FROM spans WHERE source = ? AND filters = ?"  # noqa: S608
            ' AND "end" >= ? AND start <= ? ORDER BY start',
            (new.source, new.filters, new.start, new.end),
        )
    ]
    pieces = _around(new, touching)
    db.executemany(
        "DELETE FROM spans WHERE source = ? AND filters = ? AND start = ?",
        [(s.source, s.filters, s.start) for s in touching],
    )
    db.executemany(
        f"INSERT INTO spans ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [(s.source, s.filters, s.start, s.end, s.state, s.proof, s.asked) for s in _joined(pieces)],
    )


def _around(new: CoverageSpan, old: list[CoverageSpan]) -> list[CoverageSpan]:
    """The spans that hold after `new` was stated over `old`; sorted, without overlaps."""
    if new.state == "unproven":
        kept, at = list(old), new.start
        fresh = []
        for span in old:
            if span.start > at:
                fresh.append(replace(new, start=at, end=span.start))
            at = max(at, span.end)
        if at < new.end:
            fresh.append(replace(new, start=at))
        return sorted(kept + fresh, key=lambda s: s.start)
    kept = [new]
    for span in old:
        if span.start < new.start:
            kept.append(replace(span, end=min(span.end, new.start)))
        if span.end > new.end:
            kept.append(replace(span, start=max(span.start, new.end)))
    return sorted(kept, key=lambda s: s.start)


def _joined(spans: list[CoverageSpan]) -> list[CoverageSpan]:
    """Neighbours that say the same, as one; asked when the last of them was."""
    out: list[CoverageSpan] = []
    for span in spans:
        last = out[-1] if out else None
        if (
            last is not None
            and last.end == span.start
            and (last.state, last.proof) == (span.state, span.proof)
        ):
            out[-1] = replace(last, end=span.end, asked=max(last.asked, span.asked))
        else:
            out.append(span)
    return out
