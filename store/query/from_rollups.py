"""Answer queries about periods from rollups where they give the same result as the events.

`users` and `topics` return lazy Ibis tables with a row for each period and user, or period and
topic. Whole periods are read from the rollup. Periods that the range cuts, events committed after
the rollup, and selections that it cannot express are computed from the events; parts of weeks from
the daily rollup.

Pass `summed=False` if you aggregate further: a period and name may then have several rows, and each
row that comes from an event has the event's own time.

Periods are those of the selection's time zone, the rollups' those of UTC. Where the offsets in the
range are whole hours, sums of hours are days of the zone; elsewhere the events answer, and so they
do for topics, of which there are no hours.

Days before retention's cut are read from the rollup alone, where it has them: an event that arrives
late or again says nothing about the deleted ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hubbub.store.query.globs import matches
from hubbub.store.query.sums import exact, exact_sum
from hubbub.store.query.times import micros, period_start, stamp, wall_start
from hubbub.store.rollups.tables import DAY, HOUR, Rollup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from hubbub.store.delta.data_file import File
    from hubbub.store.delta.log import Tail
    from hubbub.store.query.events import Events
    from hubbub.store.query.selection import Selection
    from hubbub.store.tables.events import Events as Table

__all__ = ["RollupReader", "UsableRollup", "cut_alike", "topics", "users"]

_NAMED = 1_000  # periods that are named one by one
_END = 253_402_214_400_000_000  # µs: 9999-12-31


@dataclass(frozen=True, slots=True)
class RollupReader:
    """The rollups that belong to a snapshot of the events table."""

    backend: Any
    table: Table  # of events
    version: int  # of the snapshot
    oldest: int  # µs, time of its oldest event
    newest: int  # µs, time of its newest event
    rollups: Sequence[Rollup]
    frozen: int  # µs: retention's cut, before which rollups are no longer updated
    #: Selects the snapshot's events from some files (None: from all).
    select: Callable[[Sequence[str] | None, Selection], Events]
    _known: dict[str, UsableRollup | None] = field(default_factory=dict)

    def rollup(self, name: str) -> UsableRollup | None:
        """Return a rollup with the events committed after it; None if it cannot be used."""
        if name not in self._known:
            self._known[name] = self._open(name)
        return self._known[name]

    def _open(self, name: str) -> UsableRollup | None:
        from hubbub.store.query.engine import view

        (rollup,) = (r for r in self.rollups if r.name == name)
        if rollup.saturated and not (self.frozen and rollup.outlives):
            return None  # the events know the exact sum
        number, files = rollup.batch_and_files()
        if not files or not 0 < number <= self.version:
            return None
        since = self.table.entries.tail(number, self.version)
        if since is None:
            return None
        rows = view(self.backend, name, [f.uri for f in files])
        return UsableRollup(rollup, rows, since, tuple(files))


@dataclass(frozen=True, slots=True)
class UsableRollup:
    """A rollup that can answer for a snapshot, and what it lacks of it."""

    rollup: Rollup
    rows: ir.Table
    since: Tail  # events committed after it
    files: tuple[File, ...]  # sorted by their first period

    def repeated(self) -> list[tuple[int, int]]:
        """Return the whole periods of which several files have rows, as ranges [µs, µs)."""
        ranges = list(self.since.times)
        last = -1
        for file in self.files:
            if file.first <= last:
                ranges.append((file.first, min(file.last, last)))
            last = max(last, file.last)
        joined: list[tuple[int, int]] = []
        for first, end in sorted(
            (self.rollup.floor(first), self.rollup.ceil(last + 1)) for first, last in ranges
        ):
            if joined and first <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(end, joined[-1][1])
            else:
                joined.append((first, end))
        return joined


def users(events: Events, name: str, *, summed: bool = True) -> ir.Table:
    """Return the columns `time` (start of the period), `user`, `messages`, `bytes`.

    Args:
        events: by agent or users; users that the selection removes have no row.
        name: `hourly_users`, `daily_users` or `weekly_users`.
        summed: one row for each period and user; see above. A week and user may have several rows
            anyway, up to one for each day.
    """
    chosen, unit = events.selection, HOUR if name.startswith("hourly") else DAY
    if not cut_alike(chosen, unit):
        if unit == HOUR or not cut_alike(chosen, HOUR):
            return _from_events(events, unit, summed=summed)
        hours = users(events.in_utc(), "hourly_users", summed=False)
        return _by_wall(hours, chosen, DAY, ["user"]) if summed else hours
    agents = chosen.by == "agent"
    answerable = not (
        events.persons or chosen.topic or chosen.category or chosen.action or chosen.object
    )
    answerable = answerable and (agents or not chosen.user)
    usable = events.rollups.rollup(name) if events.rollups and answerable else None

    def count(part: Events) -> ir.Table:
        return _counted(part.unnest_users("time", "size"), unit, ["user"], summed=summed)

    def from_days(part: Events) -> ir.Table:
        part.rollups = events.rollups
        return users(part, "daily_users", summed=summed)

    weekly = name.startswith("weekly")
    if usable is None:
        return users(events, "daily_users", summed=summed) if weekly else count(events)
    removed = events.persons.left_out(chosen.removed)

    def periods(rows: ir.Table) -> ir.Table:
        n, size = (rows.acted, rows.acted_bytes) if agents else (rows.named, rows.named_bytes)
        rows = rows.select("time", "user", messages=n, bytes=size).filter(lambda t: t.messages > 0)
        if chosen.user:
            rows = rows.filter(matches(rows.user, chosen.user))
        return rows.filter(~matches(rows.user, removed)) if removed else rows

    if weekly:
        return _completed(events, usable, periods, Fallback(count, from_days), summed=False)
    return _completed(events, usable, periods, Fallback(count, count), summed=summed)


def topics(events: Events, *, summed: bool = True) -> ir.Table:
    """Return the columns `time` (start of the day), `topic`, `category`, `messages`, `bytes`.

    `summed`: one row for each day and topic; see above.
    """
    chosen, keys = events.selection, ["topic", "category"]
    if not cut_alike(chosen, DAY):
        return _from_events(events, DAY, keys, summed=summed)
    answerable = not (chosen.user or chosen.action or chosen.object)
    usable = events.rollups.rollup("daily_topics") if events.rollups and answerable else None

    def count(part: Events) -> ir.Table:
        return _counted(part.stored, DAY, keys, summed=summed)

    if usable is None:
        return count(events)

    def periods(rows: ir.Table) -> ir.Table:
        rows = rows.select("time", *keys, messages=rows.events, bytes=rows.bytes)
        for column, globs in (("topic", chosen.topic), ("category", chosen.category)):
            if globs:
                rows = rows.filter(matches(rows[column], globs))
        return rows

    return _completed(events, usable, periods, Fallback(count, count), summed=summed)


def cut_alike(chosen: Selection, unit: int) -> bool:
    """Whether days (or hours) of the zone are those of UTC, which rollups have, in the range."""
    return all(not offset if unit == DAY else offset % unit == 0 for _, offset in chosen.offsets())


def _from_events(
    events: Events, unit: int, keys: Sequence[str] = ("user",), *, summed: bool
) -> ir.Table:
    """Compute the columns of a rollup by days or hours of the zone."""
    import ibis

    chosen, reader = events.selection, events.rollups
    if reader is not None and (chosen.since or 0) < reader.frozen:
        events.audience.incomplete = True
    rows = events.unnest_users("time", "size") if "user" in keys else events.stored
    each = rows.select("time", *keys, messages=ibis.literal(1, "int64"), bytes=rows["size"])
    return _by_wall(each, chosen, unit, keys) if summed else each


def _by_wall(rows: ir.Table, chosen: Selection, unit: int, keys: Sequence[str]) -> ir.Table:
    """Add rows up by days or hours of the zone."""
    offsets = chosen.offsets(days=unit == DAY)
    start = wall_start(micros(rows.time), unit, offsets)
    grouped = rows.group_by(start=start, **{key: rows[key] for key in keys})
    sums = grouped.agg(messages=rows.messages.sum(), bytes=rows.bytes.sum())
    time = sums.start.as_timestamp("s").cast(rows.time.type())
    return sums.select(time.name("time"), *keys, "messages", "bytes")


@dataclass(frozen=True, slots=True)
class Fallback:
    """How to compute the rows that a rollup does not have."""

    newer: Callable[[Events], ir.Table]  # of the files committed after it
    rest: Callable[[Events], ir.Table]  # of all files


def _completed(
    events: Events,
    usable: UsableRollup,
    periods: Callable[[ir.Table], ir.Table],
    fallback: Fallback,
    *,
    summed: bool,
) -> ir.Table:
    """Combine the whole periods of a rollup with rows computed for the rest of the range.

    `periods` selects columns and rows. What two parts of the result had in common, an engine would
    compute with all columns and before the filters of either: each part begins with other rows.
    """
    rollup, reader = usable.rollup, events.rollups
    assert reader is not None
    chosen = _widened(events.selection, reader, rollup)
    low = 0 if chosen.since is None else rollup.ceil(chosen.since)
    high = _END if chosen.until is None else rollup.floor(min(chosen.until, _END))
    if low >= high:
        return fallback.rest(events)
    stored = usable.rows
    within = (stored.time >= stamp(low)) & (stored.time < stamp(high))
    # Days that still have events, and that the rollup is no longer updated for.
    first, last = reader.oldest // DAY * DAY, reader.frozen
    delegates = fallback.rest is not fallback.newer  # to a finer rollup, which has whole days
    if first < last and delegates:
        first, last = rollup.floor(first), rollup.ceil(last)
        within &= (stored.time < stamp(first)) | (stored.time >= stamp(last))
    repeated: list[ir.Table] = []  # with several rows for a period and name
    if summed and (ranges := usable.repeated()):
        inside = _inside(stored.time, ranges, rollup.unit)
        repeated.append(periods(stored.filter(within & inside)))
        within &= ~inside
    unique = [periods(stored.filter(within))]
    for since, until, files in _rest(chosen, low, high, (first, last), usable.since.files):
        if since < until:
            part = reader.select(files, replace(chosen, since=since, until=until))
            if (since, until) == (max(low, first), min(high, last)) and not delegates:
                part = _of_missing_days(part, usable.rows, first, last)
            rows = fallback.rest(part) if files is None else fallback.newer(part)
            (repeated if files and summed else unique).append(rows)
    if repeated:
        rows = _union(repeated)
        keys = [name for name in rollup.keys if name != "time"]
        unique.append(
            rows.group_by("time", *keys).agg(
                messages=rows.messages.sum(), bytes=exact_sum(rows.bytes)
            )
        )
    return _union(unique)


def _inside(times: ir.TimestampColumn, ranges: Sequence[tuple[int, int]], unit: int) -> Any:
    """Whether starts of periods are in one of these ranges [µs, µs), if they are few; else near."""
    low, high = ranges[0][0], ranges[-1][1]
    if sum(end - first for first, end in ranges) > _NAMED * unit:
        return (times >= stamp(low)) & (times < stamp(high))
    starts = [start for first, end in ranges for start in range(first, end, unit)]
    return times.isin([*map(stamp, starts)])


def _of_missing_days(events: Events, rows: ir.Table, first: int, last: int) -> Events:
    """Keep the events of days that a rollup has no row of.

    The other days are complete in the rollup, as they were before retention's cut: an event that
    arrives again is counted there already, and the other events of its day are deleted.
    """
    in_range = rows.filter((rows.time >= stamp(first)) & (rows.time < stamp(last)))
    days = in_range.select(day=micros(in_range.time) // DAY).distinct()
    return events.filter((micros(events.time) // DAY).notin(days.day))


def _widened(chosen: Selection, reader: RollupReader, rollup: Rollup) -> Selection:
    """Extend the range to whole periods where that adds no event."""
    since, until = chosen.since, chosen.until
    # Retention may have deleted events of earlier periods, which their rollups still count.
    if since is not None and reader.frozen <= rollup.floor(since) == rollup.floor(reader.oldest):
        since = rollup.floor(since) if since <= reader.oldest else since
    if until is not None and reader.newest < until <= _END:
        until = rollup.ceil(until)
    return replace(chosen, since=since, until=until)


def _union(parts: Sequence[ir.Table]) -> ir.Table:
    """Return all rows; `bytes` of sums are decimals, those of single events need not be."""
    if any(part.bytes.type().is_decimal() for part in parts):
        parts = [part.mutate(bytes=exact(part.bytes)) for part in parts]
    rows, *others = parts
    for other in others:
        rows = rows.union(other)
    return rows


def _rest(
    chosen: Selection, low: int, high: int, frozen: tuple[int, int], newer: Sequence[str]
) -> list[tuple[int, int, Sequence[str] | None]]:
    """Return the ranges that the rollup does not answer, each with the files to read; None: all.

    Args:
        chosen: the range.
        low: start of the whole periods in it, µs.
        high: end of the whole periods in it, µs.
        frozen: [start, end) in µs, where the rollup is no longer updated.
        newer: files committed after the rollup.
    """
    first, last = frozen
    pieces: list[tuple[int, int, Sequence[str] | None]] = []
    if chosen.since is not None:
        pieces.append((chosen.since, low, None))
    if chosen.until is not None:
        pieces.append((high, chosen.until, None))
    if first < last:
        pieces.append((max(low, first), min(high, last), None))
    if newer:
        pieces.append((max(low, last) if first < last else low, high, newer))
    return pieces


def _counted(rows: ir.Table, unit: int, keys: list[str], *, summed: bool) -> ir.Table:
    """Compute the columns of a rollup from events."""
    import ibis

    if not summed:
        return rows.select("time", *keys, messages=ibis.literal(1, "int64"), bytes=rows["size"])
    # Truncating a time is ten times slower than a division, and depends on the session's zone.
    counted = rows.group_by(number=micros(rows.time) // unit, **{key: rows[key] for key in keys})
    sums = counted.agg(messages=rows.count(), bytes=exact_sum(rows["size"]))
    start = period_start(sums.number, unit, rows.time.type())
    return sums.select(start.name("time"), *keys, "messages", "bytes")
