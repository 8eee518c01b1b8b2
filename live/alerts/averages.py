"""The condition of the moving-average rules: messages, bytes, users.

The formula is that of `hubbub.analyzers.alerts.threshold`, over the known ticks of a series:

    short(k) = (v[k-s+1] + … + v[k]) / s
    long(k)  = (v[k-s-l+1] + … + v[k-s]) / l          the l ticks before the short window
    on(k)    = short(k) > threshold · long(k)

It is judged from the tick on that has s + l ticks before it, and where the s ticks of the short
window follow each other. All comparisons are in whole numbers. Between the ticks at which a value
enters or leaves a window nothing changes, so that only those are computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hubbub.live.alerts.evaluate import Measured, Series
from hubbub.live.alerts.rules import AlertRule
from hubbub.live.alerts.ticks import UNJUDGED, Ints, KnownTicks

__all__ = ["Values", "average_series"]

#: Sums and their multiples up to this are exact in the engine's whole numbers.
_EXACT = 2**62


@dataclass(frozen=True, slots=True)
class Values:
    """What one subject has in the ticks in which it has anything.

    Attributes:
        ticks: ascending.
        amounts: the measure in each; whole numbers, int64 or Python's own.
        messages: the messages in each.
    """

    ticks: Ints
    amounts: npt.NDArray[Any]
    messages: Ints


class _Sums:
    """Sums of values over ranges of indices."""

    def __init__(self, indices: Ints, values: npt.NDArray[Any]) -> None:
        self._indices = indices
        self._running = np.concatenate([np.zeros(1, values.dtype), np.cumsum(values)])

    def between(self, first: Ints, end: Ints) -> npt.NDArray[Any]:
        """Return the sum over [first, end) of each pair."""
        total: npt.NDArray[Any] = (
            self._running[np.searchsorted(self._indices, end)]
            - self._running[np.searchsorted(self._indices, first)]
        )
        return total


def average_series(
    rule: AlertRule, known: KnownTicks, values: Values, start: int, end: int
) -> Series:
    """Return the condition of one subject.

    Args:
        rule: of a moving average.
        known: the known ticks, from `short + long` of them before `start`, or from the first one.
        values: of the subject in these ticks; what lies in unknown ones is ignored.
        start: the first tick to judge.
        end: the tick after the last one.
    """
    s, l = rule.short, rule.long  # noqa: E741 - the formula's names
    indices, inside = known.indices(values.ticks)
    indices = indices[inside]
    amounts, messages = values.amounts[inside], values.messages[inside]
    short_factor = l * rule.threshold.denominator
    long_factor = s * rule.threshold.numerator
    largest = int(amounts.sum()) if amounts.dtype == object else int(amounts.astype(object).sum())
    if largest * max(short_factor, long_factor) >= _EXACT:
        amounts = amounts.astype(object)
    sums, counts = _Sums(indices, amounts), _Sums(indices, messages)

    def judge(at: Ints) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        recent = sums.between(at - s + 1, at + 1)
        earlier = sums.between(at - s - l + 1, at - s + 1)
        over = np.asarray(short_factor * recent > long_factor * earlier, dtype=np.bool_)
        enough = counts.between(at - s + 1, at + 1) >= rule.minimum
        return over & enough, (at >= s + l) & (known.within_run(at) >= s - 1)

    def at(tick: int) -> Measured:
        [index] = known.indices([tick])[0]
        one = np.array([index])
        recent = int(sums.between(one - s + 1, one + 1)[0])
        earlier = int(sums.between(one - s - l + 1, one - s + 1)[0])
        seconds = rule.resolution.total_seconds()
        return Measured(
            recent / s / seconds,
            earlier / l / seconds,
            {
                "short": recent / s,
                "long": earlier / l,
                "messages": int(counts.between(one - s + 1, one + 1)[0]),
            },
        )

    first, stop = known.index_from(start), known.index_from(end)
    points = _points(indices, known, (s, l), first, stop)
    holds, judged = judge(points)
    return Series(known.judged_runs(points, np.where(judged, holds, UNJUDGED), stop), at)


def _points(
    indices: Ints, known: KnownTicks, lengths: tuple[int, int], first: int, stop: int
) -> Ints:
    """Return the indices in [first, stop) at which the condition may change; `first` is one."""
    s, l = lengths  # noqa: E741
    candidates = np.concatenate(
        [
            np.array([first, s + l], dtype=np.int64),
            indices,
            indices + s,
            indices + s + l,
            known.starts,
            known.starts + s - 1,
        ]
    )
    unique: Ints = np.unique(candidates[(candidates >= first) & (candidates < stop)])
    return unique
