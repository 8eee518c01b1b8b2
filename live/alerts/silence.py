"""The condition of silence: no message for longer than the subject's own habit explains.

The habit is the longest pause between two messages of the last `long` ticks before the latest
message. A silence is longer than `threshold` times that pause. It is judged only of a subject that

- has at least `minimum` messages in these ticks, and
- has been active for at least half of them: else its first quiet weekend would be an alarm.

The longest pause is used, not an average: nights, weekends and holidays of the past are part of the
habit. Ticks in which the listener was deaf are left out; a pause that touches them says nothing, so
that a silence is counted from the end of them on.

Of a subject whose messages are independent of each other (a Poisson process) a pause is longer than
twice the longest of n pauses with a probability of about 2 / n²; with 1.5 times, 1.3 / n^1.5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hubbub.live.alerts.averages import Values
from hubbub.live.alerts.evaluate import Measured, Series
from hubbub.live.alerts.rules import AlertRule
from hubbub.live.alerts.ticks import UNJUDGED, Ints, KnownTicks
from hubbub.times import from_micros, iso

__all__ = ["learning", "reach", "silence_series"]


def reach(rule: AlertRule) -> int:
    """Return how many ticks before a tick can matter for what is judged there.

    No silence is raised when the latest message is older than the longest one that can be: the
    subject was alarmed before, or has no habit.
    """
    return rule.long + int(_limit(rule, rule.long)) + 1


def learning(rule: AlertRule) -> int:
    """Return how many ticks of history a subject needs at least."""
    return -(-rule.long // 2)


def _limit(rule: AlertRule, usual: Any) -> Any:
    """Return the number of ticks without a message at which a silence begins."""
    return usual * rule.threshold.numerator // rule.threshold.denominator + 1


def silence_series(
    rule: AlertRule, known: KnownTicks, values: Values, start: int, end: int
) -> Series:
    """Return the condition of one subject.

    Args:
        rule: of silence.
        known: the known ticks, from `reach` of them before `start`, or from the first one on.
        values: of the subject in these ticks; what lies in unknown ones is ignored.
        start: the first tick to judge.
        end: the tick after the last one.
    """
    habits = _Habits(rule, known, values)
    first, stop = known.index_from(start), known.index_from(end)
    points = habits.points(first, stop)
    states = habits.states(points)

    def at(tick: int) -> Measured:
        return habits.measured(int(known.indices([tick])[0][0]))

    return Series(known.judged_runs(points, states, stop), at)


class _Habits:
    """The messages of a subject by index, and its habit as it is known at each of them."""

    def __init__(self, rule: AlertRule, known: KnownTicks, values: Values) -> None:
        self._rule, self._known = rule, known
        indices, inside = known.indices(values.ticks)
        self._heard: Ints = indices[inside]
        self._messages = np.concatenate([[0], np.cumsum(values.messages[inside])])
        pauses = np.diff(self._heard, prepend=self._heard[:1])
        whole = pauses <= known.within_run(self._heard) if len(pauses) else pauses.astype(bool)
        #: From the message before to this one; 0 where a tick between them is unknown.
        self._pauses: Ints = np.where(whole, pauses, 0)
        self._longest = _longest_of(self._pauses)

    def _usual(self, heard: Ints) -> tuple[Ints, Ints]:
        """Return the longest pause of the habit at some messages, 0 if unknown; its messages."""
        at = self._heard[heard]
        begin = np.searchsorted(self._heard, at - self._rule.long, "right")
        messages = self._messages[heard + 1] - self._messages[begin]
        enough = messages >= self._rule.minimum
        enough &= at - self._heard[begin] >= learning(self._rule)
        return np.where(enough, self._longest(begin + 1, heard + 1), 0), messages

    def points(self, first: int, stop: int) -> Ints:
        """Return the indices in [first, stop) at which the condition may change."""
        starts = self._known.starts
        found = [np.array([first]), starts, self._heard]
        if len(self._heard):
            usual, _ = self._usual(np.arange(len(self._heard)))
            found += [self._heard + _limit(self._rule, usual)]
            found += [self._heard + _limit(self._rule, self._rule.long) + 1]
            last = np.searchsorted(self._heard, starts) - 1
            found += [starts - 1 + _limit(self._rule, usual[np.maximum(last, 0)])]
        points: Ints = np.unique(np.concatenate(found).astype(np.int64))
        return points[(points >= first) & (points < stop)]

    def states(self, points: Ints) -> Ints:
        """Return at each index whether there is a silence: 1, 0 or `UNJUDGED`."""
        states = np.full(len(points), UNJUDGED, dtype=np.int64)
        last = np.searchsorted(self._heard, points, "right") - 1
        after = last >= 0
        if not after.any():
            return states
        index, last = points[after], last[after]
        heard = self._heard[last]
        usual, _ = self._usual(last)
        silent = (usual > 0) & (self._quiet(index, heard) >= _limit(self._rule, usual))
        # beyond this the habit is so long ago that it is not read
        silent &= index - heard <= _limit(self._rule, self._rule.long)
        states[after] = np.where(index == heard, 0, np.where(silent, 1, UNJUDGED))
        return states

    def _quiet(self, index: Ints, heard: Ints) -> Ints:
        """Return how long it has been quiet: since the message, or the end of unknown ticks."""
        quiet: Ints = index - np.maximum(heard, index - self._known.within_run(index) - 1)
        return quiet

    def measured(self, index: int) -> Measured:
        """Return the pause and the habit at an index."""
        last = int(np.searchsorted(self._heard, index, "right")) - 1
        if last < 0:
            return Measured(None, None)
        ends = self._heard[last] == index and last > 0
        if ends:
            pause, last = int(self._pauses[last]), last - 1
        else:
            pause = int(self._quiet(np.array([index]), self._heard[[last]])[0])
        usual, messages = (int(number[0]) for number in self._usual(np.array([last])))
        seconds = self._rule.resolution.total_seconds()
        heard = (int(self._known.ticks(self._heard[[last]])[0]) + 1) * self._rule.tick
        return Measured(
            None if ends and not pause else pause * seconds,
            usual * seconds if usual else None,
            {"last": iso(from_micros(heard)), "messages": messages},
        )


def _longest_of(pauses: Ints) -> Any:
    """Return a function (begin, end) → the largest of pauses[begin:end] for each pair; 0 if none.

    It looks two overlapping ranges up, whose length is a power of two, so that a whole year of
    messages is judged in one pass.
    """
    table = [pauses]
    while 2 ** len(table) <= len(pauses):
        half, row = 2 ** (len(table) - 1), table[-1]
        table.append(np.maximum(row[:-half], row[half:]))

    def longest(begin: Ints, end: Ints) -> npt.NDArray[np.int64]:
        found = np.zeros(len(begin), dtype=np.int64)
        length = end - begin
        for level, row in enumerate(table):
            here = (length >= 2**level) & (length < 2 ** (level + 1))
            found[here] = np.maximum(row[begin[here]], row[end[here] - 2**level])
        return found

    return longest
