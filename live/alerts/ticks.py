"""Which ticks of a series are known: ticks in which the listener was deaf are left out of it.

A tick is a whole number: the microseconds since the epoch, divided by the tick's length. The known
ticks of a time are numbered through, from 0, as if the others did not exist: their `index`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from hubbub.intervals import subtract, union
from hubbub.live.alerts.evaluate import Run

__all__ = ["UNJUDGED", "Ints", "KnownTicks", "first_needed", "ranges"]

#: The state of a condition that cannot be judged.
UNJUDGED = 2

Ints = npt.NDArray[np.int64]


class KnownTicks:
    """The known ticks of [first, end).

    Attributes:
        total: how many there are.
        starts: the indices at which a run of consecutive ticks begins.
    """

    def __init__(self, first: int, end: int, unknown: Iterable[tuple[int, int]] = ()) -> None:
        """Number the ticks.

        Args:
            first: the first tick.
            end: the tick after the last one.
            unknown: half-open ranges of ticks that are left out; in any order.
        """
        runs = subtract([(first, end)], unknown) if first < end else []
        self.runs = runs
        lengths = [stop - start for start, stop in runs]
        self._first: Ints = np.array([start for start, _ in runs], dtype=np.int64)
        self._end: Ints = np.array([stop for _, stop in runs], dtype=np.int64)
        self.starts: Ints = np.cumsum([0, *lengths[:-1]], dtype=np.int64)[: len(runs)]
        self.total = sum(lengths)

    def indices(self, ticks: Any) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Return the indices of ticks, and which of them are known; of others there is none."""
        wanted = np.asarray(ticks, dtype=np.int64)
        if not self.runs:
            return np.zeros(wanted.shape, np.int64), np.zeros(wanted.shape, np.bool_)
        run = np.clip(np.searchsorted(self._first, wanted, "right") - 1, 0, None)
        known = (wanted >= self._first[run]) & (wanted < self._end[run])
        return self.starts[run] + wanted - self._first[run], known

    def ticks(self, indices: Any) -> Ints:
        """Return the ticks of indices that exist."""
        wanted = np.asarray(indices, dtype=np.int64)
        run = np.searchsorted(self.starts, wanted, "right") - 1
        ticks: Ints = self._first[run] + wanted - self.starts[run]
        return ticks

    def index_from(self, tick: int) -> int:
        """Return the index of the first known tick that is not before this one; `total`: none."""
        run = int(np.searchsorted(self._end, tick, "right"))
        if run == len(self.runs):
            return self.total
        return int(self.starts[run]) + max(0, tick - int(self._first[run]))

    def judged_runs(self, points: Ints, states: Ints, stop: int) -> list[Run]:
        """Return the runs of a condition.

        Args:
            points: indices at which the condition may change, ascending, the first tick that is
                judged and every beginning of consecutive ticks among them.
            states: from each point on: 1 it holds, 0 it does not, `UNJUDGED`.
            stop: the index after the last one.
        """
        if not len(points):
            return []
        position = self.within_run(points)
        new = np.concatenate([[True], states[1:] != states[:-1]]) | (position == 0)
        begins = points[new]
        lasts = np.concatenate([begins[1:], [stop]]) - 1
        return [
            Run(begin, last + 1, None if state == UNJUDGED else bool(state), joined)
            for begin, last, state, joined in zip(
                self.ticks(begins).tolist(),
                self.ticks(lasts).tolist(),
                states[new].tolist(),
                (position[new] != 0).tolist(),
                strict=True,
            )
        ]

    def within_run(self, indices: Any) -> Ints:
        """Return how many ticks of its run precede each index."""
        wanted = np.asarray(indices, dtype=np.int64)
        run = np.searchsorted(self.starts, wanted, "right") - 1
        position: Ints = wanted - self.starts[run]
        return position


def ranges(spans: Iterable[tuple[int, int]], tick: int) -> list[tuple[int, int]]:
    """Return the ticks that spans touch, as half-open ranges.

    Args:
        spans: [start, end) in µs.
        tick: length of a tick in µs.
    """
    return union((start // tick, -(-end // tick)) for start, end in spans)


def first_needed(known: list[tuple[int, int]], start: int, number: int) -> int:
    """Return the first of the last `number` ticks of `known` before `start`.

    Args:
        known: runs of known ticks, half-open, sorted.
        start: a tick.
        number: how many ticks; if there are fewer, the first one of all is returned.
    """
    for first, end in reversed(known):
        stop = min(end, start)
        if stop <= first:
            continue
        if stop - first >= number:
            return stop - number
        number -= stop - first
    return min(start, known[0][0]) if known else start
