"""The two moving averages behind alerts, thinned out for a chart without losing a peak.

The formulas are those of `hubbub.analyzers.alerts.threshold`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

__all__ = ["Average", "averages", "peak", "sums"]


@dataclass(frozen=True, slots=True)
class Average:
    """Both averages, per tick, at the end of a tick.

    Attributes:
        tick: number of the tick, from 1.
        short: average of the last ticks.
        long: average of the ticks before those; None where there are not yet enough of them.
    """

    tick: int
    short: float
    long: float | None


def sums(values: Sequence[float]) -> Callable[[int, int], float]:
    """Return a function (i, j) → values[i] + … + values[j - 1], exact.

    Integers use running sums. Floats are added up at each call, because rounding errors of running
    sums would raise alerts where nothing happens.
    """
    if all(isinstance(value, int) for value in values):
        running = list(accumulate(values, initial=0))
        return lambda i, j: running[j] - running[i]
    return lambda i, j: math.fsum(values[i:j])


def averages(values: Sequence[float], *, short: int, long: int, max_points: int) -> list[Average]:
    """Compute both averages over time, in at most `max_points` points.

    Where there are more ticks than points, each point is the tick with the highest short average of
    several neighbours, so that no peak disappears.

    Args:
        values: a number for each tick.
        short: ticks of the short average.
        long: ticks of the long average.
        max_points: how many points are returned at most.
    """
    total, number = sums(values), len(values)
    per_point = max(1, -(-(number - short + 1) // max(max_points, 1)))
    points = []
    for first in range(short, number + 1, per_point):
        ticks = range(first, min(first + per_point, number + 1))
        k = max(ticks, key=lambda tick: total(tick - short, tick))
        before = total(k - short - long, k - short) / long if k >= short + long else None
        points.append(Average(k, total(k - short, k) / short, before))
    return points


def peak(
    total: Callable[[int, int], float], first: int, last: int, *, short: int, long: int
) -> float | None:
    """Highest ratio of the short to the long average between two ticks (both included).

    Args:
        total: sums of the values, as from `sums`.
        first: the first tick, from 1.
        last: the last tick.
        short: ticks of the short average.
        long: ticks of the long average.

    Returns:
        The ratio; None where the long average was 0 at a tick, so that it has no ratio.
    """
    highest = 0.0
    for k in range(first, last + 1):
        before = total(k - short - long, k - short) / long
        if not before:
            return None
        highest = max(highest, total(k - short, k) / short / before)
    return highest
