"""How complete a range is, computed from spans of the coverage ledger. Reads nothing itself.

A moment is covered where a source, under the filter in question or without a filter, is complete
or healed. A gap of one source is closed where another source is complete: an event is the same
event, whichever source delivered it.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from hubbub.intervals import subtract, union
from hubbub.store.state.ledger import CoverageSpan
from hubbub.times import from_micros, to_micros
from hubbub.zones import UNIVERSAL, Zone

__all__ = ["DayCoverage", "TimelineEntry", "Verdict", "clip", "days", "judge", "timeline"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How complete a range is."""

    state: str  # complete, healed or unproven
    gaps: tuple[CoverageSpan, ...]  # open gaps, clipped to the range


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A time [start, end) in µs with one state throughout."""

    start: int
    end: int
    state: str  # complete, healed, gap, unproven or unknown


@dataclass(frozen=True, slots=True)
class DayCoverage:
    """A day, clipped to the range: µs in each state, which add up to its length."""

    start: int
    end: int
    complete: int = 0
    healed: int = 0
    gap: int = 0
    unproven: int = 0
    unknown: int = 0

    @property
    def percent(self) -> float:
        """How much of the day is proven to be complete."""
        return 100 * (self.complete + self.healed) / (self.end - self.start)


def clip(spans: Iterable[CoverageSpan], since: int, until: int) -> tuple[CoverageSpan, ...]:
    """Return the spans that overlap [since, until), clipped to it."""
    return tuple(
        replace(span, start=max(span.start, since), end=min(span.end, until))
        for span in spans
        if span.end > since and span.start < until
    )


def timeline(
    spans: Iterable[CoverageSpan], since: int, until: int, *, filters: str = ""
) -> list[TimelineEntry]:
    """Return the state of each moment of [since, until), over all sources.

    `healed`: proven, and a live bus missed it; `gap`: missed and not proven; `unproven`: only
    listened to.
    """
    relevant = _relevant(spans, since, until, filters)

    def in_state(*states: str) -> list[tuple[int, int]]:
        return union((span.start, span.end) for span in relevant if span.state in states)

    proven, missed = in_state("complete", "healed"), in_state("gap", "healed")
    complete = subtract(proven, missed)
    gaps = subtract(in_state("gap"), proven)
    unproven = subtract(in_state("unproven"), [*proven, *gaps])
    parts = {
        "complete": complete,
        "healed": subtract(proven, complete),
        "gap": gaps,
        "unproven": unproven,
        "unknown": subtract([(since, until)], [*proven, *gaps, *unproven]),
    }
    return sorted(
        (TimelineEntry(*part, state) for state, ranges in parts.items() for part in ranges),
        key=lambda entry: entry.start,
    )


def days(
    spans: Iterable[CoverageSpan],
    since: int,
    until: int,
    zone: Zone = UNIVERSAL,
    *,
    filters: str = "",
) -> list[DayCoverage]:
    """Return the coverage of each day of [since, until) in a zone."""
    if since >= until:
        return []
    edges = [to_micros(e) for e in zone.edges(from_micros(since), from_micros(until), "day")]
    sums: list[dict[str, int]] = [{} for _ in edges[1:]]
    for entry in timeline(spans, since, until, filters=filters):
        for day in range(bisect(edges, entry.start) - 1, bisect(edges, entry.end - 1)):
            length = min(entry.end, edges[day + 1]) - max(entry.start, edges[day])
            sums[day][entry.state] = sums[day].get(entry.state, 0) + length
    return [
        DayCoverage(max(start, since), min(end, until), **states)
        for (start, end), states in zip(pairwise(edges), sums, strict=True)
    ]


def judge(spans: Iterable[CoverageSpan], since: int, until: int, *, filters: str = "") -> Verdict:
    """Return how complete [since, until) is.

    Args:
        spans: from the ledger; time without a span counts as unknown.
        since: µs since the epoch.
        until: µs since the epoch.
        filters: the filter in question; spans with another filter prove nothing about it.
    """
    relevant = _relevant(spans, since, until, filters)
    proven = union((s.start, s.end) for s in relevant if s.state in {"complete", "healed"})
    gaps = tuple(
        replace(span, start=start, end=end)
        for span in relevant
        if span.state == "gap"
        for start, end in subtract([(span.start, span.end)], proven)
    )
    if len(proven) != 1 or proven[0][0] > since or proven[0][1] < until:
        return Verdict("unproven", gaps)
    # `healed` wherever the bus once missed something that history supplied later
    healed = any(s.state in {"healed", "gap"} for s in relevant)
    return Verdict("healed" if healed else "complete", gaps)


def _relevant(
    spans: Iterable[CoverageSpan], since: int, until: int, filters: str
) -> list[CoverageSpan]:
    return [span for span in clip(spans, since, until) if span.filters in {"", filters}]
