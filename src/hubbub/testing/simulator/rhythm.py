"""Daily and weekly rhythms of activity, by time zone and habit, and bursts.

All times passed in and out are UTC; local hours are used only inside this module.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import cache
from statistics import NormalDist

__all__ = [
    "BURST",
    "GROUPS",
    "Group",
    "burst_factor",
    "day_noise",
    "day_profile",
    "hash64",
    "uniform",
]

#: Factor by which traffic grows in the week of a mass rebuild or a release.
BURST = 4
_BURST_WEEKS = (4, 16, 30, 42)  # ISO weeks, each shifted by up to two weeks by the seed
_EPOCH = date(1970, 1, 1).toordinal()
_MASK = 2**64 - 1
_NORMAL = NormalDist()

# Relative activity by local hour.
_OFFICE = (1, 1, 1, 1, 1, 2, 5, 20, 70, 95, 100, 95, 60, 85, 95, 90, 75, 45, 25, 22, 20, 15, 8, 3)
_EVENING = (
    15,
    5,
    2,
    1,
    1,
    1,
    3,
    10,
    15,
    15,
    15,
    18,
    25,
    18,
    15,
    15,
    20,
    35,
    60,
    85,
    100,
    95,
    75,
    40,
)
_NIGHT = (80, 60, 40, 20, 8, 3, 2, 2, 3, 5, 10, 15, 20, 25, 25, 25, 30, 35, 45, 60, 75, 90, 100, 95)


@dataclass(frozen=True, slots=True)
class Group:
    """People of one time zone and one habit.

    Attributes:
        offset: whole hours ahead of UTC.
        hours: weight of each local hour.
        weekend: weight of a day of the weekend, relative to a working day.
        share: share of all people.
    """

    offset: int
    hours: tuple[int, ...]
    weekend: float
    share: float

    def weight(self, weekday: int, hour: int) -> float:
        """Return the activity in an hour of UTC (Monday is 0); the mean of a week is 1."""
        local = hour + self.offset
        weekend = (weekday + local // 24) % 7 >= 5  # noqa: PLR2004  (Saturday and Sunday)
        total = sum(self.hours) * (5 + 2 * self.weekend)
        return self.hours[local % 24] * (self.weekend if weekend else 1.0) * 168 / total


_ZONES = ((-8, 0.10), (-5, 0.22), (-3, 0.05), (0, 0.08), (1, 0.30), (2, 0.08), (5, 0.10), (8, 0.07))
_HABITS = ((_OFFICE, 0.15, 0.70), (_EVENING, 1.6, 0.24), (_NIGHT, 0.8, 0.06))

#: Every habit in every zone. Volunteers work in the evening and at weekends, a few at night.
GROUPS = tuple(
    Group(offset, hours, weekend, zone * habit)
    for offset, zone in _ZONES
    for hours, weekend, habit in _HABITS
)


def hash64(*numbers: int) -> int:
    """Return a hash of the numbers, below 2^64 (chained splitmix64)."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state ^ (number & _MASK)) + 0x9E3779B97F4A7C15 & _MASK
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        state = (state ^ state >> 27) * 0x94D049BB133111EB & _MASK
        state ^= state >> 31
    return state


def uniform(*numbers: int) -> float:
    """Return a hash of the numbers, uniform in [0, 1)."""
    return (hash64(*numbers) >> 11) * 2.0**-53


@cache
def burst_factor(seed: int, day: int) -> int:
    """Return `BURST` in one week of every quarter, else 1; `day` counts from 1970-01-01."""
    year, week, _ = date.fromordinal(_EPOCH + day).isocalendar()
    weeks = [w + hash64(seed, year, k) % 5 - 2 for k, w in enumerate(_BURST_WEEKS)]
    return BURST if week in weeks else 1


@cache
def day_noise(seed: int, day: int, stratum: int, sigma: float) -> float:
    """Return the random factor of a stratum's traffic on a day: lognormal with mean 1."""
    p = min(max(uniform(seed, 15, day, stratum), 1e-9), 1 - 1e-9)
    return math.exp(sigma * _NORMAL.inv_cdf(p) - sigma * sigma / 2)


@cache
def day_profile(weekday: int, weights: tuple[float, ...] | None) -> tuple[float, tuple[float, ...]]:
    """Return a weekday's weight (mean 1), and its cumulative shares at hours 0, 1, …, 24.

    Args:
        weekday: Monday is 0.
        weights: share of the work done by each of `GROUPS`; None for machines, which work always.
    """
    if weights is None:
        return 1.0, tuple(h / 24 for h in range(25))
    hours = [
        sum(w * g.weight(weekday, hour) for w, g in zip(weights, GROUPS, strict=True))
        for hour in range(24)
    ]
    total = sum(hours)
    sums = [0.0]
    for hour in hours:
        sums.append(sums[-1] + hour / total)
    sums[-1] = 1.0
    return total / (24 * sum(weights)), tuple(sums)
