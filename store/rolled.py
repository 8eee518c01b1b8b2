"""Questions about days and hours, answered from rollups where that is the same answer.

Comes in: `Events` with their selection, and the rollups. Goes out: lazy Ibis tables: a row for each
period and user, or period and topic. Whole periods come from the rollup; what the range cuts, what
came since the rollup was written, and what it cannot tell apart comes from the events.

Days of which no event is stored any more are answered from the rollup alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hubbub.store.globs import matches
from hubbub.store.rollups import DAY, Rollup
from hubbub.times import from_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from hubbub.store.engine import Events
    from hubbub.store.tables import Events as Table

__all__ = ["Rolled", "topics", "users"]

_END = 253_402_214_400_000_000  # µs: the last day that there is


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a snapshot of events needs to be answered from rollups."""

    backend: Any
    table: Table  # of events
    version: int  # of the snapshot
    oldest: int  # µs: of its oldest event
    rollups: Sequence[Rollup]
    frozen: int  # µs: before this, rollups say nothing where there are events
    more: Callable[[Sequence[str] | None, Any], Events]  # of some files (None: all) by a selection

    def rollup(self, name: str) -> Found | None:
        """What a rollup says; None where it is of no use."""
        from hubbub.store.changes import tail

        (one,) = (r for r in self.rollups if r.name == name)
        number, files = one.state()
        if not files or number > self.version:
            return None
        since = tail(self.table, number, self.version)
        if since is None:
            return None
        view = f"{name}_{one.version()}_{number}"
        rows = self.backend.read_parquet(
            [f.uri for f in files], table_name=view, hive_partitioning=False
        )
        # Within a file each period and name is there once: so it is where no two share a period.
        apart = all(a.last < b.first for a, b in pairwise(files))
        return Found(one, rows, since, apart)


@dataclass(frozen=True, slots=True)
class Found:
    """A rollup of use."""

    rollup: Rollup
    rows: ir.Table
    since: list[str]  # files of events that came after it
    once: bool  # each period and name has one row


def users(events: Events, name: str) -> ir.Table:
    """Columns `time` (start of the period, UTC), `user`, `messages`, `bytes`.

    Args:
        events: by agent or users; users that the selection removes have no row.
        name: `daily_users` or `hourly_users`.
    """
    chosen = events.selection
    agents = chosen.by == "agent"
    able = not (events.persons or chosen.topic or chosen.category or chosen.action or chosen.object)
    able = able and (agents or not chosen.user)
    found = events.rolled.rollup(name) if events.rolled and able else None
    unit = DAY if name.startswith("daily") else DAY // 24
    if found is None:
        return _counted(events.unnest_users("time", "size"), unit, ["user"])
    rows = found.rows
    n, size = (rows.acted, rows.acted_bytes) if agents else (rows.named, rows.named_bytes)
    whole = rows.select("time", "user", messages=n, bytes=size).filter(lambda t: t.messages > 0)
    if chosen.user:
        whole = whole.filter(matches(whole.user, chosen.user))
    if chosen.removed:
        whole = whole.filter(~matches(whole.user, chosen.removed))
    return _joined(events, found, whole, lambda some: some.unnest_users("time", "size"), ["user"])


def topics(events: Events) -> ir.Table:
    """Columns `time` (start of the day, UTC), `topic`, `category`, `messages`, `bytes`."""
    chosen, keys = events.selection, ["topic", "category"]
    able = not (chosen.user or chosen.action or chosen.object)
    found = events.rolled.rollup("daily_topics") if events.rolled and able else None
    if found is None:
        return _counted(events.stored, DAY, keys)
    rows = found.rows
    whole = rows.select("time", *keys, messages=rows.events, bytes=rows.bytes)
    for column, globs in (("topic", chosen.topic), ("category", chosen.category)):
        if globs:
            whole = whole.filter(matches(whole[column], globs))
    return _joined(events, found, whole, lambda some: some.stored, keys)


def _joined(
    events: Events,
    found: Found,
    whole: ir.Table,
    people: Callable[[Events], ir.Table],
    keys: list[str],
) -> ir.Table:
    """The whole periods of a rollup, and all else from events."""
    since, unit = found.since, found.rollup.unit
    rolled, chosen = events.rolled, events.selection
    assert rolled is not None
    low = -(-(chosen.since or 0) // unit) * unit
    high = (_END if chosen.until is None else chosen.until) // unit * unit
    if low >= high:
        return _counted(people(events), unit, keys)
    within = (whole.time >= _stamp(low)) & (whole.time < _stamp(high))
    # Days of which events are stored and which the rollup does not follow any more.
    first, last = rolled.oldest // DAY * DAY, rolled.frozen
    if first < last:
        within &= (whole.time < _stamp(first)) | (whole.time >= _stamp(last))
    parts = [whole.filter(within)]
    for start, end, files in _rest(chosen, low, high, (first, last), since):
        if start < end:
            some = rolled.more(files, replace(chosen, since=start, until=end))
            parts.append(_counted(people(some), unit, keys))
    together = parts[0]
    for part in parts[1:]:
        together = together.union(part)
    if found.once and not since:
        return together
    return together.group_by("time", *keys).agg(
        messages=together.messages.sum(), bytes=together.bytes.sum()
    )


def _rest(
    chosen: Any, low: int, high: int, unsure: tuple[int, int], since: Sequence[str]
) -> list[tuple[int, int, Sequence[str] | None]]:
    """Ranges that the rollup does not answer, and the files to ask; None: all."""
    first, last = unsure
    pieces: list[tuple[int, int, Sequence[str] | None]] = []
    if chosen.since is not None:
        pieces.append((chosen.since, low, None))
    if chosen.until is not None:
        pieces.append((high, chosen.until, None))
    if first < last:
        pieces.append((max(low, first), min(high, last), None))
    if since:
        pieces.append((max(low, last) if first < last else low, high, since))
    return pieces


def _counted(rows: ir.Table, unit: int, keys: list[str]) -> ir.Table:
    """The same columns, from events."""
    # Ibis forgets the zone of what it truncates
    period = rows.time.truncate("D" if unit == DAY else "h").cast(rows.time.type())
    return rows.group_by(time=period, **{key: rows[key] for key in keys}).agg(
        messages=rows.count(), bytes=rows["size"].sum()
    )


def _stamp(micros: int) -> Any:
    import ibis

    return ibis.timestamp(from_micros(micros))
