"""How complete a range is, from the ledger's spans.

Comes in: spans and a range in µs. Goes out: `complete`, `healed` or `unproven`, and the gaps that
nothing closes. Pure; it reads nothing.

A range is covered where a source under the asked filter, or without a filter, is complete or
healed. A gap of one source is closed where another is complete: an event is one event, whichever
way it came.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hubbub.intervals import subtract, union
from hubbub.store.state.ledger import CoverageSpan

__all__ = ["DayCoverage", "TimelineEntry", "Verdict", "days", "judge", "clip", "timeline"]

_DAY = 86_400_000_000  # µs


@dataclass(frozen=True, slots=True)
class Verdict:
    """How complete a range is."""

    state: str  # complete, healed or unproven
    gaps: tuple[
        CoverageSpan, ...
    ]  # clipped to the range; what complete and healed spans leave of them


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """[start, end) in µs in which one thing is known."""

    start: int
    end: int
    state: str  # complete, healed, gap, unproven or unknown


@dataclass(frozen=True, slots=True)
class DayCoverage:
    """A day (UTC), or what of it lies in the range; µs by state, which add up to the length."""

    start: int
    end: int
    complete: int = 0
    healed: int = 0
    gap: int = 0
    unproven: int = 0
    unknown: int = 0

    @property
    def percent(self) -> float:
        """How much of it is provably whole."""
        return 100 * (self.complete + self.healed) / (self.end - self.start)


def clip(spans: Iterable[CoverageSpan], since: int, until: int) -> tuple[CoverageSpan, ...]:
    """The spans that touch [since, until), clipped to it."""
    return tuple(
        replace(span, start=max(span.start, since), end=min(span.end, until))
        for span in spans
        if span.end > since and span.start < until
    )


def timeline(
    spans: Iterable[CoverageSpan], since: int, until: int, *, filters: str = ""
) -> list[TimelineEntry]:
    """What is known of each moment of [since, until), all sources together.

    `healed`: proven, and a live bus had missed it; `gap`: missed and not proven; `unproven`: heard.
    """
    about = [span for span in clip(spans, since, until) if span.filters in {"", filters}]

    def of(*states: str) -> list[tuple[int, int]]:
        return union((span.start, span.end) for span in about if span.state in states)

    proven, missed = of("complete", "healed"), of("gap", "healed")
    whole = subtract([(since, until)], subtract([(since, until)], proven))
    healed = subtract(whole, subtract(whole, missed))
    gaps, heard = subtract(of("gap"), proven), of("unproven")
    parts = {
        "complete": subtract(whole, healed),
        "healed": healed,
        "gap": gaps,
        "unproven": subtract(heard, [*proven, *gaps]),
        "unknown": subtract([(since, until)], [*proven, *gaps, *heard]),
    }
    return sorted(
        (TimelineEntry(a, b, state) for state, found in parts.items() for a, b in found),
        key=lambda one: one.start,
    )


def days(
    spans: Iterable[CoverageSpan], since: int, until: int, *, filters: str = ""
) -> list[DayCoverage]:
    """How much of each day of [since, until) is known how well."""
    known = timeline(spans, since, until, filters=filters)
    sums: dict[int, dict[str, int]] = {}
    for one in known:
        for day in range(one.start // _DAY, (one.end - 1) // _DAY + 1):
            length = min(one.end, (day + 1) * _DAY) - max(one.start, day * _DAY)
            states = sums.setdefault(day, {})
            states[one.state] = states.get(one.state, 0) + length
    return [
        DayCoverage(max(day * _DAY, since), min((day + 1) * _DAY, until), **states)
        for day, states in sorted(sums.items())
    ]


def judge(spans: Iterable[CoverageSpan], since: int, until: int, *, filters: str = "") -> Verdict:
    """The state of [since, until).

    Args:
        spans: what the ledger holds; others than these are taken as unknown.
        since: µs since the epoch.
        until: µs since the epoch.
        filters: the filter that the question is about; spans of narrower or other filters prove
            nothing about it.
    """
    about = [span for span in clip(spans, since, until) if span.filters in {"", filters}]
    covered = union((s.start, s.end) for s in about if s.state in {"complete", "healed"})
    gaps = tuple(
        replace(span, start=start, end=end)
        for span in about
        if span.state == "gap"
        for start, end in subtract([(span.start, span.end)], covered)
    )
    whole = len(covered) == 1 and covered[0][0] <= since and covered[0][1] >= until
    if not whole:
        return Verdict("unproven", gaps)
    # `healed` wherever the bus once missed something that history brought back
    healed = any(s.state in ("healed", "gap") for s in about)
    return Verdict("healed" if healed else "complete", gaps)
