"""The coverage ledger: spans of time that are proven, healed, only listened to, or missing.

The spans of one source and filter never overlap. How complete a range is, `coverage` decides.
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
    """What the ledger states about [start, end), in µs since the epoch."""

    source: str
    filters: str  # empty: everything the source has
    start: int
    end: int
    state: str  # one of STATES
    proof: str  # the counts that prove it, or why messages are missing
    recorded: int = 0  # when it was recorded, µs


def find(
    query: Callable[..., list[tuple[Any, ...]]],
    since: int | None,
    until: int | None,
    source: str | None,
) -> list[CoverageSpan]:
    """Return the spans that overlap [since, until), by source, filter and time.

    Args:
        query: `State.rows`.
        since: µs since the epoch; None: no bound.
        until: µs since the epoch; None: no bound.
        source: only of this source; None: of all.
    """
    rows = query(
        f"SELECT {_COLUMNS} FROM spans"  # noqa: S608 - a constant
        ' WHERE (?1 IS NULL OR "end" > ?1) AND (?2 IS NULL OR start < ?2)'
        " AND (?3 IS NULL OR source = ?3) ORDER BY source, filters, start",
        since,
        until,
        source,
    )
    return [CoverageSpan(*row) for row in rows]


def record(db: sqlite3.Connection, new: CoverageSpan) -> None:
    """Record a span, within a transaction.

    It replaces older spans where they overlap, except that `unproven` (only listened to) never
    replaces anything. Adjacent spans with the same state and proof are joined.

    Raises:
        ValueError: unknown state, or an empty span.
    """
    if new.state not in STATES:
        raise ValueError(f"{new.state!r} is not a coverage state, one of {', '.join(STATES)}")
    if new.end <= new.start:
        raise ValueError(f"the span [{new.start}, {new.end}) is empty")
    new = replace(new, recorded=new.recorded or time.time_ns() // 1000)
    touching = [
        CoverageSpan(*row)
        for row in db.execute(
            f"SELECT {_COLUMNS} FROM spans WHERE source = ? AND filters = ?"  # noqa: S608
            ' AND "end" >= ? AND start <= ? ORDER BY start',
            (new.source, new.filters, new.start, new.end),
        )
    ]
    db.executemany(
        "DELETE FROM spans WHERE source = ? AND filters = ? AND start = ?",
        [(s.source, s.filters, s.start) for s in touching],
    )
    db.executemany(
        f"INSERT INTO spans ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [
            (s.source, s.filters, s.start, s.end, s.state, s.proof, s.recorded)
            for s in _joined(_overlaid(touching, new))
        ],
    )


def _overlaid(old: list[CoverageSpan], new: CoverageSpan) -> list[CoverageSpan]:
    """Return the spans that hold once `new` is recorded over `old`; sorted, without overlaps."""
    if new.state == "unproven":
        spans, position = list(old), new.start
        for span in old:
            if span.start > position:
                spans.append(replace(new, start=position, end=span.start))
            position = max(position, span.end)
        if position < new.end:
            spans.append(replace(new, start=position))
    else:
        spans = [new]
        for span in old:
            if span.start < new.start:
                spans.append(replace(span, end=min(span.end, new.start)))
            if span.end > new.end:
                spans.append(replace(span, start=max(span.start, new.end)))
    return sorted(spans, key=lambda s: s.start)


def _joined(spans: list[CoverageSpan]) -> list[CoverageSpan]:
    """Join adjacent spans with the same state and proof; each takes the latest `recorded`."""
    joined: list[CoverageSpan] = []
    for span in spans:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.end == span.start
            and (last.state, last.proof) == (span.state, span.proof)
        ):
            joined[-1] = replace(last, end=span.end, recorded=max(last.recorded, span.recorded))
        else:
            joined.append(span)
    return joined
