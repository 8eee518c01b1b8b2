"""Moving-average alerts on events as they are received, without a store.

The formula is that of the query `alerts`. Ticks are of event time and begin with that of the first
event, a whole multiple of the resolution. A tick is complete when the clock of the events has
passed its end by `grace` seconds: the time of the latest event, and what has passed since it
arrived. An event that is later still counts in the oldest tick that is not complete.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from hubbub.analyzers.alerts import Crossing, Crossover
from hubbub.live.alerts.board import Board
from hubbub.live.alerts.wording import Shown, shown
from hubbub.live.stream.frames import Received
from hubbub.store.state.alerts import NewChange
from hubbub.times import from_micros, to_micros

__all__ = ["AverageRule", "Averages"]

_CHANGES = 100  # that are kept for a board

_SECOND = 1_000_000  # µs


@dataclass(frozen=True, slots=True)
class AverageRule:
    """What is compared.

    Attributes:
        measure: messages or their bytes.
        short: ticks of the short average.
        long: ticks of the long average before it.
        threshold: an alert is raised above this multiple of the long average.
        resolution: length of a tick.
        grace: seconds for which events may be late.
    """

    measure: Literal["messages", "bytes"] = "messages"
    short: int = 12
    long: int = 120
    threshold: float = 1.5
    resolution: timedelta = timedelta(seconds=10)
    grace: float = 2.0

    def crossover(self, start: int) -> Crossover:
        """Return what compares the averages, from µs since the epoch on.

        Raises:
            ValueError: a parameter is out of its range.
        """
        return Crossover(
            short=self.short,
            long=self.long,
            threshold=self.threshold,
            resolution=self.resolution.total_seconds(),
            start=from_micros(start),
        )


class Averages:
    """Adds up events by tick, and returns what changes when ticks are complete.

    Args:
        rule: what is compared.

    Raises:
        ValueError: a parameter of the rule is out of its range.
    """

    def __init__(self, rule: AverageRule) -> None:
        rule.crossover(0)
        self.rule = rule
        self._length = rule.resolution // timedelta(microseconds=1)
        self._crossover: Crossover | None = None
        self._open: Counter[int] = Counter()  # the sums of ticks that are not complete
        self._next = 0  # the oldest of them, in ticks since the epoch
        self._changes: deque[Shown] = deque(maxlen=_CHANGES)  # the newest first
        self._ahead: int | None = None  # µs: of the clock of the events, to that of their arrival

    def add(self, received: Iterable[Received]) -> None:
        """Count events; one that says to be of the future counts when it arrived."""
        messages = self.rule.measure == "messages"
        for event, arrived in received:
            time = min(event.time, arrived)
            ahead = time - arrived
            self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)
            tick = time // self._length
            if self._crossover is None:
                self._next = tick
                self._crossover = self.rule.crossover(tick * self._length)
            self._open[max(tick, self._next)] += 1 if messages else event.size

    def complete(self, now: int) -> list[NewChange]:
        """Return the changes at the ends of the ticks that are complete now.

        Args:
            now: µs since the epoch, by the clock of arrival.
        """
        if self._crossover is None or self._ahead is None:
            return []
        crossover = self._crossover
        end = (now + self._ahead - round(self.rule.grace * _SECOND)) // self._length
        changes: list[Crossing] = []
        for tick in sorted(tick for tick in self._open if tick < end):
            changes += crossover.add_empty(tick - self._next)
            change = crossover.add(self._open.pop(tick))
            changes += [] if change is None else [change]
            self._next = tick + 1
        if end > self._next:
            changes += crossover.add_empty(end - self._next)
            self._next = end
        new = [self._change(change, now) for change in changes]
        self._changes.extendleft(shown(change, number=0, names=True) for change in new)
        return new

    def board(self) -> Board:
        """Return whether the alert is on, and the latest changes."""
        on = self._crossover is not None and self._crossover.on
        return Board(tuple(self._changes)[:1] if on else (), tuple(self._changes))

    def _change(self, change: Crossing, now: int) -> NewChange:
        assert change.time is not None
        return NewChange(
            rule="moving average",
            subject="",
            state=change.state.value,
            time=to_micros(change.time),
            detected=now,
            measured=change.short_rate,
            expected=change.long_rate,
            measure=self.rule.measure,
            per="none",
            details={"tick": change.tick, "short": change.short, "long": change.long},
        )
