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

from hubbub.store.spans import Span

__all__ = ["Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How complete a range is."""

    state: str  # complete, healed or unproven
    gaps: tuple[Span, ...]  # clipped to the range; what complete and healed spans leave of them


def _union(spans: Iterable[Span]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for start, end in sorted((s.start, s.end) for s in spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def _outside(span: Span, covered: list[tuple[int, int]]) -> list[Span]:
    """The parts of a span that are not covered."""
    left, at = [], span.start
    for start, end in covered:
        if end <= at or start >= span.end:
            continue
        if start > at:
            left.append(replace(span, start=at, end=start))
        at = max(at, end)
    if at < span.end:
        left.append(replace(span, start=at))
    return left


def judge(spans: Iterable[Span], since: int, until: int, *, filters: str = "") -> Verdict:
    """The state of [since, until).

    Args:
        spans: what the ledger holds; others than these are taken as unknown.
        since: µs since the epoch.
        until: µs since the epoch.
        filters: the filter that the question is about; spans of narrower or other filters prove
            nothing about it.
    """
    near = [
        replace(s, start=max(s.start, since), end=min(s.end, until))
        for s in spans
        if s.end > since and s.start < until and s.filters in ("", filters)
    ]
    proven = [s for s in near if s.state in ("complete", "healed")]
    covered = _union(proven)
    gaps = tuple(left for s in near if s.state == "gap" for left in _outside(s, covered))
    whole = len(covered) == 1 and covered[0][0] <= since and covered[0][1] >= until
    if not whole:
        return Verdict("unproven", gaps)
    # `healed` wherever the bus once missed something that history brought back
    healed = any(s.state in ("healed", "gap") for s in near)
    return Verdict("healed" if healed else "complete", gaps)
