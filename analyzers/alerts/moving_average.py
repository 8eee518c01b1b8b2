"""The two moving averages behind alerts, as a picture needs them: few points, no peak lost.

Comes in: a number for each tick. Goes out: an `Average` for each stretch of ticks, and how far a
raised stretch rose. The formulas are those of `hubbub.analyzers.alerts.threshold`.
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
        tick: which, from 1.
        short: of the last ticks.
        long: of the ticks before those; None where there are not yet enough of them.
    """

    tick: int
    short: float
    long: float | None


def sums(values: Sequence[float]) -> Callable[[int, int], float]:
    """A function (i, j) → values[i] + … + values[j - 1], exact.

    Of integers by running sums; of others by adding them up each time, since the rounding errors of
    running sums would be alerts where nothing happens.
    """
    if all(isinstance(value, int) for value in values):
        upto = list(accumulate(values, initial=0))
        return lambda i, j: upto[j] - upto[i]
    return lambda i, j: math.fsum(values[i:j])


def averages(values: Sequence[float], *, short: int, long: int, most: int) -> list[Average]:
    """The averages over time.

    Args:
        values: a number for each tick.
        short: ticks of the short average.
        long: ticks of the long average.
        most: points, at most; where there are more ticks, of each stretch the one whose short
            average is the highest, so that no rise disappears.
    """
    total, number = sums(values), len(values)
    stretch = max(1, -(-(number - short + 1) // max(most, 1)))
    out = []
    for first in range(short, number + 1, stretch):
        ticks = range(first, min(first + stretch, number + 1))
        k = max(ticks, key=lambda tick: total(tick - short, tick))
        before = total(k - short - long, k - short) / long if k >= short + long else None
        out.append(Average(k, total(k - short, k) / short, before))
    return out


def peak(
    total: Callable[[int, int], float], first: int, last: int, *, short: int, long: int
) -> float | None:
    """How many times the long average the short one was at its highest, from tick to tick.

    None where the long average was 0: something came out of silence.
    """
    most = 0.0
    for k in range(first, last + 1):
        before = total(k - short - long, k - short) / long
        if not before:
            return None
        most = max(most, total(k - short, k) / short / before)
    return most
