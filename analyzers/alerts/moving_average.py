"""The two moving averages behind alerts, thinned out for a chart without losing a peak.

The formulas are those of `hubbub.analyzers.alerts.threshold`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

__all__ = ["Average", "averages", "exact", "peak", "sums"]


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


def exact(number: float) -> int | Fraction:
    """Return a number as it is written: 1.2 is 6/5, not the binary fraction next to it.

    Raises:
        ValueError: it is not finite.
    """
    return number if isinstance(number, int) else Fraction(str(float(number)))


def sums(values: Sequence[float]) -> Callable[[int, int], int | Fraction]:
    """Return a function (i, j) → values[i] + … + values[j - 1], exact.

    Rounded sums would raise alerts where an average only equals the threshold, or nothing happens.

    Raises:
        ValueError: a value is not finite.
    """
    zero: int | Fraction = 0
    running = list(accumulate(map(exact, values), initial=zero))
    return lambda i, j: running[j] - running[i]


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
        before = float(total(k - short - long, k - short) / long) if k >= short + long else None
        points.append(Average(k, float(total(k - short, k) / short), before))
    return points


def peak(
    total: Callable[[int, int], int | Fraction], first: int, last: int, *, short: int, long: int
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
    highest = Fraction(0)
    for k in range(first, last + 1):
        before = total(k - short - long, k - short)
        if not before:
            return None
        highest = max(highest, Fraction(total(k - short, k) * long) / (before * short))
    return float(highest)
