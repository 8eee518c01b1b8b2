"""Axis and noun helpers that several graphs share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from hubbub.charts.picture import scale, text

__all__ = ["time_axis"]


Ticks = tuple[tuple[str, float], ...]


def noun(column: str) -> str:
    """What a column counts, in words."""
    return text.clean(column.replace("_", " "))


def capital(said: str) -> str:
    """A sentence begins with a capital; the rest of it stays as it is."""
    return said[:1].upper() + said[1:]


def height_of(n: int) -> int:
    """Px of a picture with so many rows."""
    return max(170, min(130 + 30 * n, 700))


def time_axis(
    times: Sequence[datetime], *, centred: bool = False
) -> tuple[tuple[float, ...], Ticks]:
    """Positions 0…1 of times in ascending order, and calendar ticks.

    `centred`: every time is a bucket of one width, and a tick stands below its bucket's middle.
    """
    first, last = times[0], times[-1]
    if len(times) < 2 or first == last:  # noqa: PLR2004
        return tuple(0.5 for _ in times), ((scale.calendar(first, first)[0][0], 0.5),)
    length = last - first
    squeeze, shift = ((len(times) - 1) / len(times), 0.5 / len(times)) if centred else (1.0, 0.0)
    width = min(b - a for a, b in pairwise(times)) if centred else timedelta(0)
    at = tuple(shift + squeeze * ((t - first) / length) for t in times)
    ticks = tuple(
        (label, shift + squeeze * ((t - first) / length))
        for label, t in scale.calendar(first, last, width)
    )
    return at, ticks


def sparse(labels: Sequence[str]) -> Ticks:
    """At most nine of the labels of evenly spaced points."""
    n = len(labels)
    step = -(-n // scale.MOST)
    return tuple((labels[i], i / (n - 1) if n > 1 else 0.5) for i in range(0, n, max(step, 1)))


def _spaced(labels: Sequence[str]) -> list[tuple[str, float]]:
    n = len(labels)
    return [(label, i / (n - 1) if n > 1 else 0.5) for i, label in enumerate(labels)]
