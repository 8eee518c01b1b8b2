"""The query `alerts`: when a short moving average rises above a long one, and when that ends.

A moving-average crossover, as in technical analysis; the formula is that of the access-log monitor
"statistician":

    short(k) = (v[k-s+1] + … + v[k]) / s
    long(k)  = (v[k-s-l+1] + … + v[k-s]) / l          the l ticks before the short window
    on(k)    = short(k) > threshold · long(k)         for k ≥ s + l + 1

The comparison is exact, in whole numbers: an average that equals the threshold raises no alert.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.alerts.moving_average import averages as moving_averages
from hubbub.analyzers.alerts.moving_average import exact, peak, sums
from hubbub.analyzers.common.ticks import Ticks
from hubbub.collector.topics import ALERTS
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.store.query.sums import exact_sum
from hubbub.store.query.times import stamp

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["AlertState", "Crossing", "Crossover", "alerts", "crossings"]

#: More ticks than this are refused; three years of 10 s.
MAX_TICKS = 10_000_000
#: Ticks that are fetched at once: an engine of others gives no more rows.
_FETCHED = 1_000_000


class AlertState(StrEnum):
    """The state that an alert changes to."""

    RAISED = "raised"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Crossing:
    """An alert that is raised or ends.

    Attributes:
        tick: number of the tick at whose end this happens, from 1.
        time: the end of that tick; None where the start of the series is not known.
        state: raised or ended.
        short, long: the two averages, per tick.
        short_rate, long_rate: the same per second.
    """

    tick: int
    time: datetime | None
    state: AlertState
    short: float
    long: float
    short_rate: float
    long_rate: float


class Crossover:
    """Takes a number for each tick, and returns where alerts are raised and where they end.

    Args:
        short: ticks of the short average, truncated to an integer, at least 1.
        long: ticks of the long average, truncated to an integer, more than `short`.
        threshold: an alert is raised above this multiple of the long average; more than 1. It
            means the decimal number that is written: 1.2 is 6/5.
        resolution: length of a tick in seconds, more than 0.
        start: when the first tick began.

    Raises:
        ValueError: a parameter is out of its range.
    """

    def __init__(
        self,
        *,
        short: float,
        long: float,
        threshold: float,
        resolution: float,
        start: datetime | None = None,
    ) -> None:
        if not all(map(math.isfinite, (short, long, threshold, resolution))):
            raise ValueError("short, long, threshold and resolution must be finite numbers")
        s, l = int(short), int(long)  # noqa: E741 - the formula's name
        if s < 1:
            raise ValueError(f"the short average needs at least 1 tick, not {short}")
        if l <= s:
            raise ValueError(
                f"the long average ({long} ticks) must be longer than the short ({short})"
            )
        if threshold <= 1:
            raise ValueError(f"the threshold must be more than 1, not {threshold}")
        if resolution <= 0:
            raise ValueError(f"a tick must last longer than 0 s, not {resolution}")
        multiple = exact(threshold)
        # short > threshold · long, multiplied by s · l and by the threshold's denominator
        self._short_factor, self._long_factor = l * multiple.denominator, s * multiple.numerator
        self._short, self._long, self._resolution, self._start = s, l, resolution, start
        self._recent, self._before = deque[int | Fraction](), deque[int | Fraction]()
        self._recent_sum: int | Fraction = 0
        self._sum_before: int | Fraction = 0
        self.tick = 0  # ticks so far
        self.on = False

    def add(self, value: float) -> Crossing | None:
        """Add a tick; return the change at its end.

        Args:
            value: its number, 0 where nothing happened; not negative.

        Raises:
            ValueError: it is not finite.
        """
        number = exact(value)
        self.tick += 1
        self._recent.append(number)
        self._recent_sum += number
        if len(self._recent) > self._short:
            leaving = self._recent.popleft()
            self._recent_sum -= leaving
            self._before.append(leaving)
            self._sum_before += leaving
            if len(self._before) > self._long:
                self._sum_before -= self._before.popleft()
        if self.tick <= self._short + self._long:
            return None
        over = self._short_factor * self._recent_sum > self._long_factor * self._sum_before
        if over is self.on:
            return None
        self.on = over
        return self._change()

    def add_empty(self, number: int) -> Iterator[Crossing]:
        """Add so many ticks in which nothing happened; yield the changes.

        After `short + long` of them nothing can change: any number takes no longer.
        """
        few = min(number, self._short + self._long + 1)
        for _ in range(few):
            change = self.add(0)
            if change is not None:
                yield change
        self.tick += number - few

    def _change(self) -> Crossing:
        recent, before = float(self._recent_sum / self._short), float(self._sum_before / self._long)
        length = timedelta(seconds=self._resolution * self.tick)
        return Crossing(
            tick=self.tick,
            time=None if self._start is None else self._start + length,
            state=AlertState.RAISED if self.on else AlertState.ENDED,
            short=recent,
            long=before,
            short_rate=recent / self._resolution,
            long_rate=before / self._resolution,
        )


def crossings(
    values: Iterable[float],
    *,
    short: float,
    long: float,
    threshold: float,
    resolution: float,
    start: datetime | None = None,
) -> list[Crossing]:
    """Return where alerts are raised and where they end in a series.

    Args:
        values: a number for each tick, 0 where nothing happened; not negative.
        short: ticks of the short average; like the others, see `Crossover`.
        long: ticks of the long average.
        threshold: multiple of the long average.
        resolution: length of a tick in seconds.
        start: when the first tick began.

    Raises:
        ValueError: a parameter is out of its range, or a value is not finite.
    """
    crossover = Crossover(
        short=short, long=long, threshold=threshold, resolution=resolution, start=start
    )
    changes = map(crossover.add, values)
    return [change for change in changes if change is not None]


@query(
    names_people=False,
    columns=("tick", "time", "state", "short", "long", "short_rate", "long_rate"),
)
def alerts(
    events: Events,
    until: datetime,
    *,
    measure: Literal["messages", "bytes"] = "messages",
    short: int = 12,
    long: int = 120,
    threshold: float = 1.5,
    resolution: timedelta = timedelta(seconds=10),
    averages: int = 0,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """When traffic rose above its own average, and when that ended.

    An alert is raised where the average of the last `--short` ticks is more than `--threshold`
    times the average of the `--long` ticks before them, and ends where it no longer is. Ticks last
    `--resolution` and run from the first event of the range to the end of the range; ticks without
    events count as 0, and the events that alerts are (`hubbub.alert.*`) not at all. `time` is the
    end of the tick. `--averages N` adds to the diagnostics both averages over time, in at most N
    points, for each alert the highest multiple of the long average that it reached, and
    `judged_since`: before that no alert can be raised, because fewer ticks have passed than both
    averages need; null where that holds for the whole range.

    Args:
        events: The selected events.
        until: End of the range, exclusive.
        measure: What is averaged.
        short: Ticks of the short average.
        long: Ticks of the long average.
        threshold: Above how many times the long average there is an alert.
        resolution: Length of a tick.
        averages: Most points of each average in the diagnostics; 0: none.
    """
    from ibis import _

    table = events.stored.filter(~_.topic.startswith(ALERTS))
    ticks = Ticks.of(
        table,
        resolution,
        maximum=MAX_TICKS,
        option="--resolution",
        until=until,
        zone=events.zone,
    )
    amount = _.count() if measure == "messages" else exact_sum(_["size"])
    values = [0] * ticks.number
    for low in range(0, ticks.number, _FETCHED):
        part = table.filter(table.time >= stamp(ticks.start(low)))
        if low + _FETCHED < ticks.number:
            part = part.filter(part.time < stamp(ticks.start(low + _FETCHED)))
        rows = part.select("size", tick=ticks.number_of(part.time)).group_by("tick").agg(n=amount)
        counts = rows.to_pyarrow()
        for tick, n in zip(counts["tick"].to_pylist(), counts["n"].to_pylist(), strict=True):
            values[tick] = int(n)
    seconds = resolution.total_seconds()
    try:
        changes = crossings(
            values,
            short=short,
            long=long,
            threshold=threshold,
            resolution=seconds,
            start=ticks.first,
        )
    except ValueError as error:
        raise UsageError(
            str(error), hint="write for example --short 12 --long 120 --threshold 1.5"
        ) from None
    data = [
        {
            "tick": change.tick,
            "time": change.time,
            "state": change.state.value,
            "short": change.short,
            "long": change.long,
            "short_rate": change.short_rate,
            "long_rate": change.long_rate,
        }
        for change in changes
    ]
    if averages <= 0:
        return data, {}
    notes = _averages_and_peaks(
        ticks, values, changes, short=int(short), long=int(long), max_points=averages
    )
    return data, notes


def _averages_and_peaks(
    ticks: Ticks,
    values: list[int],
    changes: list[Crossing],
    *,
    short: int,
    long: int,
    max_points: int,
) -> dict[str, Any]:
    """Diagnostics for a chart: points of both averages per second, and the peak of each alert."""
    seconds, total = ticks.length.total_seconds(), sums(values)
    points = [
        {
            "time": ticks.first + ticks.length * average.tick,
            "short_rate": average.short / seconds,
            "long_rate": None if average.long is None else average.long / seconds,
        }
        for average in moving_averages(values, short=short, long=long, max_points=max_points)
    ]
    ends = [change.tick - 1 for change in changes if change.state is AlertState.ENDED]
    raised = [change.tick for change in changes if change.state is AlertState.RAISED]
    ends += [ticks.number] * (len(raised) - len(ends))  # the last alert may still be on
    peaks = [peak(total, *pair, short=short, long=long) for pair in zip(raised, ends, strict=True)]
    judged = ticks.first + ticks.length * (short + long) if ticks.number > short + long else None
    return {"averages": points, "peaks": peaks, "judged_since": judged}
