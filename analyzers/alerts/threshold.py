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
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.alerts.moving_average import averages as moving_averages
from hubbub.analyzers.alerts.moving_average import exact, peak, sums
from hubbub.analyzers.common.ticks import Ticks
from hubbub.errors import UsageError
from hubbub.registry import query
from hubbub.store.query.sums import exact_sum

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["AlertState", "Crossing", "alerts", "crossings"]

#: More ticks than this are refused; three years of 10 s.
MAX_TICKS = 10_000_000


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


def crossings(
    values: Sequence[float],
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
        short: ticks of the short average, truncated to an integer, at least 1.
        long: ticks of the long average, truncated to an integer, more than `short`.
        threshold: an alert is raised above this multiple of the long average; more than 1. It
            means the decimal number that is written: 1.2 is 6/5.
        resolution: length of a tick in seconds, more than 0.
        start: when the first tick began.

    Raises:
        ValueError: a parameter is out of its range, or a value is not finite.
    """
    if not all(map(math.isfinite, (short, long, threshold, resolution))):
        raise ValueError("short, long, threshold and resolution must be finite numbers")
    s, l = int(short), int(long)  # noqa: E741 - the formula's name
    if s < 1:
        raise ValueError(f"the short average needs at least 1 tick, not {short}")
    if l <= s:
        raise ValueError(f"the long average ({long} ticks) must be longer than the short ({short})")
    if threshold <= 1:
        raise ValueError(f"the threshold must be more than 1, not {threshold}")
    if resolution <= 0:
        raise ValueError(f"a tick must last longer than 0 s, not {resolution}")
    total, multiple = sums(values), exact(threshold)
    # short > threshold · long, multiplied by s · l and by the threshold's denominator
    short_factor, long_factor = l * multiple.denominator, s * multiple.numerator
    changes: list[Crossing] = []
    on = False
    for k in range(s + l + 1, len(values) + 1):
        recent_sum, sum_before = total(k - s, k), total(k - s - l, k - s)
        if (short_factor * recent_sum > long_factor * sum_before) is on:
            continue
        on = not on
        recent, before = float(recent_sum / s), float(sum_before / l)
        changes.append(
            Crossing(
                tick=k,
                time=None if start is None else start + timedelta(seconds=resolution * k),
                state=AlertState.RAISED if on else AlertState.ENDED,
                short=recent,
                long=before,
                short_rate=recent / resolution,
                long_rate=before / resolution,
            )
        )
    return changes


@query
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
    events count as 0. `time` is the end of the tick. `--averages N` adds to the diagnostics both
    averages over time, in at most N points, for each alert the highest multiple of the long average
    that it reached, and `judged_since`: before that no alert can be raised, because fewer ticks
    have passed than both averages need; null where that holds for the whole range.
    """
    from ibis import _

    table = events.stored
    ticks = Ticks.of(table, resolution, maximum=MAX_TICKS, option="--resolution", until=until)
    amount = _.count() if measure == "messages" else exact_sum(_["size"])
    rows = table.select("size", tick=ticks.number_of(table.time)).group_by("tick").agg(n=amount)
    counts = rows.to_pyarrow()
    values = [0] * ticks.number
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
        raise UsageError(str(error), hint="--short 12 --long 120 --threshold 1.5") from None
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
