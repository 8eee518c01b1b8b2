"""The times that a store's events span, without the events of clocks that were wrong.

One publisher with a wrong clock dates messages 1970 or 2128. They are stored, and counted in every
range that includes them, but they say nothing about the time that the store knows. Left out are:

- events from before 1990 or more than a day after now, unless all events are;
- where there is a ledger, events of a bus or a history (`KINDS`) from more than a day before its
  first span or more than ten minutes after now, unless they are more than half of all events.

Events that were imported from files have no place in the ledger and may be of any time since 1990.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hubbub.store.query.selection import Selection
from hubbub.store.query.times import micros, whole_from
from hubbub.store.rollups.frozen import frozen
from hubbub.times import to_micros

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from hubbub.store.state.ledger import CoverageSpan
    from hubbub.store.store import Store
    from hubbub.zones import Zone

__all__ = ["EARLIEST", "KINDS", "Extent", "LeftOut", "beginning", "extent", "left_out"]

#: The oldest time that makes sense, µs: no bus is older than its network.
EARLIEST = to_micros(datetime(1990, 1, 1, tzinfo=UTC))
#: Kinds of sources whose spans the ledger holds.
KINDS = ("zmq", "amqp", "history")
_DAY = timedelta(days=1) // timedelta(microseconds=1)
_SKEW = timedelta(minutes=10) // timedelta(microseconds=1)  # of a clock that is not quite right


@dataclass(frozen=True, slots=True)
class Extent:
    """What the events and the ledger of a store span; times in µs, None where there are none."""

    oldest: int | None = None  # event whose time makes sense
    newest: int | None = None  # event whose time makes sense
    earlier: int = 0  # events left out because of a time that is too early
    later: int = 0  # events left out because of a time that is too late
    #: No event from before this time is complete: retention has deleted some.
    complete_from: int = 0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An event that the extent leaves out."""

    id: str
    time: int  # µs
    topic: str
    source: str


@dataclass(frozen=True, slots=True)
class _Limits:
    """[first, end) in µs of the times that make sense: of any event, and of one of a bus."""

    first: int
    end: int
    bus_first: int
    bus_end: int

    def strict(self, first: int, last: int) -> bool:
        """Whether all times of [first, last] make sense for any event."""
        return self.bus_first <= first and last < self.bus_end

    def left_out(self, rows: ir.Table) -> ir.BooleanValue:
        """Whether an event is left out."""

        def outside(first: int, end: int) -> ir.BooleanValue:
            time = micros(rows.time)
            return (time < first) | (time >= end)

        bus = rows.source.split(":")[0].isin(KINDS)
        answer: ir.BooleanValue = outside(self.first, self.end) | (
            bus & outside(self.bus_first, self.bus_end)
        )
        return answer


def extent(store: Store, spans: Iterable[CoverageSpan], now: int) -> Extent:
    """Return what a store spans; opens no file unless one holds times that make no sense.

    Args:
        store: an open store.
        spans: its whole ledger.
        now: µs since the epoch.
    """
    bounds, cut = store.bounds(), frozen(store)
    if bounds is None:
        return Extent(complete_from=cut)
    limits = _limits(store, spans, now)
    if limits is None:
        return Extent(bounds[0], bounds[1], complete_from=cut)
    times, left = _strict_bounds(store, limits), []
    for rows in _doubtful(store, limits):
        marked = rows.select(when=micros(rows.time), left=limits.left_out(rows))
        groups = marked.group_by("left").agg(
            n=marked.count(), first=marked.when.min(), last=marked.when.max()
        )
        found = {row.pop("left"): row for row in groups.to_pyarrow().to_pylist()}
        times += [found[False][end] for end in ("first", "last")] if False in found else []
        left.append(found[True]["n"] if True in found else 0)
    earlier, later = left
    oldest, newest = min(times, default=bounds[0]), max(times, default=bounds[1])
    return Extent(oldest, newest, earlier, later, complete_from=cut)


def beginning(store: Store, found: Extent, zone: Zone, since: int) -> int:
    """Return from when on (µs) nothing seems to be missing of a range that begins at `since`.

    It can be earlier only where that is the time of the oldest event: see `whole_from`.
    """
    if since != found.oldest:
        return since
    near = store.events(Selection(since=since, until=since + _DAY + 1))
    return whole_from(near.stored, since, zone)


def left_out(store: Store, spans: Iterable[CoverageSpan], now: int, *, most: int) -> list[LeftOut]:
    """Return the first events that `extent` leaves out, by time; at most `most`."""
    limits = _limits(store, spans, now) if store.bounds() is not None else None
    if limits is None:
        return []
    found: list[LeftOut] = []
    for rows in _doubtful(store, limits):
        wrong = rows.filter(limits.left_out(rows)).order_by("time", "id").limit(most)
        columns = wrong.select("id", "topic", "source", time=micros(wrong.time))
        found += [LeftOut(**row) for row in columns.to_pyarrow().to_pylist()]
    return sorted(found, key=lambda event: event.time)[:most]


def _limits(store: Store, spans: Iterable[CoverageSpan], now: int) -> _Limits | None:
    """Return the limits of times that make sense; None if all stored times do."""
    bounds = store.bounds()
    assert bounds is not None
    anything = _Limits(EARLIEST, now + _DAY, EARLIEST, now + _DAY)
    if not anything.strict(*bounds) and not _count(store, EARLIEST, now + _DAY):
        return None  # the clock of this machine is wrong, or the data are of such a time
    started = min((span.start for span in spans if span.start >= EARLIEST), default=None)
    limits = anything
    if started is not None:
        limits = replace(anything, bus_first=max(EARLIEST, started - _DAY), bus_end=now + _SKEW)
        if not limits.strict(*bounds):
            wrong = sum(
                rows.filter(limits.left_out(rows)).count().to_pyarrow().as_py()
                for rows in _doubtful(store, limits)
            )
            limits = anything if 2 * wrong > store.rows() else limits
    return None if limits.strict(*bounds) else limits


def _count(store: Store, since: int, until: int) -> int:
    return store.events(Selection(since=since, until=until)).count_events() if since < until else 0


def _doubtful(store: Store, limits: _Limits) -> tuple[ir.Table, ir.Table]:
    """Return the events before and after the times that make sense for any event."""
    early = store.events(Selection(until=limits.bus_first))
    late = store.events(Selection(since=max(limits.bus_first, limits.bus_end)))
    return early.stored, late.stored


def _strict_bounds(store: Store, limits: _Limits) -> list[int]:
    """Return the first and last of the times that make sense for any event; none if there is none.

    The first and last times of files answer, except where a file also holds other times.
    """
    files = [f for f in store.table.files() if f.overlaps(limits.bus_first, limits.bus_end)]
    whole = [f for f in files if limits.strict(f.first, f.last)]
    times = [t for f in whole for t in (f.first, f.last)]
    mixed = [f for f in files if f not in whole]
    if mixed:
        since = max(limits.bus_first, min(f.first for f in mixed))
        until = min(limits.bus_end, max(f.last for f in mixed) + 1)
        rows = store.events(Selection(since=since, until=until)).stored
        time = micros(rows.time)
        ends = rows.aggregate(first=time.min(), last=time.max()).to_pyarrow().to_pylist()[0]
        times += [t for t in ends.values() if t is not None]
    return times
