"""Alerts: when a short moving average rises above a long one, and when it comes back.

Comes in: a number for each tick, or events. Goes out: a `Crossing` for each change. Source: the
access-log monitor "statistician"; a moving-average crossover, as in the analysis of markets.

    short(k) = (v[k-s+1] + … + v[k]) / s
    long(k)  = (v[k-s-l+1] + … + v[k-s]) / l          the l ticks before the short window
    on(k)    = short(k) > threshold · long(k)         for k ≥ s + l + 1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from hubbub.analyzers.alerts.moving_average import averages as moving
from hubbub.analyzers.alerts.moving_average import peak, sums
from hubbub.analyzers.common.ticks import Ticks
from hubbub.errors import UsageError
from hubbub.registry import query

if TYPE_CHECKING:
    from hubbub.store.query.events import Events

__all__ = ["Crossing", "State", "alerts", "crossings"]

#: More ticks than this are refused: three years of 10 s.
MOST = 10_000_000


class State(StrEnum):
    """What a change is."""

    RAISED = "raised"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A change.

    Attributes:
        tick: the tick with which it was known, from 1.
        time: the end of that tick; None where nobody said when the first one began.
        state: raised or ended.
        short, long: the two averages, per tick.
        short_rate, long_rate: the same per second.
    """

    tick: int
    time: datetime | None
    state: State
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
    """The changes in a series.

    Args:
        values: a number for each tick, 0 where nothing happened; not negative.
        short: ticks of the short average, cut to an integer, at least 1.
        long: ticks of the long average, cut to an integer, more than `short`.
        threshold: how many times the long average is too much; more than 1.
        resolution: seconds of a tick, more than 0.
        start: when the first tick began.

    Raises:
        ValueError: a parameter is not as it must be.
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
    total = sums(values)
    found: list[Crossing] = []
    on = False
    for k in range(s + l + 1, len(values) + 1):
        here, before = total(k - s, k) / s, total(k - s - l, k - s) / l
        if (here > threshold * before) is on:
            continue
        on = not on
        time = None if start is None else start + timedelta(seconds=resolution * k)
        state = State.RAISED if on else State.ENDED
        rates = here / resolution, before / resolution
        found.append(Crossing(k, time, state, here, before, *rates))
    return found


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
    times the average of the `--long` ticks before them, and ends where it no longer is. Time is
    that of the events: a tick lasts `--resolution`, the first one holds the first event of the
    range, and ticks without events count as 0, to the end of the range. `time` is the tick's end.
    `--averages` gives both averages over time beside the changes, in so many points at most, and of
    each alert how many times the long average it reached.
    """
    from ibis import _

    table = events.stored
    ticks = Ticks.of(table, resolution, most=MOST, option="--resolution", until=until)
    amount = _.count() if measure == "messages" else _["size"].sum()
    rows = table.select("size", tick=ticks.number_of(table.time)).group_by("tick").agg(n=amount)
    found = rows.to_pyarrow()
    values = [0] * ticks.number
    for tick, n in zip(found["tick"].to_pylist(), found["n"].to_pylist(), strict=True):
        values[tick] = int(n)
    seconds = resolution.total_seconds()
    try:
        changes = crossings(
            values, short=short, long=long, threshold=threshold, resolution=seconds,
            start=ticks.first,
        )  # fmt: skip
    except ValueError as error:
        raise UsageError(str(error), hint="--short 12 --long 120 --threshold 1.5") from None
    rows_of = [
        {
            "tick": one.tick,
            "time": one.time,
            "state": one.state.value,
            "short": one.short,
            "long": one.long,
            "short_rate": one.short_rate,
            "long_rate": one.long_rate,
        }
        for one in changes
    ]
    lengths = int(short), int(long)
    return rows_of, _drawn(ticks, values, changes, lengths, averages) if averages > 0 else {}


def _drawn(
    ticks: Ticks, values: list[int], changes: list[Crossing], lengths: tuple[int, int], most: int
) -> dict[str, Any]:
    """What a picture shows beside the changes: points of both averages per second, and peaks."""
    short, long = lengths
    seconds, total = ticks.length.total_seconds(), sums(values)
    points = [
        {
            "time": ticks.first + ticks.length * one.tick,
            "short_rate": one.short / seconds,
            "long_rate": None if one.long is None else one.long / seconds,
        }
        for one in moving(values, short=short, long=long, most=most)
    ]
    ends = [one.tick - 1 for one in changes if one.state is State.ENDED]
    raised = [one.tick for one in changes if one.state is State.RAISED]
    ends += [ticks.number] * (len(raised) - len(ends))
    peaks = [peak(total, *pair, short=short, long=long) for pair in zip(raised, ends, strict=True)]
    return {"averages": points, "peaks": peaks}
