"""Helpers that several chart types share: axis positions, tick labels, nouns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from hubbub.charts.picture import scale, text
from hubbub.language import N_, _

__all__ = [
    "Ticks",
    "capital",
    "height_of",
    "noun",
    "plain",
    "slot",
    "spaced",
    "sparse",
    "time_axis",
]

Ticks = tuple[tuple[str, float], ...]
#: Columns of hubbub's own results and pictures.
COLUMNS = (
    N_("action"),
    N_("axis"),
    N_("before"),
    N_("bytes"),
    N_("category"),
    N_("change"),
    N_("count"),
    N_("day"),
    N_("end"),
    N_("first seen"),
    N_("ideal"),
    N_("messages"),
    N_("months later"),
    N_("name"),
    N_("now"),
    N_("number"),
    N_("object"),
    N_("objects"),
    N_("people"),
    N_("person"),
    N_("rank"),
    N_("requests"),
    N_("share"),
    N_("source"),
    N_("start"),
    N_("state"),
    N_("time"),
    N_("topic"),
    N_("user"),
    N_("users"),
    N_("window"),
)


def plain(column: str) -> str:
    """Return the name of a column as English words, for the table behind a picture."""
    return text.clean(column.replace("_", " "))


def noun(column: str) -> str:
    """Return the name of a column as words, in the current language if it is one of hubbub's."""
    return text.clean(_(column.replace("_", " ")))


def capital(sentence: str) -> str:
    """Capitalise the first letter and keep the rest."""
    return sentence[:1].upper() + sentence[1:]


def height_of(rows: int) -> int:
    """Return the height in px of a picture with that many rows."""
    return max(170, min(130 + 30 * rows, 700))


def time_axis(
    times: Sequence[datetime], *, centred: bool = False
) -> tuple[tuple[float, ...], Ticks]:
    """Return positions 0…1 of ascending times, and calendar ticks.

    With `centred`, each time is the start of a bucket as wide as the shortest distance between two
    of them (`slot`), and positions and ticks are those of the buckets' centres: a bucket stands
    over its own time, also where others are missing.
    """
    first, last = times[0], times[-1]
    if len(times) < 2 or first == last:  # noqa: PLR2004
        return tuple(0.5 for _ in times), ((scale.calendar(first, first)[0][0], 0.5),)
    length = last - first
    width = min(b - a for a, b in pairwise(times)) if centred else timedelta(0)
    squeeze, shift = length / (length + width), width / (length + width) / 2
    positions = tuple(shift + squeeze * ((t - first) / length) for t in times)
    ticks = tuple(
        (label, shift + squeeze * ((t - first) / length))
        for label, t in scale.calendar(first, last, width)
    )
    return positions, ticks


def slot(times: Sequence[datetime]) -> float:
    """Return the width, at 0…1 of the axis, of a bucket of `time_axis` with `centred`."""
    if len(times) < 2:  # noqa: PLR2004
        return 1.0
    width = min(b - a for a, b in pairwise(times))
    return width / (times[-1] - times[0] + width)


def spaced(n: int) -> tuple[float, ...]:
    """Return the positions 0…1 of `n` evenly spaced points."""
    return tuple(i / (n - 1) if n > 1 else 0.5 for i in range(n))


def sparse(labels: Sequence[str]) -> Ticks:
    """Return at most nine of the labels of evenly spaced points, with their positions."""
    step = max(-(-len(labels) // scale.MOST), 1)
    return tuple(zip(labels, spaced(len(labels)), strict=True))[::step]
