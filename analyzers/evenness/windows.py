"""Evenness of many windows, overlapping or not, in one pass over the events.

The windows are cut into pieces, each of which lies in the windows `first`…`last`, and the engine
counts events per piece and user. All metrics depend only on the histogram "how many users have c
events in window j". Where few windows overlap the engine computes it, where many do,
`hubbub.analyzers.evenness.sliding`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from hubbub.analyzers.common.times import micros
from hubbub.analyzers.evenness.metrics import Evenness, measure_histogram
from hubbub.analyzers.evenness.sliding import Pieces, sliding_histograms
from hubbub.errors import UsageError
from hubbub.store.query.times import stamp
from hubbub.times import from_micros, to_micros
from hubbub.zones import UNIVERSAL, Zone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import ibis.expr.types as ir

    from hubbub.store.query.events import Events

__all__ = [
    "MAX_WINDOWS",
    "Histogram",
    "Windows",
    "histogram",
    "histograms",
    "measure_windows",
    "user_counts",
]

#: (count, number of users who have it), in any order.
Histogram: TypeAlias = "Sequence[tuple[int, int]]"

#: More windows than this are refused; a step was probably mistyped.
MAX_WINDOWS = 50_000
#: The default step is the shortest of `_STEPS` that gives at most this many windows.
_DEFAULT_WINDOWS = 400
_MINUTE, _WHOLE = timedelta(minutes=1), timedelta(days=1)
_STEPS = tuple(_MINUTE * m for m in (1, 2, 5, 10, 15, 30)) + tuple(
    timedelta(hours=h) for h in (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168, 336, 672)
)
_MICRO = timedelta(microseconds=1)
_HOUR, _DAY = timedelta(hours=1) // _MICRO, timedelta(days=1) // _MICRO
_WEEK, _MONDAY = 7 * _DAY, 4 * _DAY
#: The engine computes the histograms where at most this many windows overlap (measured: DuckDB).
_MAX_OVERLAP = 4
#: Days whose events are read, where the others are read from a rollup.
_MAX_CUTS = 24


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows [end - length, end) that end at until, until - step, …; none begins before since.

    Window 0 is the newest; `spans` gives them oldest first. With lengths and steps of whole days
    they are cut by the clock of `zone`, so that days with a change of the clocks are days too;
    others always have the same length.
    """

    until: datetime
    length: timedelta
    step: timedelta
    number: int
    zone: Zone = UNIVERSAL

    @classmethod
    def between(
        cls,
        since: datetime,
        until: datetime,
        length: timedelta,
        step: timedelta | None = None,
        zone: Zone = UNIVERSAL,
    ) -> Windows:
        """The windows of a range.

        The default step is the shortest of 1, 2, 5, 10, 15, 30 min, 1, 2, 3, 4, 6, 8, 12 h, 1, 2,
        3 d, 1, 2, 4 weeks (then multiples of 4 weeks) that gives at most 400 windows and is at
        least 1/48 of a window (30 min for 24 h, as first published).

        Raises:
            UsageError: the length or step is zero or less, or there are more than 50,000 windows.
        """
        if length <= timedelta(0) or (step is not None and step <= timedelta(0)):
            raise UsageError(
                "a window and a step must be longer than zero", where="--window, --step"
            )
        room = until - since - length
        if not room:  # the range itself, whatever clocks show at its ends
            zone = UNIVERSAL
        windows = cls(until, length, step or length, 0, zone)
        shown = windows.end - windows.clock(to_micros(since)) - length // _MICRO
        if shown < 0:
            return windows
        if step is None and room < timedelta(0):  # a day of 23 hours
            step = length
        if step is None:
            # room / step must stay below 400
            minimum = max(length / 48, room / _DEFAULT_WINDOWS + _MICRO)
            longest = _STEPS[-1]
            step = next((s for s in _STEPS if s >= minimum), -(-minimum // longest) * longest)
        windows = replace(windows, step=step)
        shown = windows.end - windows.clock(to_micros(since)) - length // _MICRO
        number = shown // (step // _MICRO) + 1
        if number > MAX_WINDOWS:
            raise UsageError(
                f"a step of {step} gives {number:,} windows, more than {MAX_WINDOWS:,}",
                where="--step",
                hint="choose a longer step or a shorter range",
            )
        return replace(windows, number=number)

    @property
    def by_clock(self) -> bool:
        """Whether the windows are cut by the clock of the zone."""
        whole = not self.length % _WHOLE and not self.step % _WHOLE
        return whole and not self.zone.is_utc

    def clock(self, micros: int) -> int:
        """Return a time (µs) on the clock by which the windows are cut."""
        return self.zone.wall(micros) if self.by_clock else micros

    @property
    def end(self) -> int:
        """The end of the newest window, µs on the clock by which they are cut."""
        return self.clock(to_micros(self.until))

    def spans(self) -> Iterator[tuple[int, datetime, datetime]]:
        """Yield (window, start, end), oldest first."""
        for window in range(self.number - 1, -1, -1):
            end = from_micros(self.end) - self.step * window
            yield window, self._instant(end - self.length), self._instant(end)

    def _instant(self, edge: datetime) -> datetime:
        if not self.by_clock:
            return edge
        return self.until if edge == from_micros(self.end) else self.zone.instant(edge)


def user_counts(events: Events, windows: Windows, edges: Sequence[datetime] = ()) -> ir.Table:
    """Return `time` and `user` for `measure_windows`, with `messages` where rollups can be used.

    Rollups by week, day or hour can be used where all windows begin and end with such a unit; of
    few windows also those by day, and the events of the days that windows cut.

    Args:
        events: the selected events.
        windows: the windows.
        edges: other times that must be in the right order with those of the rows.
    """
    unit = _unit(windows)
    if not windows.by_clock:
        events = events.in_utc()
        few = windows.number <= _MAX_CUTS and len(cut := _cut_days(windows, edges)) <= _MAX_CUTS
        if few and (unit is None or edges) and _has_days(events):
            return _of_days(events, cut)
    if unit is None:
        people = events.unnest_users("time").select("time", "user")
        return _on_clock(people, events, windows)
    if unit == _WEEK:
        sums = events.weekly_users(summed=True)
    elif unit == _DAY:
        sums = events.daily_users(summed=False)
    else:
        sums = events.hourly_users(summed=False)
    return _on_clock(sums.select("time", "user", "messages"), events, windows)


def _has_days(events: Events) -> bool:
    """Whether events of a store have rollups, from which retention has deleted nothing."""
    reader = events.rollups
    return reader is not None and not reader.frozen and events.zone.is_utc


def _cut_days(windows: Windows, edges: Sequence[datetime]) -> list[int]:
    """Return the days (since the epoch, UTC) in which windows begin or end, not at midnight."""
    ends = [windows.end - windows.step // _MICRO * i for i in range(windows.number + 1)]
    times = [*ends, *(end - windows.length // _MICRO for end in ends), *map(to_micros, edges)]
    return sorted({time // _DAY for time in times if time % _DAY})


def _of_days(events: Events, cut: Sequence[int]) -> ir.Table:
    """Return sums by day, and single messages of the days that are cut."""
    import ibis

    rows = events.daily_users(summed=False).select("time", "user", "messages")
    if not cut:
        return rows
    chosen, (low, high) = events.selection, (cut[0] * _DAY, (cut[-1] + 1) * _DAY)
    low = low if chosen.since is None else max(low, chosen.since)
    high = high if chosen.until is None else min(high, chosen.until)
    if low >= high:
        return rows
    part = events.between(low, high)
    days = [(part.time >= stamp(day * _DAY)) & (part.time < stamp((day + 1) * _DAY)) for day in cut]
    single = part.filter(ibis.or_(*days)).unnest_users("time").select("time", "user")
    rows = rows.filter((micros(rows.time) // _DAY).notin([*cut]))
    return rows.union(single.mutate(messages=ibis.literal(1, "int64")))


def _on_clock(people: ir.Table, events: Events, windows: Windows) -> ir.Table:
    """Set the times to the clock by which the windows are cut."""
    if not windows.by_clock:
        return people
    return people.mutate(time=events.local(people.time).cast(people.time.type()))


def _unit(windows: Windows) -> int | None:
    """The longest of week, day and hour (µs) with which all windows begin and end."""
    until = windows.end
    length, step = windows.length // _MICRO, windows.step // _MICRO
    for unit, origin in ((_WEEK, _MONDAY), (_DAY, 0), (_HOUR, 0)):
        if all(number % unit == 0 for number in (until - origin, length, step)):
            return unit
    return None


def measure_windows(
    people: ir.Table,
    windows: Windows,
    metrics: Callable[[Histogram], Evenness] = measure_histogram,
) -> Iterator[tuple[datetime, datetime, Evenness]]:
    """Yield (start, end, metrics) of each window, oldest first; without users n is 0.

    Args:
        people: `time` and `user`, one row for each user of each event; or sums, with `messages`.
        windows: the windows to measure.
        metrics: computes the metrics of a histogram.
    """
    for start, end, groups in histograms(people, windows):
        yield start, end, metrics(groups)


def histograms(
    people: ir.Table, windows: Windows
) -> Iterator[tuple[datetime, datetime, Histogram]]:
    """Yield (start, end, histogram) of each window, oldest first."""
    if not windows.number:
        return
    if windows.length > windows.step * _MAX_OVERLAP:
        cut = _pieces(windows)
        by_window = sliding_histograms(_by_user(people, windows, cut).to_pyarrow(), cut)
        for window, start, end in windows.spans():
            yield start, end, by_window[window]
        return
    rows = histogram(people, windows).to_pyarrow()
    groups: dict[int, list[tuple[int, int]]] = {}
    columns = (rows[name].to_pylist() for name in ("window", "count", "users"))
    for window, count, users in zip(*columns, strict=True):
        groups.setdefault(window, []).append((count, users))
    for window, start, end in windows.spans():
        yield start, end, groups.get(window, ())


def histogram(people: ir.Table, windows: Windows) -> ir.Table:
    """Histograms computed by the engine: how many `users` have that `count` in a `window`.

    It is cheap where few windows overlap. Events older than the oldest window may get windows
    beyond `windows.number`, which callers ignore: filtering them would cost a tenth of the query.
    """
    import ibis
    from ibis import _

    if windows.step >= windows.length:  # an event lies in one window or in none
        step, age = windows.step // _MICRO, _age(people, windows)
        rows = people.select("user", *_weight(people), age=age).mutate(window=_.age // step)
        if windows.step > windows.length:
            rows = rows.filter(_.age - _.window * step < windows.length // _MICRO)
        counted = rows.group_by("window", "user").agg(count=_number(rows))
    else:
        ranges = _window_ranges(people, windows)
        window = ibis.range(ranges.first, ranges.last + 1, 1).unnest()
        rows = ranges.select("user", "count", window=window)
        counted = rows.group_by("window", "user").agg(count=_["count"].sum())
    return counted.group_by("window", "count").agg(users=_.count())


def _age(people: ir.Table, windows: Windows) -> ir.IntegerValue:
    """Microseconds before the end of the newest window; 0 for its last microsecond."""
    return windows.end - 1 - micros(people.time)


def _window_ranges(people: ir.Table, windows: Windows) -> ir.Table:
    """Count (`count`) the events of a `user` that lie in exactly the windows `first`…`last`."""
    import ibis
    from ibis import _

    cut = _pieces(windows)
    return _by_piece(people, windows).select(
        "user",
        "count",
        first=ibis.greatest(cut.first(_.piece), 0),
        last=ibis.least(cut.last(_.piece), windows.number - 1),
    )


def _by_user(people: ir.Table, windows: Windows, cut: Pieces) -> ir.ArrayColumn:
    """The counts of each user, as `sliding_histograms` takes them."""
    counted = _by_piece(people, windows)
    packed = counted.select("user", value=cut.pack(counted["count"], counted.piece))
    return packed.group_by("user").agg(values=packed.value.collect())["values"]


def _pieces(windows: Windows) -> Pieces:
    """Steps, or halves of steps where a window begins within one."""
    steps, rest = divmod(windows.length, windows.step)
    return Pieces(windows.number, 2, 2 * steps + 1) if rest else Pieces(windows.number, 1, steps)


def _by_piece(people: ir.Table, windows: Windows) -> ir.Table:
    """Count (`count`) the events of a `user` in a `piece`, without those outside of all windows."""
    from ibis import _

    step, rest = windows.step // _MICRO, windows.length % windows.step // _MICRO
    rows = people.select("user", *_weight(people), age=_age(people, windows))
    rows = rows.filter(_.age >= 0, _.age < (windows.number - 1) * step + windows.length // _MICRO)
    piece = _.age // step
    if rest:
        piece = piece * 2 + (_.age % step >= rest).cast("int64")
    rows = rows.mutate(piece=piece)
    if "messages" in rows.columns and step == _WEEK == _unit(windows):
        return rows.rename(count="messages")  # grouping again would hardly shrink weekly sums
    return rows.group_by("piece", "user").agg(count=_number(rows))


def _weight(people: ir.Table) -> list[str]:
    return ["messages"] if "messages" in people.columns else []


def _number(rows: ir.Table) -> ir.IntegerValue:
    """Number of messages that the rows represent."""
    return rows.messages.sum() if "messages" in rows.columns else rows.count()
