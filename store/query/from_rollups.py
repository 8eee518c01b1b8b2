"""Questions about days and hours, answered from rollups where that is the same answer.

Comes in: `Events` with their selection, and the rollups. Goes out: lazy Ibis tables: a row for each
period and user, or period and topic. Whole periods come from the rollup; what the range cuts, what
came since the rollup was written, and what it cannot tell apart comes from the events.

Who adds the rows up anyway asks for them not `summed`: a period and name may then have several, and
what comes from events is a row for each, at its own time.

Days before retention's cut are answered from the rollup alone, where it has them: one event that
comes late, or once more, says nothing of the others that are gone. What a range cuts of weeks is
asked of the days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hubbub.store.query.globs import matches
from hubbub.store.query.times import micros, period_start
from hubbub.store.rollups.tables import DAY, HOUR, Rollup
from hubbub.times import from_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from hubbub.store.delta.data_file import File
    from hubbub.store.delta.log import Tail
    from hubbub.store.query.events import Events
    from hubbub.store.query.selection import Selection
    from hubbub.store.tables.events import Events as Table

__all__ = ["RollupReader", "topics", "users"]

_END = 253_402_214_400_000_000  # µs: the last day that there is


@dataclass(frozen=True, slots=True)
class RollupReader:
    """What a snapshot of events needs to be answered from rollups."""

    backend: Any
    table: Table  # of events
    version: int  # of the snapshot
    oldest: int  # µs: of its oldest event
    newest: int  # and of its newest
    rollups: Sequence[Rollup]
    frozen: int  # µs: retention's cut, before which rollups follow no event any more
    more: Callable[[Sequence[str] | None, Any], Events]  # of some files (None: all) by a selection

    def rollup(self, name: str) -> Found | None:
        """What a rollup says; None where it is of no use."""
        from hubbub.store.delta.log import tail
        from hubbub.store.query.engine import view

        (one,) = (r for r in self.rollups if r.name == name)
        number, files = one.state()
        if not files or number > self.version:
            return None
        since = tail(self.table, number, self.version)
        if since is None:
            return None
        rows = view(self.backend, name, [f.uri for f in files])
        return Found(one, rows, since, _shared(files, since, one))


@dataclass(frozen=True, slots=True)
class Found:
    """A rollup of use."""

    rollup: Rollup
    rows: ir.Table
    since: Tail  # events that came after it
    shared: tuple[int, int] | None  # [µs, µs) outside of which each period and name has one row


def _shared(files: Sequence[File], since: Tail, one: Rollup) -> tuple[int, int] | None:
    """Within a file each period and name is there once: where two files meet, there may be more."""
    edges: list[int] = []
    last = -1
    for file in files:  # sorted by their first period
        if file.first <= last:
            edges += [file.first, min(file.last, last)]
        last = max(last, file.last)
    if since.files:
        edges += [since.first, since.last]
    return (one.floor(min(edges)), one.ceil(max(edges) + 1)) if edges else None


def users(events: Events, name: str, *, summed: bool = True) -> ir.Table:
    """Columns `time` (start of the period, UTC), `user`, `messages`, `bytes`.

    Args:
        events: by agent or users; users that the selection removes have no row.
        name: `hourly_users`, `daily_users` or `weekly_users`.
        summed: a row for each period and user; otherwise as above. Of a week and user there may
            be several anyway, up to one for each day.
    """
    chosen = events.selection
    agents = chosen.by == "agent"
    able = not (events.persons or chosen.topic or chosen.category or chosen.action or chosen.object)
    able = able and (agents or not chosen.user)
    found = events.rolled.rollup(name) if events.rolled and able else None
    unit = HOUR if name.startswith("hourly") else DAY

    def count(some: Events) -> ir.Table:
        return _counted(some.unnest_users("time", "size"), unit, ["user"], summed=summed)

    def days(some: Events) -> ir.Table:
        some.rolled = events.rolled
        return users(some, "daily_users", summed=summed)

    weekly = name.startswith("weekly")
    if found is None:
        return users(events, "daily_users", summed=summed) if weekly else count(events)
    rows = found.rows
    n, size = (rows.acted, rows.acted_bytes) if agents else (rows.named, rows.named_bytes)
    whole = rows.select("time", "user", messages=n, bytes=size).filter(lambda t: t.messages > 0)
    if chosen.user:
        whole = whole.filter(matches(whole.user, chosen.user))
    if chosen.removed:
        whole = whole.filter(~matches(whole.user, chosen.removed))
    if weekly:
        return _joined(events, found, whole, Ways(count, days), summed=False)
    return _joined(events, found, whole, Ways(count, count), summed=summed)


def topics(events: Events, *, summed: bool = True) -> ir.Table:
    """Columns `time` (start of the day, UTC), `topic`, `category`, `messages`, `bytes`."""
    chosen, keys = events.selection, ["topic", "category"]
    able = not (chosen.user or chosen.action or chosen.object)
    found = events.rolled.rollup("daily_topics") if events.rolled and able else None

    def count(some: Events) -> ir.Table:
        return _counted(some.stored, DAY, keys, summed=summed)

    if found is None:
        return count(events)
    rows = found.rows
    whole = rows.select("time", *keys, messages=rows.events, bytes=rows.bytes)
    for column, globs in (("topic", chosen.topic), ("category", chosen.category)):
        if globs:
            whole = whole.filter(matches(whole[column], globs))
    return _joined(events, found, whole, Ways(count, count), summed=summed)


@dataclass(frozen=True, slots=True)
class Ways:
    """How to count what a rollup does not answer."""

    events: Callable[[Events], ir.Table]  # of the files that came after it
    rest: Callable[[Events], ir.Table]  # of all files


def _joined(events: Events, found: Found, whole: ir.Table, ways: Ways, *, summed: bool) -> ir.Table:
    """The whole periods of a rollup, and all else from events."""
    since, one = found.since, found.rollup
    rolled = events.rolled
    assert rolled is not None
    chosen = _widened(events.selection, rolled, one)
    low = 0 if chosen.since is None else one.ceil(chosen.since)
    high = _END if chosen.until is None else one.floor(min(chosen.until, _END))
    if low >= high:
        return ways.rest(events)
    within = (whole.time >= _stamp(low)) & (whole.time < _stamp(high))
    # Periods of which events are stored and which the rollup does not follow any more.
    first, last = rolled.oldest // DAY * DAY, rolled.frozen
    delegates = ways.rest is not ways.events  # to a finer rollup, which has whole days
    if first < last and delegates:
        first, last = one.floor(first), one.ceil(last)
        within &= (whole.time < _stamp(first)) | (whole.time >= _stamp(last))
    whole = whole.filter(within)
    parts, again = [whole], []  # rows for each period and name; those that may have more than one
    if summed and found.shared is not None:
        inside = (whole.time >= _stamp(found.shared[0])) & (whole.time < _stamp(found.shared[1]))
        parts, again = [whole.filter(~inside)], [whole.filter(inside)]
    for start, end, files in _rest(chosen, low, high, (first, last), since.files):
        if start < end:
            some = rolled.more(files, replace(chosen, since=start, until=end))
            if (start, end) == (max(low, first), min(high, last)) and not delegates:
                some = _lacking(some, found.rows, first, last)
            rows = ways.rest(some) if files is None else ways.events(some)
            (again if files and summed else parts).append(rows)
    if again:
        more = _together(again)
        keys = [name for name in one.keys if name != "time"]
        parts.append(
            more.group_by("time", *keys).agg(messages=more.messages.sum(), bytes=more.bytes.sum())
        )
    return _together(parts)


def _lacking(some: Events, rows: ir.Table, first: int, last: int) -> Events:
    """Events of days that a rollup has no row of.

    Of the others it has all that there was before retention's cut: an event that comes once more
    is counted there, and its day has lost the rest of its events.
    """
    near = rows.filter((rows.time >= _stamp(first)) & (rows.time < _stamp(last)))
    days = near.select(day=micros(near.time) // DAY).distinct()
    return some.filter((micros(some.time) // DAY).notin(days.day))


def _widened(chosen: Selection, rolled: RollupReader, one: Rollup) -> Selection:
    """The same events in whole periods, where the range begins or ends beyond all of them."""
    since, until = chosen.since, chosen.until
    # Of earlier periods retention may have taken the events: their rollups say more than is asked.
    if since is not None and rolled.frozen <= one.floor(since) == one.floor(rolled.oldest):
        since = one.floor(since) if since <= rolled.oldest else since
    if until is not None and rolled.newest < until <= _END:
        until = one.ceil(until)
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
