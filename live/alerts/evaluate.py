"""From a series of ticks to the changes of an alert. Nothing is read or written here.

One mechanism for the running rule, the replay and tests: `evaluate` judges the ticks [start, end)
of one subject, given what held before. Judging a range in parts gives the same as in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubbub.store.state.alerts import ENDED, RAISED

__all__ = ["NOTHING", "Measured", "Run", "Series", "Standing", "Transition", "evaluate"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured at a tick.

    Attributes:
        measured: the number; of averages per second, of silence in seconds.
        expected: what it is compared with, in the same unit; None: nothing.
        details: JSON-ready.
    """

    measured: float | None
    expected: float | None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive known ticks throughout which a condition holds, or does not.

    Attributes:
        start: the first tick.
        end: the tick after the last one.
        holds: None: it cannot be judged.
        joined: whether it continues the run before it: no tick between them is unknown.
    """

    start: int
    end: int
    holds: bool | None
    joined: bool = True


@dataclass(frozen=True, slots=True)
class Series:
    """The condition of one subject over a range of ticks.

    Attributes:
        runs: of the whole range, in order.
        at: what is measured at a tick of it.
    """

    runs: Sequence[Run]
    at: Callable[[int], Measured]


@dataclass(frozen=True, slots=True)
class Standing:
    """What held at the end of a tick.

    Attributes:
        since: the first tick of the condition without interruption; None: it does not hold.
        on: whether its alert is on.
    """

    since: int | None = None
    on: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """An alert is raised, or ends, at the end of a tick.

    Attributes:
        tick: that tick.
        state: `raised` or `ended`.
        since: the first tick of the condition.
        value: what was measured at the tick.
    """

    tick: int
    state: str
    since: int
    value: Measured


NOTHING = Standing()


def evaluate(series: Series, before: Standing, hold: int) -> tuple[list[Transition], Standing]:
    """Return how an alert changes over a range, and what holds at its end.

    An alert is raised at the first tick at which its condition has held for `hold` ticks after the
    first one, and ends at the first tick at which it does not hold. Where it cannot be judged, what
    is on stays on, and a condition that has not held long enough starts again.

    Args:
        series: the condition over the range.
        before: what held at the end of the tick before it.
        hold: ticks.
    """
    changes: list[Transition] = []
    since, on = before.since, before.on
    for run in series.runs:
        if not on and (run.holds is None or not run.joined):
            since = None
        if run.holds is None:
            continue
        if run.holds and not on:
            since = run.start if since is None else since
            tick = max(run.start, since + hold)
            if tick < run.end:
                on = True
                changes.append(Transition(tick, RAISED, since, series.at(tick)))
        elif not run.holds:
            if on:
                begun = run.start if since is None else since
                changes.append(Transition(run.start, ENDED, begun, series.at(run.start)))
            since, on = None, False
    return changes, Standing(since, on)
