"""Questions about days and hours, answered from rollups where that is the same answer.

Comes in: `Events` with their selection, and the rollups. Goes out: lazy Ibis tables: a row for each
period and user, or period and topic. Whole periods come from the rollup; what the range cuts, what
came since the rollup was written, and what it cannot tell apart comes from the events.

Who adds the rows up anyway asks for them not `summed`: a period and name may then have several, and
what comes from events is a row for each, at its own time.

Days of which no event is stored any more are answered from the rollup alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hubbub.store.clock import micros, period_start
from hubbub.store.globs import matches
from hubbub.store.rollups import DAY, Rollup
from hubbub.times import from_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from hubbub.store.changes import Tail
    from hubbub.store.delta import File
    from hubbub.store.engine import Events
    from hubbub.store.selection import Selection
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
    newest: int  # and of its newest
    rollups: Sequence[Rollup]
    frozen: int  # µs: before this, rollups say nothing where there are events
    more: Callable[[Sequence[str] | None, Any], Events]  # of some files (None: all) by a selection

    def rollup(self, name: str) -> Found | None:
        """What a rollup says; None where it is of no use."""
        from hubbub.store.changes import tail
        from hubbub.store.engine import view

        (one,) = (r for r in self.rollups if r.name == name)
        number, files = one.state()
        if not files or number > self.version:
            return None
        since = tail(self.table, number, self.version)
        if since is None:
            return None
        rows = view(self.backend, name, [f.uri for f in files])
        return Found(one, rows, since, _shared(files, since, one.unit))


@dataclass(frozen=True, slots=True)
class Found:
    """A rollup of use."""

    rollup: Rollup
    rows: ir.Table
    since: Tail  # events that came after it
    shared: tuple[int, int] | None  # [µs, µs) outside of which each period and name has one row


def _shared(files: Sequence[File], since: Tail, unit: int) -> tuple[int, int] | None:
    """Within a file each period and name is there once: where two files meet, there may be more."""
    edges: list[int] = []
    last = -1
    for file in files:  # sorted by their first period
        if file.first <= last:
            edges += [file.first, min(file.last, last)]
        last = max(last, file.last)
    if since.files:
        edges += [since.first, since.last]
    return (min(edges) // unit * unit, (max(edges) // unit + 1) * unit) if edges else None


def users(events: Events, name: str, *, summed: bool = True) -> ir.Table:
    """Columns `time` (start of the period, UTC), `user`, `messages`, `bytes`.

    Args:
        events: by agent or users; users that the selection removes have no row.
        name: `daily_users` or `hourly_users`.
        summed: a row for each period and user; otherwise as above.
    """
    chosen = events.selection
    agents = chosen.by == "agent"
    able = not (events.persons or chosen.topic or chosen.category or chosen.action or chosen.object)
    able = able and (agents or not chosen.user)
    found = events.rolled.rollup(name) if events.rolled and able else None
    unit = DAY if name.startswith("daily") else DAY // 24
    if found is None:
        return _counted(events.unnest_users("time", "size"), unit, ["user"], summed=summed)
    rows = found.rows
    n, size = (rows.acted, rows.acted_bytes) if agents else (rows.named, rows.named_bytes)
    whole = rows.select("time", "user", messages=n, bytes=size).filter(lambda t: t.messages > 0)
    if chosen.user:
        whole = whole.filter(matches(whole.user, chosen.user))
    if chosen.removed:
        whole = whole.filter(~matches(whole.user, chosen.removed))
    return _joined(
        *(events, found, whole, lambda some: some.unnest_users("time", "size"), ["user"]),
        summed=summed,
    )


def topics(events: Events, *, summed: bool = True) -> ir.Table:
    """Columns `time` (start of the day, UTC), `topic`, `category`, `messages`, `bytes`."""
    chosen, keys = events.selection, ["topic", "category"]
    able = not (chosen.user or chosen.action or chosen.object)
    found = events.rolled.rollup("daily_topics") if events.rolled and able else None
    if found is None:
        return _counted(events.stored, DAY, keys, summed=summed)
    rows = found.rows
    whole = rows.select("time", *keys, messages=rows.events, bytes=rows.bytes)
    for column, globs in (("topic", chosen.topic), ("category", chosen.category)):
        if globs:
            whole = whole.filter(matches(whole[column], globs))
    return _joined(events, found, whole, lambda some: some.stored, keys, summed=summed)


def _joined(
    events: Events,
    found: Found,
    whole: ir.Table,
    people: Callable[[Events], ir.Table],
    keys: list[str],
    *,
    summed: bool,
) -> ir.Table:
    """The whole periods of a rollup, and all else from events."""
    since, unit = found.since, found.rollup.unit
    rolled = events.rolled
    assert rolled is not None
    chosen = _widened(events.selection, rolled, unit)
    low = -(-(chosen.since or 0) // unit) * unit
    high = (_END if chosen.until is None else chosen.until) // unit * unit
    if low >= high:
        return _counted(people(events), unit, keys, summed=summed)
    within = (whole.time >= _stamp(low)) & (whole.time < _stamp(high))
    # Days of which events are stored and which the rollup does not follow any more.
    first, last = rolled.oldest // DAY * DAY, rolled.frozen
    if first < last:
        within &= (whole.time < _stamp(first)) | (whole.time >= _stamp(last))
    whole = whole.filter(within)
    parts, again = [whole], []  # rows for each period and name; those that may have more than one
    if summed and found.shared is not None:
        inside = (whole.time >= _stamp(found.shared[0])) & (whole.time < _stamp(found.shared[1]))
        parts, again = [whole.filter(~inside)], [whole.filter(inside)]
    for start, end, files in _rest(chosen, low, high, (first, last), since.files):
        if start < end:
            some = people(rolled.more(files, replace(chosen, since=start, until=end)))
            rows = _counted(some, unit, keys, summed=summed)
            (again if files and summed else parts).append(rows)
    if again:
        more = _together(again)
        parts.append(
            more.group_by("time", *keys).agg(messages=more.messages.sum(), bytes=more.bytes.sum())
        )
    return _together(parts)


def _widened(chosen: Selection, rolled: Rolled, unit: int) -> Selection:
    """The same events in whole periods, where the range begins or ends beyond all of them."""
    since, until = chosen.since, chosen.until
    # Of earlier periods retention may have taken the events: their rollups say more than is asked.
    if since is not None and since <= rolled.oldest and since // unit == rolled.oldest // unit:
        since = since // unit * unit
    if until is not None and until > rolled.newest:
        until = -(-until // unit) * unit
    return replace(chosen, since=since, until=until)


def _together(parts: Sequence[ir.Table]) -> ir.Table:
    rows, *others = parts
    for other in others:
        rows = rows.union(other)
    return rows


def _rest(
    chosen: Selection, low: int, high: int, unsure: tuple[int, int], since: Sequence[str]
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


def _counted(rows: ir.Table, unit: int, keys: list[str], *, summed: bool) -> ir.Table:
    """The same columns, from events."""
    import ibis

    if not summed:
        return rows.select("time", *keys, messages=ibis.literal(1, "int64"), bytes=rows["size"])
    # Truncating a time costs ten times a division, and depends on the session's zone.
    counted = rows.group_by(number=micros(rows.time) // unit, **{key: rows[key] for key in keys})
    sums = counted.agg(messages=rows.count(), bytes=rows["size"].sum())
    start = period_start(sums.number, unit, rows.time.type())
    return sums.select(start.name("time"), *keys, "messages", "bytes")


def _stamp(micros: int) -> Any:
    import ibis

    return ibis.timestamp(from_micros(micros))
