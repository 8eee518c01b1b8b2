"""Judge a rule over a range of ticks of a store: the one mechanism behind alerts and their replay.

The ticks of a rule begin at whole multiples of their length since 1970, UTC. Ticks without messages
count as 0, from the oldest stored event on; ticks in which the listener was deaf are left out of
every average. A late message counts in every tick that is judged after it was stored; what was
judged before stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubbub.intervals import subtract
from hubbub.live.alerts.averages import average_series
from hubbub.live.alerts.covered import coverage_series
from hubbub.live.alerts.evaluate import NOTHING, Series, Standing, Transition, evaluate
from hubbub.live.alerts.heard import deaf
from hubbub.live.alerts.measure import EMPTY, overload_series, person_series, read_values
from hubbub.live.alerts.rules import AlertRule
from hubbub.live.alerts.silence import reach, silence_series
from hubbub.live.alerts.ticks import KnownTicks, first_needed, ranges
from hubbub.store.query.extent import extent
from hubbub.store.query.selection import Selection

if TYPE_CHECKING:
    from hubbub.store.state.ledger import CoverageSpan
    from hubbub.store.store import Store

__all__ = ["Judge", "Judged", "Past"]

#: Time that is read at once, µs: sums of so many events have to fit into memory.
_AT_ONCE = 31 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class Past:
    """What a store has at a moment.

    Attributes:
        oldest: time of the oldest event that makes sense, µs; None: there is none.
        newest: likewise of the newest.
        spans: the whole coverage ledger.
    """

    oldest: int | None
    newest: int | None
    spans: tuple[CoverageSpan, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome for a range of ticks.

    Attributes:
        changes: (subject, what happened), in the order of time, then by subject.
        standing: what holds at the end of the range, by subject; others have nothing.
    """

    changes: list[tuple[str, Transition]]
    standing: dict[str, Standing]


class Judge:
    """Judges rules by what a store has at a moment.

    Args:
        store: an open store; waiting messages are not loaded.
        now: µs since the epoch.
        base: who counts, as configured.

    Attributes:
        past: what the store has.
        now: as given.
    """

    def __init__(self, store: Store, now: int, base: Selection) -> None:
        self._store, self._base, self.now = store, base, now
        spans = tuple(store.spans())
        found = extent(store, spans, now)
        self.past = Past(found.oldest, found.newest, spans)

    def judge(
        self, rule: AlertRule, start: int, end: int, before: Mapping[str, Standing]
    ) -> Judged:
        """Judge the ticks [start, end).

        Args:
            rule: the rule.
            start: the first tick.
            end: the tick after the last one.
            before: what held at the end of the tick before `start`, by subject.
        """
        changes: list[tuple[str, Transition]] = []
        standing = dict(before)
        if self.past.oldest is None:
            return Judged(changes, standing)
        at_once = max(_AT_ONCE // rule.tick, 4 * (rule.short + rule.long))
        for first in range(max(start, self.past.oldest // rule.tick), end, at_once):
            found: list[tuple[str, Transition]] = []
            for subject, series in self.series(
                rule, first, min(first + at_once, end), list(standing)
            ):
                before_it = standing.pop(subject, NOTHING)
                new, after = evaluate(series, before_it, rule.hold_ticks)
                found += [(subject, change) for change in new]
                if after != NOTHING:
                    standing[subject] = after
            changes += sorted(found, key=lambda change: (change[1].tick, change[0]))
        return Judged(changes, standing)

    def series(
        self, rule: AlertRule, start: int, end: int, subjects: Iterable[str]
    ) -> Iterator[tuple[str, Series]]:
        """Yield the condition of every subject that has anything, and of some more.

        Args:
            rule: the rule.
            start: the first tick, not before that of the oldest event.
            end: the tick after the last one.
            subjects: those that are wanted whatever they have.
        """
        store, base, oldest = self._store, self._base, self.past.oldest
        if oldest is None:
            return
        if rule.measure == "overload":
            people = overload_series(store, rule, base, start, end)
            for name in sorted({*people, *subjects}):
                yield name, people.get(name) or person_series({}, rule, start, end)
            return
        begin, strict = oldest // rule.tick, rule.measure == "coverage"
        silent = deaf(self.past.spans, oldest, end * rule.tick, silent=strict)
        unknown = ranges(silent, rule.tick)
        if rule.measure == "coverage":
            yield "", coverage_series(rule, begin, unknown, start, end)
            return
        needed = reach(rule) if rule.measure == "silence" else rule.short + rule.long
        first = first_needed(subtract([(begin, end)], unknown), start, needed)
        known = KnownTicks(first, end, unknown)
        values = read_values(store, rule, base, first, end)
        make = silence_series if rule.measure == "silence" else average_series
        for name in sorted({*values, *subjects}):
            yield name, make(rule, known, values.get(name, EMPTY), start, end)
